import { expect, test } from "vitest";
import { createMetrics, type Metrics } from "../../../src/observability/metrics.ts";
import type { Subject } from "../../../src/observability/observation.ts";
import { attemptEnded, callEnded, noTime } from "../observations.ts";

const subjectOf = (n: number, provider = "postgresql"): Subject => ({
  ...{ organizationId: `org-${n % 7}`, provider },
  connectorId: `0199a5a0-0000-7000-8000-${String(n).padStart(12, "0")}`,
});

function call(metrics: Metrics, subject: Subject, times = 1): void {
  for (let i = 0; i < times; i++) metrics.observe(callEnded({ subject }));
}

/** The samples of the metrics that name connectors, by their series. */
async function scrape(metrics: Metrics): Promise<Map<string, number>> {
  const { body } = await metrics.render();
  const lines = body.split("\n").filter((line) => line.startsWith("connector_top_"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

const callsOf = (connector: string, provider = "postgresql") =>
  `connector_top_calls_total{connector="${connector}",provider="${provider}",reason="none"}`;
const named = (samples: ReadonlyMap<string, number>) =>
  new Set([...samples.keys()].map((series) => /connector="([^"]+)"/.exec(series)?.[1]).filter((id) => id !== "other"));

test("what a connector does is counted by its id, and what those without a seat do together, by their provider", async () => {
  const metrics = createMetrics({ connectors: 1 });
  const [own, another, api] = [subjectOf(1), subjectOf(2), subjectOf(3, "rest")];
  metrics.observe(
    callEnded({ subject: own, rows: 5, bytes: 50, timings: { ...noTime, pool: 20, source: 400, total: 420 } }),
  );
  metrics.observe(attemptEnded({ subject: own, reason: "upstream_lost" }));
  metrics.observe({ kind: "stream_moved", subject: own, rows: 2, bytes: 20, waitMs: 0 });
  metrics.observe(callEnded({ subject: another, reason: "not_found" }));
  call(metrics, api, 2);
  metrics.observe(attemptEnded({ subject: api }));

  const samples = await scrape(metrics);
  const labels = `connector="${own.connectorId}",provider="postgresql"`;
  expect(Object.fromEntries(samples)).toMatchObject({
    [callsOf(own.connectorId)]: 1,
    [`connector_top_call_duration_seconds_sum{${labels}}`]: 0.42,
    [`connector_top_call_duration_seconds_bucket{le="0.25",${labels}}`]: 0,
    [`connector_top_call_duration_seconds_bucket{le="0.5",${labels}}`]: 1,
    [`connector_top_call_part_seconds_total{${labels},part="pool"}`]: 0.02,
    [`connector_top_call_part_seconds_total{${labels},part="source"}`]: 0.4,
    [`connector_top_attempts_total{${labels},reason="upstream_lost"}`]: 1,
    [`connector_top_rows_total{${labels}}`]: 7,
    [`connector_top_bytes_total{${labels}}`]: 70,
    'connector_top_calls_total{connector="other",provider="postgresql",reason="not_found"}': 1,
    [callsOf("other", "rest")]: 2,
    'connector_top_attempts_total{connector="other",provider="rest",reason="none"}': 1,
  });
  expect(named(samples)).toEqual(new Set([own.connectorId]));
});

test("breakers and quotas are read of those that are named", async () => {
  const metrics = createMetrics({ connectors: 1 });
  metrics.watch({
    breakerState: () => "half_open",
    quota: ({ organizationId }) => ({ left: organizationId === "org-1" ? 0.1 : 1, exhaustionSeconds: 30 }),
  });
  call(metrics, subjectOf(1));
  call(metrics, subjectOf(2));
  const labels = `connector="${subjectOf(1).connectorId}",provider="postgresql"`;
  const gauges = [...(await scrape(metrics))].filter(([series]) => /_(state|ratio|exhaustion_seconds)\{/.test(series));
  expect(Object.fromEntries(gauges)).toEqual({
    [`connector_top_breaker_state{${labels}}`]: 1,
    [`connector_top_quota_left_ratio{${labels}}`]: 0.1,
    [`connector_top_quota_exhaustion_seconds{${labels}}`]: 30,
  });
});

test("who has become much busier takes the seat of one that is idle: both are in that scrape, whole", async () => {
  const metrics = createMetrics({ connectors: 2 });
  const [steady, idle, newcomer] = [subjectOf(1), subjectOf(2), subjectOf(3)];
  call(metrics, steady, 100);
  call(metrics, idle, 3);
  call(metrics, newcomer, 40);
  const first = await scrape(metrics);
  expect(first.get(callsOf(idle.connectorId))).toBe(3);
  // Its first increase is to show as one, and what it did before stays where it was counted.
  expect(first.get(callsOf(newcomer.connectorId))).toBe(0);
  expect(first.get(callsOf("other"))).toBe(40);

  call(metrics, newcomer, 5);
  call(metrics, idle, 1);
  const second = await scrape(metrics);
  expect(second.get(callsOf(newcomer.connectorId))).toBe(5);
  expect(second.get(callsOf("other"))).toBe(41);
  expect(named(second)).toEqual(new Set([steady.connectorId, newcomer.connectorId]));

  // It is back, and goes on where it ended.
  call(metrics, idle, 200);
  await scrape(metrics);
  call(metrics, idle);
  expect((await scrape(metrics)).get(callsOf(idle.connectorId))).toBe(4);
});

test("those who are about as busy as each other don't take each other's seats", async () => {
  const metrics = createMetrics({ connectors: 3 });
  for (let round = 0; round < 50; round++) for (let n = 0; n < 6; n++) call(metrics, subjectOf(n), 2 + (n % 2));
  const before = named(await scrape(metrics));
  for (let round = 0; round < 50; round++) for (let n = 0; n < 6; n++) call(metrics, subjectOf(n), 2 + (n % 2));
  expect(named(await scrape(metrics))).toEqual(before);
});

test("no counter ever goes backwards, no call is lost, and few are named, whoever comes and goes", async () => {
  const seats = 10;
  const metrics = createMetrics({ connectors: seats });
  const seen = new Map<string, number>();
  let calls = 0;
  for (let scrapes = 0; scrapes < 30; scrapes++) {
    // The busy ones are others every now and then, and some of them come back.
    const busy = (scrapes % 3) * 4;
    for (let n = 0; n < 60; n++) {
      const times = n >= busy && n < busy + 8 ? 40 : 1;
      call(metrics, subjectOf(n), times);
      calls += times;
    }
    const samples = await scrape(metrics);
    expect(named(samples).size).toBeLessThanOrEqual(seats * 1.2);
    for (const [series, value] of samples) {
      if (/_total\{|_bucket\{|_sum\{|_count\{/.test(series)) {
        expect(value, series).toBeGreaterThanOrEqual(seen.get(series) ?? 0);
        seen.set(series, value);
      }
    }
  }
  const counted = [...seen].filter(([series]) => series.startsWith("connector_top_calls_total"));
  expect(counted.reduce((sum, [, value]) => sum + value, 0)).toBe(calls);
});

test("an operator who wants no connector named gets none", async () => {
  const metrics = createMetrics({ connectors: 0 });
  for (let n = 0; n < 20; n++) call(metrics, subjectOf(n), 30);
  const samples = await scrape(metrics);
  expect(named(samples)).toEqual(new Set());
  expect(samples.get(callsOf("other"))).toBe(600);
});
