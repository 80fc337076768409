import { request } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { createMetrics, type Metrics } from "../../src/observability/metrics.ts";
import type { Observation } from "../../src/observability/observation.ts";
import { listenForMetrics } from "../../src/server/metrics-port.ts";
import { callEnded, noTime, subject } from "./observations.ts";

/** The lines of the service's own metrics, without comments. */
async function linesOf(metrics: Metrics): Promise<string[]> {
  const { body } = await metrics.render();
  return body.split("\n").filter((line) => line.startsWith("connector_"));
}

test.each<[string, Observation, string]>([
  [
    "a call",
    callEnded({ reason: "upstream_lost" }),
    'connector_calls_total{method="Query",provider="postgresql",reason="upstream_lost"} 1',
  ],
  ["a call that succeeded", callEnded(), 'connector_calls_total{method="Query",provider="postgresql",reason="none"} 1'],
  [
    "an attempt",
    { kind: "attempt_ended", subject, attempt: 2, reason: "upstream_lost" },
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
    'connector_breaker_changes_total{to="open",reason="upstream_lost"} 1',
  ],
  [
    "a breaker that closes",
    { kind: "breaker_changed", subject, from: "half_open", to: "closed", reason: undefined },
    'connector_breaker_changes_total{to="closed",reason="none"} 1',
  ],
  [
    "a look into the cache",
    { kind: "cache_asked", subject, result: "joined" },
    'connector_cache_total{result="joined"} 1',
  ],
  ["a slow reader", { kind: "reader_too_slow", subject }, "connector_slow_readers_total 1"],
  ["a lost outcome", { kind: "outcome_not_noted", subject }, "connector_outcomes_not_noted_total 1"],
  [
    "a refresh of tokens",
    { kind: "token_refreshed", subject, outcome: "rejected" },
    'connector_token_refreshes_total{provider="postgresql",outcome="rejected"} 1',
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

test("a call's duration and the parts that it came to are in seconds", async () => {
  const metrics = createMetrics();
  metrics.observe(callEnded({ timings: { ...noTime, pool: 20, source: 400, total: 420 } }));
  metrics.observe(callEnded({ timings: { ...noTime, source: 100, total: 100 } }));

  const lines = await linesOf(metrics);
  expect(lines).toContain('connector_call_duration_seconds_sum{method="Query",provider="postgresql"} 0.52');
  expect(lines).toContain('connector_call_duration_seconds_bucket{le="0.25",method="Query",provider="postgresql"} 1');
  expect(lines).toContain('connector_call_duration_seconds_bucket{le="0.5",method="Query",provider="postgresql"} 2');
  expect(lines).toContain('connector_call_part_seconds_sum{part="source"} 0.5');
  expect(lines).toContain('connector_call_part_seconds_count{part="source"} 2');
  expect(lines).toContain('connector_call_part_seconds_count{part="pool"} 1');
  expect(lines.filter((line) => line.includes('part="backoff"'))).toEqual([]);
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
  const open = async () => (await linesOf(metrics)).filter((line) => line.startsWith("connector_breakers_open"));
  const figures = (states: { open: number; half_open: number }) =>
    Object.entries(states).map(([state, number]) => `connector_breakers_open{state="${state}"} ${number}`);

  expect(await open()).toEqual(figures({ open: 0, half_open: 0 }));
  change("closed", "open");
  change("closed", "open");
  change("open", "half_open");
  expect(await open()).toEqual(figures({ open: 1, half_open: 1 }));
  change("half_open", "closed");
  expect(await open()).toEqual(figures({ open: 1, half_open: 0 }));
});

test("figures are read at each scrape, and those that nobody gives are left out", async () => {
  let dropped = 0;
  const left: Record<string, number> = { rest: 0.25 };
  const metrics = createMetrics({
    bulkhead: () => ({ running: 2, waiting: 1 }),
    quotaLeft: () => left,
    historyDropped: () => dropped,
  });
  expect(await linesOf(metrics)).toEqual(
    expect.arrayContaining([
      'connector_bulkhead_calls{state="running"} 2',
      'connector_bulkhead_calls{state="waiting"} 1',
      'connector_quota_left_ratio{provider="rest"} 0.25',
      "connector_history_dropped_total 0",
      expect.stringMatching(/^connector_build_info\{version="\d+\.\d+\.\d+"\} 1$/),
    ]),
  );
  dropped = 7;
  // All that was said has been reset.
  delete left.rest;
  const lines = await linesOf(metrics);
  expect(lines).toContain("connector_history_dropped_total 7");
  expect(lines.filter((line) => line.startsWith("connector_places"))).toEqual([]);
  expect(lines.filter((line) => line.startsWith("connector_quota_left_ratio{"))).toEqual([]);
});

test("no label names a connector, an organization, a caller or what was asked for", async () => {
  const metrics = createMetrics();
  metrics.observe(callEnded({ principal: "canary-principal", resource: "canary-resource" }));
  const { body } = await metrics.render();
  for (const canary of ["canary", subject.connectorId, subject.organizationId]) expect(body).not.toContain(canary);
});

test("two services in one process count apart, and both show the process", async () => {
  const [one, other] = [createMetrics(), createMetrics()];
  one.observe({ kind: "reader_too_slow", subject });
  expect(await linesOf(one)).toContain("connector_slow_readers_total 1");
  expect(await linesOf(other)).toContain("connector_slow_readers_total 0");
  for (const metrics of [one, other]) {
    const { contentType, body } = await metrics.render();
    expect(contentType).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
    expect(body).toMatch(/^process_cpu_seconds_total \d/m);
    expect(body).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
    // Of OpenMetrics: each metric once, its samples after its type, and an end.
    const types = body.match(/^# TYPE \S+/gm) ?? [];
    expect(new Set(types).size).toBe(types.length);
    expect(body.endsWith("\n# EOF\n")).toBe(true);
  }
});

async function portOf(render: Metrics["render"]) {
  const faults: unknown[] = [];
  const port = await listenForMetrics({
    ...{ host: "127.0.0.1", port: 0, render },
    onFault: (fault) => void faults.push(fault),
  });
  onTestFinished(() => port.close());
  const ask = (method: string, path: string) =>
    new Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: string }>((resolve, reject) => {
      const asked = request({ host: "127.0.0.1", port: port.port, method, path }, async (response) => {
        const chunks = await Array.fromAsync(response);
        const { statusCode: status = 0, headers } = response;
        resolve({ status, headers, body: Buffer.concat(chunks).toString() });
      });
      asked.on("error", reject).end();
    });
  return { ask, faults };
}

test("the port serves the metrics, and nothing else", async () => {
  const metrics = createMetrics();
  metrics.observe(callEnded());
  const { ask, faults } = await portOf(metrics.render);

  const answer = await ask("GET", "/metrics?name=value");
  expect(answer).toMatchObject({
    status: 200,
    headers: { "content-type": "application/openmetrics-text; version=1.0.0; charset=utf-8" },
  });
  expect(answer.body).toContain("connector_calls_total{");
  expect(await ask("HEAD", "/metrics")).toMatchObject({ status: 200, body: "" });
  for (const path of ["/", "/metrics/", "/metrics/x", "//metrics", "/connector.v1.ConnectorService/Query"]) {
    expect(await ask("GET", path)).toMatchObject({ status: 404 });
  }
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
    expect(await ask(method, "/metrics")).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  }
  expect(faults).toEqual([]);
});

test("a fault of the rendering is told to the log and not to the scraper", async () => {
  const { ask, faults } = await portOf(() => Promise.reject(new Error("a secret")));
  const { status, body } = await ask("GET", "/metrics");
  expect(status).toBe(500);
  expect(body).not.toContain("secret");
  expect(faults).toHaveLength(1);
});

test("a metrics port that is taken is told at once", async () => {
  const first = await listenForMetrics({
    ...{ host: "127.0.0.1", port: 0, render: createMetrics().render, onFault: () => {} },
  });
  onTestFinished(() => first.close());
  const second = listenForMetrics({
    ...{ host: "127.0.0.1", port: first.port, render: createMetrics().render, onFault: () => {} },
  });
  await expect(second).rejects.toMatchObject({ code: "EADDRINUSE" });
});
