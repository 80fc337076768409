import { afterAll, beforeAll, expect, test } from "vitest";
import { type GetStatsResponse, StatsWindow } from "../../src/gen/connector/v1/stats_pb.js";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";
import { run } from "./customer.ts";

let service: TestService;
let customer: FreshDatabase;

beforeAll(async () => {
  // Open for longer than the test lasts.
  [service, customer] = await Promise.all([testService({ BREAKER_OPEN_SECONDS: "600" }), freshDatabase()]);
  await run(customer.url, "CREATE TABLE place AS SELECT generate_series(1, 3) AS id");
});

afterAll(async () => {
  await service.stop();
  await customer.drop();
});

/** The figures once they are of so many calls. */
async function statsOf(connectorId: string, calls: number, window?: StatsWindow): Promise<GetStatsResponse> {
  const ask = () => service.client.rpc.getStats({ connectorId, ...(window === undefined ? {} : { window }) });
  await expect.poll(async () => (await ask()).calls).toBe(BigInt(calls));
  return ask();
}

test("a connector that nobody has called has figures of nothing, and a closed breaker", async () => {
  const { id } = await service.client.createConnector(connectorTo(customer.url, "unused"));
  const stats = await service.client.rpc.getStats({ connectorId: id });
  expect(stats).toMatchObject({
    ...{ window: StatsWindow.HOUR, calls: 0n, errors: {}, rows: 0n, bytes: 0n, cacheHits: 0n, quotas: [] },
    breaker: { state: "closed", reason: "", opened: 0n },
  });
  for (const absent of [stats.latencyP50, stats.latencyP99, stats.breaker?.nextProbeTime, stats.refresh]) {
    expect(absent).toBeUndefined();
  }
});

test("the figures count calls, their errors, rows and bytes, in the window that is asked for", async () => {
  const { client } = service;
  const { id } = await client.createConnector(connectorTo(customer.url, "used"));
  for (let i = 0; i < 3; i++) await client.query(id, { resource: "place" });
  for (let i = 0; i < 2; i++) await client.query(id, { resource: "missing" }).catch(() => {});

  const stats = await statsOf(id, 5);
  expect(stats).toMatchObject({ window: StatsWindow.HOUR, errors: { UNKNOWN_RESOURCE: 2n }, rows: 9n });
  expect(stats.bytes).toBeGreaterThan(0n);
  const latencies = [stats.latencyP50, stats.latencyP95, stats.latencyP99].map(
    (latency) => Number(latency?.seconds) * 1e9 + Number(latency?.nanos),
  );
  expect(latencies).toEqual(latencies.toSorted((a, b) => a - b));
  expect(latencies[0]).toBeGreaterThan(0);

  // Moved back in time, further each time, by whom row-level security does not bind.
  const move = (age: string) =>
    run(service.storeUrl, "UPDATE call_rollup SET start_time = start_time - $1::interval WHERE connector_id = $2", [
      age,
      id,
    ]);
  const windows: [string, Partial<Record<keyof typeof StatsWindow, number>>][] = [
    ["62 minutes", { HOUR: 0, DAY: 5, WEEK: 5, MONTH: 5 }],
    ["24 hours", { HOUR: 0, DAY: 0, WEEK: 5, MONTH: 5 }],
    ["7 days", { HOUR: 0, DAY: 0, WEEK: 0, MONTH: 5 }],
    ["24 days", { HOUR: 0, DAY: 0, WEEK: 0, MONTH: 0 }],
  ];
  for (const [age, expected] of windows) {
    await move(age);
    for (const [name, calls] of Object.entries(expected)) {
      const window = StatsWindow[name as keyof typeof StatsWindow];
      expect(await statsOf(id, calls, window)).toMatchObject({ window });
    }
  }
});

test("the breaker that a dead source has opened shows with its reason and its next probe", async () => {
  const { client } = service;
  const target = connectorTo(customer.url, "dead");
  const { id } = await client.createConnector({ ...target, config: { ...target.config, port: 1 } });
  let calls = 0;
  await expect
    .poll(
      async () => {
        calls++;
        await client.query(id, { resource: "place" }).catch(() => {});
        return (await client.rpc.getStats({ connectorId: id })).breaker?.state;
      },
      { timeout: 20_000, interval: 5 },
    )
    .toBe("open");

  const { breaker, errors } = await statsOf(id, calls);
  expect(breaker).toMatchObject({ state: "open", reason: "UPSTREAM_UNREACHABLE", opened: 1n });
  expect(Number(breaker?.nextProbeTime?.seconds) * 1_000).toBeGreaterThan(Date.now());
  expect(errors.UPSTREAM_UNREACHABLE).toBeGreaterThan(0n);
});
