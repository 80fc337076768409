/**
 * What can be asked of a connector's source. `pipeline.ts` has the way that every call
 * goes; what is asked, and what need not be asked again, is here.
 */
import type { Failure } from "../failure.ts";
import type { QuotaFigures } from "../observability/figures.ts";
import type { Observe, Timings } from "../observability/observation.ts";
import type { Catalogue } from "../providers/catalogue.ts";
import type { Explanation, Page, Quota, ReadQuery, TestReport } from "../providers/contract.ts";
import type { ConnectorRow } from "../store/entities/connector.ts";
import type { Store } from "../store/store.ts";
import { createAnswerSealer } from "../vault/kept-answer.ts";
import type { Vault } from "../vault/vault.ts";
import type { About } from "./about.ts";
import { createAccounts } from "./accounting.ts";
import { type ActionAsked, act, carryOut, touchedBy } from "./acting.ts";
import { type Answered, answered, type Executed, type ExecutedStream, type PageQuery } from "./answer.ts";
import { able, asked, capabilityOf, movedBy, nothingMoved, refuseDisabled, type Work } from "./asking.ts";
import { translated } from "./attempt.ts";
import type { BreakerStatus } from "./breaker/breaker.ts";
import { createBreakers } from "./breaker/breakers.ts";
import { createBudgets } from "./budget/budgets.ts";
import { actWithin, createSpending, pageWithin, streamWithin } from "./budget/spending.ts";
import { createBulkheads } from "./bulkhead/bulkheads.ts";
import { createQueryCache } from "./cache/cache.ts";
import type { Caller } from "./call.ts";
import { keyOf } from "./connector-key.ts";
import { createClaims } from "./idempotency/claims.ts";
import type { ServiceLimits } from "./limits.ts";
import { observed } from "./observed-intent.ts";
import { pass, type Stages } from "./pipeline.ts";
import { createCooldowns } from "./rate-limit/cooldown.ts";
import { createRateLimits } from "./rate-limit/rate-limits.ts";
import type { SharedRedis } from "./redis.ts";
import { createRetries } from "./retry/retry.ts";
import { type ConnectorKey, createRunningCalls } from "./running.ts";
import { createSchemas, type ReadSchema } from "./session/schemas.ts";
import { type CommonContext, createSessions } from "./session/sessions.ts";
import { beginStream, readStream } from "./streaming.ts";

export type { Timings };

export interface ExecutionOptions {
  readonly catalogue: Catalogue;
  readonly vault: Vault;
  readonly store: Pick<Store, "withOrganization">;
  readonly session: CommonContext;
  readonly limits: ServiceLimits;
  /** Calls at once of one organization, and of all. */
  readonly calls: { readonly organization: number; readonly all: number };
  /** Milliseconds that a breaker stays open before it lets a probe through. */
  readonly breakerOpenMs: number;
  /** Bytes of kept answers, without Redis. */
  readonly cacheBytes: number;
  /** What replicas share; without it each has its own. */
  readonly redis: SharedRedis | undefined;
  readonly observe: Observe;
}

/** Every method throws a `Failure`, or what is no source's and no caller's fault. */
export interface Execution {
  test(connector: ConnectorRow, caller: Caller): Promise<Answered<TestReport>>;
  schema(connector: ConnectorRow, refresh: boolean, caller: Caller): Promise<ReadSchema>;
  query(connector: ConnectorRow, query: PageQuery, caller: Caller): Promise<Answered<Page>>;
  stream(connector: ConnectorRow, query: ReadQuery, caller: Caller): Promise<ExecutedStream>;
  /** Changes the source; or says what it would change, when the request is to do no more. */
  execute(connector: ConnectorRow, asked: ActionAsked, caller: Caller): Promise<Executed>;
  explain(connector: ConnectorRow, query: Omit<PageQuery, "maxAgeMs">, caller: Caller): Promise<Explanation>;
  /** The connector's breaker in this replica; replicas do not share them. */
  breakerStatus(organizationId: string, connectorId: string): BreakerStatus;
  /** What the source has said of its quotas. */
  quotas(organizationId: string, connectorId: string): readonly Quota[];
  /** Permits given and waited for, in this replica. */
  bulkheadFigures(): { readonly running: number; readonly waiting: number };
  /** Sessions that are kept. */
  sessionCount(): number;
  /** Of the quota that is nearest to its end, of each provider's connectors. */
  leastQuotas(): Readonly<Record<string, QuotaFigures>>;
  /** The same of one connector; undefined where its source has said nothing of any. */
  quotaFigures(organizationId: string, connectorId: string): QuotaFigures | undefined;
  /** Something was done to a resource of the connector, or to any (undefined): no kept answer of it is given any more. */
  touched(organizationId: string, connectorId: string, resource: string | undefined): Promise<void>;
  /**
   * The connector was changed or deleted, here or by another replica: its session closes
   * when its calls have ended, its credential leaves the memory, and its breaker is closed.
   * A pause that its source asked for still holds.
   */
  forget(organizationId: string, connectorId: string): void;
  /** The connectors through which calls run now. */
  running(): readonly ConnectorKey[];
  /** The agents whose calls run now, with their connectors. */
  runningAgents(): readonly (ConnectorKey & { readonly agent: string })[];
  /** Whether calls run through this one. */
  isRunning(connector: ConnectorKey): boolean;
  /** Ends the calls that run through a connector which is no longer to be used. */
  end(connector: ConnectorKey, reason: Failure): void;
  /** Ends the calls that were made with an API key which is no longer good. */
  endKey(apiKeyId: string, reason: Failure): void;
  /** Ends the calls that an agent has made through a connector on any grant but that of this version. */
  endAgent(connector: ConnectorKey, agent: string, grant: string | undefined, reason: Failure): void;
  /** Ends what still runs with this reason. */
  abort(reason: Failure): void;
  close(): Promise<void>;
}

/** Milliseconds that a probe gets at least, and after which it counts as failing until it succeeds after all. */
const probeMs = 2_500;

export function createExecution(options: ExecutionOptions): Execution {
  const { catalogue, vault, store, redis, observe } = options;
  const drain = new AbortController();
  const sessions = createSessions(catalogue, vault, options.session, observe);
  const breakers = createBreakers({ openMs: options.breakerOpenMs, probeMs, observe });
  const bulkheads = createBulkheads({ ...options.calls, observe });
  const cooldowns = createCooldowns({ redis, observe });
  const rateLimits = createRateLimits({ redis, observe });
  const retries = createRetries({ observe });
  const cache = createQueryCache({ maxBytes: options.cacheBytes, redis, vault, observe });
  const claims = createClaims(createAnswerSealer(vault));
  const budgets = createBudgets(store);
  const spending = createSpending(budgets);
  const schemas = createSchemas();
  const running = createRunningCalls();
  const stages: Stages = {
    ...{ cooldowns, rateLimits, retries, breakers, bulkheads, sessions, observe },
    ...{ probeMs, drain: drain.signal },
  };

  const { begin, account, run, readFor } = createAccounts({
    ...{ catalogue, serviceLimits: options.limits, stages, spending, running, observe },
  });

  return {
    test: (connector, caller) =>
      run({ method: "TestConnector", connector, caller }, (session, call) => session.test(call)),

    async explain(connector, { query, page }, caller) {
      const explained = await run({ method: "ExplainQuery", connector, caller, query }, (session, call, provider) =>
        able(session, "explain", "explain", provider)(query, page, call),
      );
      return explained.result;
    },

    query(connector, { query, page: whole, maxAgeMs }, caller) {
      const about: About = { method: "Query", connector, caller, query };
      return account(about, async (ticket, allowance) => {
        const page = pageWithin(whole, allowance);
        const read: Work<Page> = (session, call, provider) =>
          able(session, "query", capabilityOf(query), provider)(query, page, call);
        const ageMs = Math.min(maxAgeMs, ticket.limits.cacheMs);
        if (ageMs <= 0) {
          const result = await pass(stages, ticket, asked(read));
          return [answered(result, ticket), movedBy(result)];
        }
        // Who joins another's reading waits for the source as well.
        ticket.call.enter("source");
        const kept = await cache.get({ connector, query, page }, ageMs, ticket.call.signal, async (signal) => {
          return { page: await readFor(about, ticket, signal, read), readTime: new Date() };
        });
        const cached = kept.from === "kept";
        const answer = { ...answered(kept.page, ticket), cached, readTime: kept.readTime };
        return [answer, { ...movedBy(kept.page), cached }];
      });
    },

    async execute(connector, asked, caller) {
      const { request } = asked;
      const about: About = { method: "Execute", connector, caller, action: request.action };
      if (request.dryRun) {
        const tried = await run(about, (session, call, provider) => carryOut(session, provider, request, call));
        return { ...tried, replayed: false };
      }
      return account(about, async (ticket, allowance) => {
        const { organizationId, connectorId } = ticket.subject;
        const touched = () => cache.invalidate(organizationId, connectorId, touchedBy(request.action));
        const parts = { stages, store, claims, touched, observe };
        const { result, replayed } = await actWithin(request, allowance, (within) =>
          act(parts, ticket, observed({ ...asked, request: within }, ticket, observe)),
        );
        const rows = replayed ? 0 : result.affectedRows;
        return [
          { ...answered(result, ticket), replayed },
          { ...movedBy(result), rows },
        ];
      });
    },

    schema(connector, refresh, caller) {
      const about: About = { method: "GetSchema", connector, caller };
      const key = `${keyOf(connector.organizationId, connector.id)}/${connector.version}`;
      return account(about, async (ticket) => {
        const read = () =>
          readFor(about, ticket, new AbortController().signal, async (session, call, provider) => ({
            resources: await able(session, "schema", "schema", provider)(call),
            actions: (await session.actions?.(call)) ?? [],
          }));
        ticket.call.enter("source");
        const schema = await ticket.call.orEnded(schemas.get(key, refresh, read));
        return [schema, { ...nothingMoved, cached: ticket.attempts === 0 }];
      });
    },

    async stream(connector, query, caller) {
      const { ticket, outcome } = begin({ method: "StreamQuery", connector, caller, query });
      const { call, subject } = ticket;
      const provider = catalogue.get(connector.provider);
      try {
        refuseDisabled(connector);
        const bounds = streamWithin(query, await spending.take(ticket, caller.agent));
        const stream = await pass(stages, ticket, async (session, source) =>
          beginStream(await able(session, "stream", capabilityOf(query), provider)(bounds.query, source), source),
        );
        const batches = readStream(stream, {
          ...{ call, outcome, bounds, stallMs: options.limits.stallMs, subject, observe },
          translated: (work) => translated(provider, call, work),
        });
        const { fields, postFiltered = [] } = stream;
        return {
          fields,
          postFiltered,
          readTime: new Date(),
          attempts: ticket.attempts,
          batches,
          timings: () => call.timings(),
        };
      } catch (error) {
        call.close();
        throw outcome.failed(error);
      }
    },

    breakerStatus: (organizationId, connectorId) => breakers.status(organizationId, connectorId),
    quotas: (organizationId, connectorId) => cooldowns.quotas(organizationId, connectorId),
    bulkheadFigures: () => bulkheads.figures(),
    sessionCount: () => sessions.count(),
    leastQuotas: () => cooldowns.leastLeft(),
    quotaFigures: (organizationId, connectorId) => cooldowns.quotaFigures(organizationId, connectorId),
    touched: (organizationId, connectorId, resource) => cache.invalidate(organizationId, connectorId, resource),
    forget(organizationId, connectorId) {
      for (const each of [sessions, breakers, retries]) each.forget(organizationId, connectorId);
    },
    running: () => running.connectors(),
    runningAgents: () => running.agents(),
    isRunning: (connector) => running.has(connector),
    end: (connector, reason) => running.end(connector, reason),
    endKey: (apiKeyId, reason) => running.endKey(apiKeyId, reason),
    endAgent: running.endAgent,
    abort(reason) {
      drain.abort(reason);
      running.endAll(reason);
    },
    async close() {
      await budgets.close();
      await sessions.close();
      breakers.close();
      rateLimits.close();
      cache.close();
    },
  };
}
