/** A session with an engine that has processes of its own: what a provider of one says, and the rest of it. */
import { LRUCache } from "lru-cache";
import type { Failure } from "../../../failure.ts";
import type { Resource } from "../../contract/resource.ts";
import type {
  Call,
  Check,
  NativeQuery,
  PageRequest,
  ReadQuery,
  Session,
  SessionContext,
  TestReport,
} from "../../contract.ts";
import { Borrowed, batchesOf, type MeaningOf } from "../borrowed.ts";
import type { Dialect, SqlResource } from "../dialect.ts";
import { explanationOf, hasPlan, readPage, type SqlPlan } from "../page.ts";
import type { Run } from "../run.ts";
import { compiledColumns, compileSelect } from "../select.ts";
import { sessionPool } from "../session-pool.ts";
import { type EngineConnection, type EngineReading, openConnection } from "./connection.ts";
import type { Parameter } from "./engine.ts";
import { strayValue } from "./value.ts";

export interface EngineSource {
  /** The provider's id, which stands for a host where connections to each are counted. */
  readonly provider: string;
  /** The URL of the file that serves as the engine's process. */
  readonly module: string;
  /** What that is opened with; fails with a Failure when it can't be opened. */
  opening(): Promise<unknown>;
  /** The engine's version. */
  version(run: Run): Promise<string>;
  schema(run: Run): Promise<readonly Resource[]>;
  readonly dialect: Dialect;
  /** @throws Failure `unknown_resource` */
  lookUp(run: Run, name: string): Promise<SqlResource>;
  /** @throws Failure when it is not one statement that only reads, with its parameters */
  native(query: NativeQuery): NativePlan;
  /** The engine's own plan of a statement, as JSON. */
  explain(run: (text: string) => ReturnType<Run>, text: string): Promise<readonly unknown[]>;
  /** @param statement of the caller's own, when that is what failed */
  classify(cause: unknown, statement?: string): Failure | undefined;
}

export interface NativePlan {
  readonly text: string;
  readonly parameters: readonly Parameter[];
}

interface EnginePlan extends Omit<SqlPlan, "fields" | "parameters">, NativePlan {
  /** Absent for a native statement, whose fields the engine says when it runs. */
  readonly fields: SqlPlan["fields"] | undefined;
}

/** Milliseconds for which a resource is taken to be as it was. */
const maxAgeMs = 10_000;
const maxResources = 1_000;

type Lent = Borrowed<EngineConnection>;

export function engineSession(source: EngineSource, context: SessionContext): Session {
  const pool = sessionPool<EngineConnection>(
    {
      host: source.provider,
      open: async (signal) => openConnection(source.module, await source.opening(), signal),
      refuseRisky: async () => {}, // There are no users.
    },
    context,
  );
  const resources = new LRUCache<string, SqlResource>({ max: maxResources, ttl: maxAgeMs });
  const meaningFor =
    (query?: ReadQuery): MeaningOf =>
    (error) => {
      // The catalogue may not be what it was taken to be.
      resources.clear();
      const statement = query?.kind === "native" ? query.text : undefined;
      return strayValue(error, source.provider) ?? source.classify(error, statement);
    };
  const borrow = (call: Call, query?: ReadQuery) => Borrowed.from(pool, call, meaningFor(query));

  /** @param page Absent to read all rows. */
  async function planOf({ run }: Lent, query: ReadQuery, page?: PageRequest): Promise<EnginePlan> {
    if (query.kind === "native") {
      return { ...source.native(query), fields: undefined, paging: "single", select: undefined };
    }
    const known = resources.get(query.resource);
    const resource = known ?? (await source.lookUp(run, query.resource));
    if (known === undefined) resources.set(query.resource, resource);
    const select = compileSelect({
      ...{ dialect: source.dialect, resource, query },
      ...(page === undefined ? {} : { page }),
    });
    return { ...select, select };
  }

  async function withPlan<T>(
    query: ReadQuery,
    page: PageRequest,
    call: Call,
    work: (borrowed: Lent, plan: EnginePlan) => Promise<T>,
  ): Promise<T> {
    const borrowed = await borrow(call, query);
    return borrowed.during(async () => work(borrowed, await planOf(borrowed, query, page)));
  }

  return {
    test: (call) => test(source, () => borrow(call), call),
    async schema(call) {
      const borrowed = await borrow(call);
      return borrowed.during(() => source.schema(borrowed.run));
    },
    query: (query, page, call) =>
      withPlan(query, page, call, async (borrowed, plan) => {
        const reading = begin(borrowed, plan, plan.select === undefined ? page.size + 1 : undefined);
        return (await readPage(reading, await described(reading, plan), page)).page;
      }),
    explain: (query, page, call) =>
      withPlan(query, page, call, async ({ run }, plan) => {
        const sent = { ...plan, fields: plan.fields ?? [], parameters: plan.parameters.map(shown) };
        const asked = hasPlan(plan.text)
          ? await source.explain((text) => run(text, sent.parameters), plan.text)
          : undefined;
        return explanationOf(query, sent, asked === undefined ? {} : { plan: asked });
      }),
    async stream(query, call) {
      const borrowed = await borrow(call, query);
      try {
        const plan = await planOf(borrowed, query);
        const reading = begin(borrowed, plan);
        const { fields } = await described(reading, plan);
        return { fields, batches: batchesOf(borrowed, reading) };
      } catch (error) {
        throw borrowed.failed(error);
      }
    },
    async close() {
      pool.close();
    },
  };
}

function begin(borrowed: Lent, { text, parameters, select }: EnginePlan, maxRows?: number): EngineReading {
  const columns = select && compiledColumns(select);
  return borrowed.reads((connection) => connection.read({ text, parameters, columns, maxRows }));
}

async function described(reading: EngineReading, plan: EnginePlan): Promise<SqlPlan> {
  const columns = await reading.described;
  return { ...plan, fields: plan.fields ?? columns, parameters: plan.parameters.map(shown) };
}

function shown(parameter: Parameter): string | null {
  if (parameter instanceof Uint8Array) return `0x${Buffer.from(parameter).toString("hex")}`;
  return parameter === null ? null : String(parameter);
}

async function test(source: EngineSource, borrow: () => Promise<Lent>, call: Call): Promise<TestReport> {
  const report = { tls: "", readOnly: true, user: "" };
  try {
    const borrowed = await borrow();
    const version = await borrowed.during(() => source.version(borrowed.run));
    const checks = [passed("configuration", "What the configuration names is there."), passed("query", "It answers.")];
    return { ...report, ok: true, serverVersion: version, checks };
  } catch (error) {
    const failure = source.classify(error);
    if (call.signal.aborted || failure === undefined) throw error;
    const { kind, message, remedy = "" } = failure;
    const name = kind === "configuration_rejected" ? "configuration" : "query";
    const check: Check = { name, outcome: "failed", message, remedy, reason: kind.toUpperCase() };
    return { ...report, ok: false, serverVersion: "", checks: [check] };
  }
}

const passed = (name: Check["name"], message: string): Check => ({
  ...{ name, outcome: "passed", message, remedy: "", reason: "" },
});
