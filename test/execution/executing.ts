/** Executions over the tests' own HTTP source: all of the pipeline, and nothing of the wire. */
import { createDial } from "../../src/egress/dial.ts";
import { createEgressPolicy } from "../../src/egress/policy.ts";
import type { PageQuery } from "../../src/execution/answer.ts";
import type { Caller } from "../../src/execution/call.ts";
import { createExecution, type Execution } from "../../src/execution/execution.ts";
import type { ServiceLimits } from "../../src/execution/limits.ts";
import { connectRedis } from "../../src/execution/redis.ts";
import { createPlaces } from "../../src/execution/session/places.ts";
import type { CallEnded, Observation } from "../../src/observability/observation.ts";
import type { ReadQuery } from "../../src/providers/contract.ts";
import type { ConnectorPolicy, ConnectorRow } from "../../src/store/entities/connector.ts";
import { httpCatalogue } from "../support/http-provider.ts";
import { unhurried } from "../support/redis.ts";
import { connectorOf, vault } from "./cache-questions.ts";

export const serviceLimits: ServiceLimits = {
  unary: { defaultMs: 10_000, maxMs: 60_000 },
  stream: { defaultMs: 20_000, maxMs: 60_000 },
  ...{ concurrency: 4, waiting: 8, organizationCallsPerSecond: undefined, stallMs: 10_000 },
};

export interface Executing {
  readonly execution: Execution;
  readonly observations: readonly Observation[];
  /** What is told when a call is over. */
  ended(): readonly CallEnded[];
  close(): Promise<void>;
}

export interface ExecutingOptions {
  readonly limits?: Partial<ServiceLimits>;
  readonly breakerOpenMs?: number;
  readonly redisUrl?: string;
}

/** Settles when Redis, if there is one, is shared. */
export async function executing({
  limits,
  breakerOpenMs = 60_000,
  redisUrl,
}: ExecutingOptions = {}): Promise<Executing> {
  const observations: Observation[] = [];
  const shared = Promise.withResolvers<void>();
  const observe = (observation: Observation) => {
    observations.push(observation);
    if (observation.kind === "shared_state_changed" && observation.available) shared.resolve();
  };
  const redis = redisUrl === undefined ? undefined : connectRedis(redisUrl, observe, unhurried);
  if (redis !== undefined) await shared.promise;
  const execution = createExecution({
    // Queries need none.
    store: { withOrganization: () => Promise.reject(new Error("there is no store")) },
    ...{ catalogue: httpCatalogue, vault, redis, observe, breakerOpenMs },
    session: {
      dialFor: () => createDial(createEgressPolicy({ allow: ["127.0.0.0/8"] })),
      places: createPlaces({ perHost: 100, all: 100 }),
    },
    limits: { ...serviceLimits, ...limits },
    calls: { organization: 100, all: 100 },
    cacheBytes: 1_000_000,
  });
  return {
    execution,
    observations,
    ended: () => observations.filter((each) => each.kind === "call_ended"),
    async close() {
      await execution.close();
      redis?.close();
    },
  };
}

/** A connector to a source at this port. */
export function httpConnector(port: number, policy: ConnectorPolicy = {}): ConnectorRow {
  return connectorOf({ provider: "test_http", config: { host: "127.0.0.1", port }, policy });
}

export function queryOf(resource = "place"): ReadQuery {
  return { kind: "resource", resource, fields: [], filter: undefined, orderBy: [], limit: undefined };
}

export function pageQuery(maxAgeMs = 0): PageQuery {
  return { query: queryOf(), page: { size: 100, continuation: undefined, maxBytes: 1_000_000 }, maxAgeMs };
}

/** One who waits until it is answered, or for so long. */
export function callerFor(timeoutMs?: number, signal: AbortSignal = new AbortController().signal): Caller {
  return { principal: "tester", signal, timeoutMs };
}
