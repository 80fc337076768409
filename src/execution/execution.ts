/**
 * The life of one call to a source. Its order is read here:
 *
 *     deadline → session → provider → outcome
 */
import { orAborted } from "../abort.ts";
import { Failure } from "../failure.ts";
import type { Timings } from "../observability/observation.ts";
import type { Catalogue } from "../providers/catalogue.ts";
import type {
  Capability,
  Explanation,
  Page,
  PageRequest,
  Provider,
  ReadQuery,
  Session,
  SessionContext,
  TestReport,
} from "../providers/contract.ts";
import type { Field } from "../rows/field.ts";
import type { PackedBatch } from "../rows/packed.ts";
import type { ConnectorRow } from "../store/entities/connector.ts";
import type { Vault } from "../vault/vault.ts";
import { type Caller, type CallLimits, type OpenCall, openCall } from "./call.ts";
import { createSchemas, type ReadSchema } from "./schemas.ts";
import { createSessions, type OpenSession } from "./sessions.ts";

export type { Timings };

export interface ExecutionOptions {
  readonly catalogue: Catalogue;
  readonly vault: Vault;
  readonly session: SessionContext;
  readonly unary: CallLimits;
  readonly stream: CallLimits;
}

/** What a call answered, and where its time went. */
export interface Answered<T> {
  readonly result: T;
  readonly timings: Timings;
  readonly readTime: Date;
}

export interface ExecutedStream {
  readonly fields: readonly Field[];
  readonly readTime: Date;
  /** To be read once, to its end or not at all any more. */
  readonly batches: AsyncIterable<PackedBatch>;
  /** Where the time has gone up to now. */
  timings(): Timings;
}

/** Every method throws a `Failure`, or what is no source's and no caller's fault. */
export interface Execution {
  test(connector: ConnectorRow, caller: Caller): Promise<Answered<TestReport>>;
  schema(connector: ConnectorRow, refresh: boolean, caller: Caller): Promise<ReadSchema>;
  query(connector: ConnectorRow, query: ReadQuery, page: PageRequest, caller: Caller): Promise<Answered<Page>>;
  stream(connector: ConnectorRow, query: ReadQuery, caller: Caller): Promise<ExecutedStream>;
  explain(connector: ConnectorRow, query: ReadQuery, page: PageRequest, caller: Caller): Promise<Explanation>;
  /**
   * The connector was changed or deleted: its session closes when its calls have ended,
   * and its credential leaves the memory. In this process; another one's closes with the
   * next call through the connector, or when it has long been unused.
   */
  forget(organizationId: string, connectorId: string): void;
  /** Ends what still runs with this reason. */
  abort(reason: Failure): void;
  close(): Promise<void>;
}

export function createExecution({ catalogue, vault, session, unary, stream }: ExecutionOptions): Execution {
  const sessions = createSessions(catalogue, vault, session);
  const schemas = createSchemas();
  const drain = new AbortController();

  async function run<T>(
    connector: ConnectorRow,
    caller: Caller,
    work: (session: Session, call: OpenCall, provider: Provider) => Promise<T>,
  ): Promise<Answered<T>> {
    const call = openCall(caller, limitsOf(connector, unary), drain.signal);
    try {
      const open = await sessions.get(connector);
      const result = await translated(open, call, () => work(open.session, call, open.provider));
      return { result, timings: call.timings(), readTime: new Date() };
    } finally {
      call.close();
    }
  }

  return {
    test: (connector, caller) => run(connector, caller, (session, call) => session.test(call)),

    query: (connector, query, page, caller) =>
      run(connector, caller, (session, call, provider) =>
        able(session, "query", capabilityOf(query), provider)(query, page, call),
      ),

    async explain(connector, query, page, caller) {
      const answer = await run(connector, caller, (session, call, provider) =>
        able(session, "explain", "explain", provider)(query, page, call),
      );
      return answer.result;
    },

    async schema(connector, refresh, caller) {
      const key = `${connector.organizationId}/${connector.id}/${connector.version}`;
      // Many may wait for one reading: the first one's leaving must not end it.
      const reader = { ...caller, signal: new AbortController().signal, timeoutMs: undefined };
      const read = async () => {
        const answer = await run(connector, reader, (session, call, provider) =>
          able(session, "schema", "schema", provider)(call),
        );
        return answer.result;
      };
      const call = openCall(caller, limitsOf(connector, unary), drain.signal);
      try {
        return await orAborted(schemas.get(key, refresh, read), call.signal);
      } finally {
        call.close();
      }
    },

    async stream(connector, query, caller) {
      const call = openCall(caller, limitsOf(connector, stream), drain.signal);
      try {
        const open = await sessions.get(connector);
        const begin = able(open.session, "stream", capabilityOf(query), open.provider);
        const { fields, batches } = await translated(open, call, () => begin(query, call));
        return {
          fields,
          readTime: new Date(),
          batches: translatedBatches(open, call, batches),
          timings: () => call.timings(),
        };
      } catch (error) {
        call.close();
        throw error;
      }
    },

    forget: (organizationId, connectorId) => sessions.forget(organizationId, connectorId),
    abort: (reason) => drain.abort(reason),
    close: () => sessions.close(),
  };
}

/** A connector may have a time limit of its own; the service's cap holds all the same. */
function limitsOf(connector: ConnectorRow, limits: CallLimits): CallLimits {
  const defaultMs = connector.policy?.defaultTimeoutMs;
  return defaultMs === undefined ? limits : { ...limits, defaultMs };
}

function capabilityOf(query: ReadQuery): Capability {
  return query.kind === "native" ? "native_query" : "query";
}

/** A session's method, if its provider declares that it can do this. */
function able<Method extends "query" | "stream" | "schema" | "explain">(
  session: Session,
  method: Method,
  capability: Capability,
  provider: Provider,
): NonNullable<Session[Method]> {
  const found = session[method];
  if (found === undefined || !provider.capabilities.includes(capability)) {
    throw new Failure("unsupported", `${provider.title} connectors can't do this: they lack "${capability}".`, {
      where: "connector",
      remedy: "ListProviders shows what each provider can do.",
    });
  }
  return found.bind(session) as NonNullable<Session[Method]>;
}

/** Says what an error means: the call's own end, before the source's word, before a fault of ours. */
async function translated<T>({ provider }: OpenSession, call: OpenCall, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (call.signal.aborted) throw call.signal.reason;
    throw error instanceof Failure ? error : (provider.classify(error) ?? error);
  }
}

async function* translatedBatches(
  open: OpenSession,
  call: OpenCall,
  batches: AsyncIterable<PackedBatch>,
): AsyncGenerator<PackedBatch> {
  const iterator = batches[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await translated(open, call, () => iterator.next());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
    call.close();
  }
}
