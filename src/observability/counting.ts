/** Counts what the rooms tell. */
import { Counter, Gauge, type OpenMetricsContentType, type Registry } from "prom-client";
import type { CallEnded, Observe, Timings } from "./observation.ts";
import { createCounter, createHistogram } from "./series.ts";

/** In seconds: from an answer out of the cache to a stream of minutes. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600];

/** The reason of what succeeded: an empty label would be none. */
const noReason = "none";

/** Each part with the value of its label. */
const parts = [
  ["rateLimit", "rate_limit"],
  ["bulkhead", "bulkhead"],
  ["backoff", "backoff"],
  ["pool", "pool"],
  ["connect", "connect"],
  ["source", "source"],
  ["transfer", "transfer"],
] as const satisfies readonly (readonly [keyof Timings, string])[];

/** What counts each observation, with its metrics in the registry. */
export function createCounting(registry: Registry<OpenMetricsContentType>): Observe {
  const countCall = callCounting(registry);
  const countAttempt = createCounter(registry, {
    name: "connector_attempts_total",
    help: "How often sources were asked, by the number of the attempt and the reason of its error.",
    labelNames: ["provider", "attempt", "reason"],
  });
  const count = counters(registry);
  const { breakers, shared } = gauges(registry);
  return (observation) => {
    switch (observation.kind) {
      case "call_ended":
        return countCall(observation);
      case "attempt_ended": {
        const { subject, attempt, reason = noReason } = observation;
        return countAttempt(subject.provider, String(attempt), reason);
      }
      case "retry_decided":
        return count.retries.inc({ decision: observation.decision });
      case "rate_limited":
        return count.rateLimited.inc({ limit: observation.limit, enforced: String(observation.enforced) });
      case "bulkhead_full":
        return count.bulkheadFull.inc({ limit: observation.limit });
      case "breaker_changed": {
        const { from, to, reason = noReason } = observation;
        if (from !== "closed") breakers.dec({ state: from });
        if (to !== "closed") breakers.inc({ state: to });
        return count.breakerChanges.inc({ to, reason });
      }
      case "cache_asked":
        return count.cache.inc({ result: observation.result });
      case "reader_too_slow":
        return count.slowReaders.inc();
      case "outcome_not_noted":
        return count.outcomesNotNoted.inc();
      case "token_refreshed":
        return count.tokenRefreshes.inc({ provider: observation.subject.provider, outcome: observation.outcome });
      case "shared_state_changed":
        return shared.set({ part: observation.part }, observation.available ? 1 : 0);
      default:
        return unknown(observation);
    }
  };
}

/** An observation that is not counted does not compile. */
function unknown(_: never): void {}

function callCounting(registry: Registry<OpenMetricsContentType>): (ended: CallEnded) => void {
  const count = createCounter(registry, {
    name: "connector_calls_total",
    help: `Calls to connectors that are over, by the reason of their error, "${noReason}" for those that succeeded.`,
    labelNames: ["method", "provider", "reason"],
  });
  const measure = createHistogram(
    registry,
    {
      name: "connector_call_duration_seconds",
      help: "From a call's arrival to its end.",
      labelNames: ["method", "provider"],
    },
    buckets,
  );
  const measurePart = createHistogram(
    registry,
    {
      name: "connector_call_part_seconds",
      help:
        "Where the time of calls went, counting those that came to the part at all. They wait in rate_limit, bulkhead, " +
        "backoff and pool; connect, source and transfer are the source's.",
      labelNames: ["part"],
    },
    buckets,
  );
  return ({ method, subject: { provider }, reason = noReason, timings }) => {
    count(method, provider, reason);
    measure(timings.total / 1_000, method, provider);
    for (const [part, label] of parts) {
      const spent = timings[part];
      if (spent > 0) measurePart(spent / 1_000, label);
    }
  };
}

function gauges(registry: Registry<OpenMetricsContentType>) {
  const registers = [registry];
  const breakers = new Gauge({
    name: "connector_breakers_open",
    help: "Breakers that are not closed, by their state.",
    labelNames: ["state"],
    registers,
  });
  for (const state of ["open", "half_open"]) breakers.set({ state }, 0);
  const shared = new Gauge({
    name: "connector_shared_state_up",
    help: "1 while what replicas share can be reached; absent until that is known.",
    labelNames: ["part"],
    registers,
  });
  return { breakers, shared };
}

function counters(registry: Registry<OpenMetricsContentType>) {
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  return {
    retries: counter(
      "connector_retries_total",
      "Failed attempts that another one could follow, by what became of it.",
      "decision",
    ),
    rateLimited: counter(
      "connector_rate_limited_total",
      "Calls over a rate limit, by whose limit it is; not enforced: it was counted only.",
      ...(["limit", "enforced"] as const),
    ),
    bulkheadFull: counter(
      "connector_bulkhead_full_total",
      "Calls that found no room, not even in the line, by whose bulkhead it was.",
      "limit",
    ),
    breakerChanges: counter(
      "connector_breaker_changes_total",
      "Changes of breakers, by the new state and the kind of failure that opened them.",
      ...(["to", "reason"] as const),
    ),
    cache: counter(
      "connector_cache_total",
      "Queries that accept a kept answer, by whether there was one; joined: it was on its way.",
      "result",
    ),
    slowReaders: counter(
      "connector_slow_readers_total",
      "Streams that were ended since their reader took nothing for too long.",
    ),
    outcomesNotNoted: counter(
      "connector_outcomes_not_noted_total",
      "Actions that have ended, and of which the store did not take what came of them.",
    ),
    tokenRefreshes: counter(
      "connector_token_refreshes_total",
      "Refreshes of connectors' tokens, by what came of them; rejected: somebody has to authorize the connector again.",
      ...(["provider", "outcome"] as const),
    ),
  };
}
