/** What is counted as it happens, and what stands as it was told last. */
import type { Family } from "../exposition.ts";
import type { BreakerChanged, SharedStateChanged, StreamEnded, StreamMoved, StreamOpened } from "../observation.ts";
import { reasonOf } from "../parts.ts";
import { createCounter } from "../series.ts";
import type { Counted } from "./calls.ts";

const counter = (name: string, help: string, ...labelNames: readonly string[]) =>
  createCounter({ name, help, labelNames });

/** Each counts one thing. */
export function eventCounters() {
  return {
    denials: counter("connector_denials_total", "RPCs, or parts of them, that their caller may not make.", "method"),
    retries: counter(
      "connector_retries_total",
      "Failed attempts that another one could follow, by what became of it.",
      "decision",
    ),
    rateLimited: counter(
      "connector_rate_limited_total",
      "Calls over a rate limit, by whose limit it is; not enforced: it was counted only.",
      ...["limit", "enforced"],
    ),
    bulkheadFull: counter(
      "connector_bulkhead_full_total",
      "Calls that found no room, not even in the line, by whose bulkhead it was.",
      "limit",
    ),
    egressRefused: counter(
      "connector_egress_refusals_total",
      "Connections that were not made since the policy forbids their address.",
    ),
    sessionsOpened: counter(
      "connector_sessions_opened_total",
      "Sessions that were opened, or failed to.",
      ...["provider", "reason"],
    ),
    cache: counter(
      "connector_cache_lookups_total",
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
    intents: counter(
      "connector_action_intents_total",
      "Intents of actions that were noted before their first byte went out, or could not be.",
      "reason",
    ),
    audited: counter(
      "connector_audit_entries_total",
      "Entries of the audit log that this replica has written.",
      ...["event", "outcome"],
    ),
    auditFailed: counter("connector_audit_failures_total", "Entries of the audit log that could not be written."),
    keyOperations: counter(
      "connector_key_operations_total",
      "Data keys that were to be wrapped or unwrapped; unknown: nobody has the key that it takes.",
      ...["operation", "outcome"],
    ),
    spans: counter("connector_spans_total", "Spans of traces, by what became of them.", "outcome"),
  };
}

export function breakerCounting(): Counted<(changed: BreakerChanged) => void> {
  const states = { open: 0, half_open: 0 };
  const gauge: Family = {
    ...{ type: "gauge", name: "connector_breakers", help: "Breakers that are not closed, by their state." },
    labelNames: ["state"],
    read: () => Object.entries(states).map(([state, value]) => ({ labels: { state }, value })),
  };
  const changes = counter(
    "connector_breaker_changes_total",
    "Changes of breakers, by the new state and the kind of failure that opened them.",
    ...["provider", "to", "reason"],
  );
  return {
    families: [gauge, changes],
    tell({ subject, from, to, reason }) {
      if (from !== "closed") states[from]--;
      if (to !== "closed") states[to]++;
      changes.count(1, subject.provider, to, reasonOf(reason));
    },
  };
}

/** Milliseconds that a batch waits for its reader before that is a stall. */
const stallMs = 1_000;

export function streamCounting(): Counted<(told: StreamOpened | StreamMoved | StreamEnded) => void> {
  let open = 0;
  const gauge: Family = {
    ...{ type: "gauge", name: "connector_streams_open", help: "Streams that have begun, and not ended." },
    labelNames: [],
    read: () => [{ labels: {}, value: open }],
  };
  const opened = counter("connector_streams_opened_total", "Streams that have begun.", "provider");
  const wait = counter(
    "connector_stream_reader_wait_seconds_total",
    "Time that streams have waited for their readers to take a batch.",
    "provider",
  );
  const stalls = counter(
    "connector_stream_stalls_total",
    "Batches that a reader let wait for a second or more.",
    "provider",
  );
  return {
    families: [gauge, opened, wait, stalls],
    tell(told) {
      const { provider } = told.subject;
      if (told.kind === "stream_opened") {
        open++;
        opened.count(1, provider);
        stalls.count(0, provider);
      } else if (told.kind === "stream_ended") open--;
      else {
        wait.count(told.waitMs / 1_000, provider);
        if (told.waitMs >= stallMs) stalls.count(1, provider);
      }
    },
  };
}

/** Whether what replicas share can be reached; nothing until that is known. */
export function sharedStateCounting(): Counted<(changed: SharedStateChanged) => void> {
  const parts = new Map<string, number>();
  const gauge: Family = {
    ...{ type: "gauge", name: "connector_shared_state_up" },
    help: "1 while what replicas share can be reached; absent until that is known.",
    labelNames: ["part"],
    read: () => [...parts].map(([part, value]) => ({ labels: { part }, value })),
  };
  return { families: [gauge], tell: ({ part, available }) => void parts.set(part, available ? 1 : 0) };
}
