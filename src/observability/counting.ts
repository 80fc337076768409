/** Counts what the rooms tell. */
import { attemptCounting, callCounting, refreshCounting, rpcCounting } from "./counting/calls.ts";
import { breakerCounting, eventCounters, sharedStateCounting, streamCounting } from "./counting/events.ts";
import type { Family } from "./exposition.ts";
import type { Observation, Observe } from "./observation.ts";
import { reasonOf } from "./parts.ts";
import type { TopConnectors } from "./top/connectors.ts";

type Kind = Observation["kind"];
/** One for each kind: an observation that nobody counts does not compile. */
type Tellers = { readonly [K in Kind]: (observation: Extract<Observation, { readonly kind: K }>) => void };

/** What counts each observation, and the families that it counts them in. */
export function createCounting(top: TopConnectors): {
  readonly observe: Observe;
  readonly families: readonly Family[];
} {
  const [rpcs, calls, attempts, refreshes] = [rpcCounting(), callCounting(), attemptCounting(), refreshCounting()];
  const [breakers, streams, shared] = [breakerCounting(), streamCounting(), sharedStateCounting()];
  const events = eventCounters();
  let draining = 0;
  const drains: Family = {
    ...{ type: "gauge", name: "connector_draining", help: "1 while the service stops.", labelNames: [] },
    read: () => [{ labels: {}, value: draining }],
  };
  const tellers: Tellers = {
    rpc_ended: rpcs.tell,
    denied: ({ method }) => events.denials.count(1, method),
    draining() {
      draining = 1;
    },
    call_ended(ended) {
      calls.tell(ended);
      top.callEnded(ended);
    },
    attempt_ended(ended) {
      attempts.tell(ended);
      top.attemptEnded(ended);
    },
    retry_decided: ({ decision }) => events.retries.count(1, decision),
    rate_limited: ({ limit, enforced }) => events.rateLimited.count(1, limit, String(enforced)),
    bulkhead_full: ({ limit }) => events.bulkheadFull.count(1, limit),
    breaker_changed: breakers.tell,
    session_opened: ({ subject, reason }) => events.sessionsOpened.count(1, subject.provider, reasonOf(reason)),
    intent_noted: ({ reason }) => events.intents.count(1, reasonOf(reason)),
    egress_refused: () => events.egressRefused.count(1),
    stream_opened: streams.tell,
    stream_moved(moved) {
      streams.tell(moved);
      calls.streamMoved(moved);
      top.streamMoved(moved);
    },
    stream_ended: streams.tell,
    reader_too_slow: () => events.slowReaders.count(1),
    cache_asked: ({ result }) => events.cache.count(1, result),
    outcome_not_noted: () => events.outcomesNotNoted.count(1),
    token_refreshed: refreshes.tell,
    audit_written({ event, outcome }) {
      if (outcome === "unwritten") events.auditFailed.count(1);
      else events.audited.count(1, event, outcome);
    },
    key_used: ({ operation, outcome }) => events.keyOperations.count(1, operation, outcome),
    spans_exported: ({ spans, outcome }) => events.spans.count(spans, outcome),
    shared_state_changed: shared.tell,
  };
  const all = [rpcs, calls, attempts, refreshes, breakers, streams, shared];
  return {
    // The tellers are all there, each for its own kind, which the compiler does not follow through the index.
    observe: (observation) => (tellers[observation.kind] as (observation: Observation) => void)(observation),
    families: [...all.flatMap(({ families }) => families), ...Object.values(events), drains],
  };
}
