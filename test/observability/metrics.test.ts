import { expect, test } from "vitest";
import { createMetrics, type Metrics } from "../../src/observability/metrics.ts";
import type { Observation } from "../../src/observability/observation.ts";
import { attemptEnded, callEnded, noTime, rpcEnded, subject } from "./observations.ts";

/** The lines of the service's own metrics, without comments. */
async function linesOf(metrics: Metrics): Promise<string[]> {
  const { body } = await metrics.render();
  return body.split("\n").filter((line) => line.startsWith("connector_"));
}

const provider = "postgresql";

test.each<[string, Observation, string]>([
  [
    "an RPC",
    rpcEnded({ code: "not_found", reason: "not_found" }),
    'connector_rpcs_total{method="Query",code="not_found",reason="not_found"} 1',
  ],
  ["an RPC that succeeded", rpcEnded(), 'connector_rpcs_total{method="Query",code="ok",reason="none"} 1'],
  ["a denial", { kind: "denied", method: "Execute" }, 'connector_denials_total{method="Execute"} 1'],
  ["the end of the service", { kind: "draining" }, "connector_draining 1"],
  [
    "a call",
    callEnded({ reason: "upstream_lost" }),
    'connector_calls_total{method="Query",provider="postgresql",reason="upstream_lost"} 1',
  ],
  ["a call that succeeded", callEnded(), 'connector_calls_total{method="Query",provider="postgresql",reason="none"} 1'],
  ["rows", callEnded({ rows: 7 }), 'connector_rows_total{method="Query",provider="postgresql"} 7'],
  ["bytes", callEnded({ bytes: 70 }), 'connector_bytes_total{method="Query",provider="postgresql"} 70'],
  [
    "an attempt",
    attemptEnded({ attempt: 2, reason: "upstream_lost" }),
    'connector_attempts_total{provider="postgresql",attempt="2",reason="upstream_lost"} 1',
  ],
  [
    "a retry",
    { kind: "retry_decided", subject, decision: "budget_used" },
    'connector_retries_total{decision="budget_used"} 1',
  ],
  [
    "a rate limit",
    { kind: "rate_limited", subject, limit: "organization", enforced: false },
    'connector_rate_limited_total{limit="organization",enforced="false"} 1',
  ],
  [
    "a full bulkhead",
    { kind: "bulkhead_full", subject, limit: "connector" },
    'connector_bulkhead_full_total{limit="connector"} 1',
  ],
  [
    "a change of a breaker",
    { kind: "breaker_changed", subject, from: "closed", to: "open", reason: "upstream_lost" },
    'connector_breaker_changes_total{provider="postgresql",to="open",reason="upstream_lost"} 1',
  ],
  [
    "a breaker that closes",
    { kind: "breaker_changed", subject, from: "half_open", to: "closed", reason: undefined },
    'connector_breaker_changes_total{provider="postgresql",to="closed",reason="none"} 1',
  ],
  [
    "a session",
    { kind: "session_opened", subject, reason: undefined },
    'connector_sessions_opened_total{provider="postgresql",reason="none"} 1',
  ],
  ["a forbidden address", { kind: "egress_refused" }, "connector_egress_refusals_total 1"],
  [
    "a look into the cache",
    { kind: "cache_asked", subject, result: "joined" },
    'connector_cache_lookups_total{result="joined"} 1',
  ],
  ["a slow reader", { kind: "reader_too_slow", subject }, "connector_slow_readers_total 1"],
  [
    "an intent",
    { kind: "intent_noted", subject, reason: "service_unavailable" },
    'connector_action_intents_total{reason="service_unavailable"} 1',
  ],
  ["a lost outcome", { kind: "outcome_not_noted", subject }, "connector_outcomes_not_noted_total 1"],
  [
    "a refresh of tokens",
    { kind: "token_refreshed", subject, outcome: "rejected", ms: 40 },
    'connector_token_refreshes_total{provider="postgresql",outcome="rejected"} 1',
  ],
  [
    "an audit entry",
    { kind: "audit_written", event: "query.native", outcome: "intended" },
    'connector_audit_entries_total{event="query.native",outcome="intended"} 1',
  ],
  [
    "an audit entry that was not written",
    { kind: "audit_written", event: "query.native", outcome: "unwritten" },
    "connector_audit_failures_total 1",
  ],
  [
    "a key that nobody has",
    { kind: "key_used", operation: "unwrap", outcome: "unknown" },
    'connector_key_operations_total{operation="unwrap",outcome="unknown"} 1',
  ],
  [
    "lost spans",
    { kind: "spans_exported", spans: 9, outcome: "dropped" },
    'connector_spans_total{outcome="dropped"} 9',
  ],
  [
    "a loss of shared state",
    { kind: "shared_state_changed", part: "redis", available: false },
    'connector_shared_state_up{part="redis"} 0',
  ],
])("%s is counted", async (_, observation, expected) => {
  const metrics = createMetrics();
  metrics.observe(observation);
  expect(await linesOf(metrics)).toContain(expected);
});

test("a call's duration, what it waited for and what its source took are in seconds", async () => {
  const metrics = createMetrics();
  metrics.observe(callEnded({ timings: { ...noTime, pool: 20, source: 400, total: 420 } }));
  metrics.observe(callEnded({ timings: { ...noTime, source: 100, total: 100 } }));

  const lines = await linesOf(metrics);
  for (const line of [
    'connector_call_duration_seconds_sum{method="Query",provider="postgresql"} 0.52',
    'connector_call_duration_seconds_bucket{le="0.25",method="Query",provider="postgresql"} 1',
    'connector_call_duration_seconds_bucket{le="0.5",method="Query",provider="postgresql"} 2',
    'connector_call_running_seconds_sum{part="source",provider="postgresql"} 0.5',
    'connector_call_running_seconds_count{part="source",provider="postgresql"} 2',
    'connector_call_queue_seconds_count{queue="pool"} 1',
  ]) {
    expect(lines).toContain(line);
  }
  expect(lines.filter((line) => line.includes('queue="backoff"'))).toEqual([]);
});

test("a call that is longer than all that was foreseen is in the last bucket only, and in the sum", async () => {
  const metrics = createMetrics();
  for (const total of [600_000, 700_000]) metrics.observe(callEnded({ timings: { ...noTime, total } }));

  const lines = await linesOf(metrics);
  const series = 'method="Query",provider="postgresql"}';
  for (const line of [
    `connector_call_duration_seconds_bucket{le="300",${series} 0`,
    `connector_call_duration_seconds_bucket{le="600",${series} 1`,
    `connector_call_duration_seconds_bucket{le="+Inf",${series} 2`,
    `connector_call_duration_seconds_count{${series} 2`,
    `connector_call_duration_seconds_sum{${series} 1300`,
  ]) {
    expect(lines).toContain(line);
  }
});

test("breakers that are not closed are told apart by their state, and closed ones are none", async () => {
  const metrics = createMetrics();
  const change = (from: "closed" | "open" | "half_open", to: typeof from) =>
    metrics.observe({ kind: "breaker_changed", subject, from, to, reason: undefined });
  const open = async () => (await linesOf(metrics)).filter((line) => line.startsWith("connector_breakers{"));
  const figures = (states: { open: number; half_open: number }) =>
    Object.entries(states).map(([state, number]) => `connector_breakers{state="${state}"} ${number}`);

  expect(await open()).toEqual(figures({ open: 0, half_open: 0 }));
  change("closed", "open");
  change("closed", "open");
  change("open", "half_open");
  expect(await open()).toEqual(figures({ open: 1, half_open: 1 }));
  change("half_open", "closed");
  expect(await open()).toEqual(figures({ open: 1, half_open: 0 }));
});

test("a stream counts while it runs, and its call does not count its rows once more", async () => {
  const metrics = createMetrics();
  const streams = async () =>
    (await linesOf(metrics)).filter((line) => /^connector_(streams?_|rows|bytes)/.test(line) && !line.endsWith(" 0"));
  metrics.observe({ kind: "stream_opened", subject });
  metrics.observe({ kind: "stream_moved", subject, rows: 10, bytes: 100, waitMs: 0 });
  metrics.observe({ kind: "stream_moved", subject, rows: 10, bytes: 100, waitMs: 1_500 });
  expect(await streams()).toEqual(
    expect.arrayContaining([
      "connector_streams_open 1",
      `connector_rows_total{method="StreamQuery",provider="${provider}"} 20`,
      `connector_bytes_total{method="StreamQuery",provider="${provider}"} 200`,
      `connector_stream_reader_wait_seconds_total{provider="${provider}"} 1.5`,
      `connector_stream_stalls_total{provider="${provider}"} 1`,
    ]),
  );
  metrics.observe({ kind: "stream_ended", subject });
  metrics.observe(callEnded({ method: "StreamQuery", rows: 20, bytes: 200 }));
  const after = await streams();
  expect(after).toContain(`connector_rows_total{method="StreamQuery",provider="${provider}"} 20`);
  expect(after).toContain(`connector_streams_opened_total{provider="${provider}"} 1`);
  expect(after.filter((line) => line.startsWith("connector_streams_open "))).toEqual([]);
});

test("figures are read at each scrape, and those that nobody gives are left out", async () => {
  let dropped = 0;
  const metrics = createMetrics({ commit: "abc123" });
  metrics.watch({ bulkhead: () => ({ running: 2, waiting: 1, permits: 400 }), historyDropped: () => dropped });
  const quotas: Record<string, { left: number; exhaustionSeconds: number | undefined }> = {
    rest: { left: 0.25, exhaustionSeconds: 90 },
    crm: { left: 1, exhaustionSeconds: undefined },
  };
  // What is watched later comes beside what was.
  metrics.watch({ quotas: async () => quotas, storeUp: async () => false });
  expect(await linesOf(metrics)).toEqual(
    expect.arrayContaining([
      'connector_bulkhead_calls{state="running"} 2',
      'connector_bulkhead_calls{state="waiting"} 1',
      "connector_bulkhead_permits 400",
      'connector_quota_left_ratio{provider="rest"} 0.25',
      'connector_quota_exhaustion_seconds{provider="rest"} 90',
      "connector_history_dropped_total 0",
      "connector_store_up 0",
      expect.stringMatching(/^connector_build_info\{version="\d+\.\d+\.\d+",commit="abc123",node="\d+\.\d+\.\d+"\} 1$/),
    ]),
  );
  dropped = 7;
  // All that was said has been reset.
  delete quotas.rest;
  const lines = await linesOf(metrics);
  expect(lines).toContain("connector_history_dropped_total 7");
  for (const absent of [
    "connector_pool_",
    "connector_quota_exhaustion",
    'connector_quota_left_ratio{provider="rest"',
  ]) {
    expect(lines.filter((line) => line.startsWith(absent))).toEqual([]);
  }
});

test("no label names an organization, a caller or what was asked for", async () => {
  const metrics = createMetrics();
  metrics.observe(callEnded({ principal: "canary-principal", resource: "canary-resource", statement: "canary-sql" }));
  metrics.observe(attemptEnded({ resource: "canary-resource", status: "canary-status" }));
  for (const accept of [undefined, "application/openmetrics-text"]) {
    const { body } = await metrics.render(accept);
    for (const canary of ["canary", subject.organizationId]) expect(body).not.toContain(canary);
  }
});

test("two services in one process count apart, and both show the process", async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.observe({ kind: "reader_too_slow", subject });
  expect(await linesOf(one)).toContain("connector_slow_readers_total 1");
  expect(await linesOf(other)).toContain("connector_slow_readers_total 0");
  for (const metrics of [one, other]) {
    const { body } = await metrics.render();
    expect(body).toMatch(/^process_cpu_seconds_total \d/m);
    expect(body).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
  }
});
