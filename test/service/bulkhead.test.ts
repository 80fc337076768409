/** How many calls run at a source at once, who waits, and when a permit is free again. */
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { ConnectorClient } from "../../src/client/index.ts";
import { faultProxy } from "../support/fault-proxy.ts";
import { connectorTo } from "../support/service.ts";
import { counted } from "./metrics.ts";
import { type Source, serviceWithSource, until } from "./source.ts";

const ours = "application_name = 'connector-service' AND datname = current_database()";
const busy = `SELECT count(*) FROM pg_stat_activity WHERE ${ours} AND state <> 'idle'`;
const asleep = `SELECT count(*) FROM pg_stat_activity WHERE ${ours} AND wait_event = 'PgSleep'`;
const blocked = `SELECT count(*) FROM pg_stat_activity WHERE ${ours} AND wait_event_type = 'Lock'`;
const waitingCalls = 16;

let source: Source;

beforeAll(async () => {
  source = await serviceWithSource("CREATE TABLE gate ()", {
    MAX_WAITING_CALLS_PER_CONNECTOR: String(waitingCalls),
    METRICS_PORT: "0",
  });
});
afterAll(() => source.stop());

async function limitedTo(
  maxConcurrency: number,
  { port, client = source.client }: { port?: number; client?: ConnectorClient } = {},
) {
  const target = connectorTo(source.url, `c-${crypto.randomUUID()}`);
  const config = { ...target.config, ...(port === undefined ? {} : { port }) };
  return (await client.createConnector({ ...target, config, policy: { maxConcurrency } })).id;
}

const sleep = (connectorId: string, seconds: number, signal?: AbortSignal) =>
  source.client.query(connectorId, { native: `SELECT pg_sleep(${seconds})` }, signal && { signal });

const milliseconds = (duration: { seconds: bigint; nanos: number } | undefined) =>
  duration === undefined ? 0 : Number(duration.seconds) * 1_000 + duration.nanos / 1e6;

/** Settles when so many calls wait for a permit. */
const waiting = (calls: number) =>
  expect.poll(() => counted(source.service, "connector_bulkhead_calls", { state: "waiting" })).toBe(calls);

/** Whoever reads the table waits, until the gate is opened. */
async function closedGate(): Promise<() => Promise<void>> {
  const keeper = new pg.Client({ connectionString: source.url });
  await keeper.connect();
  await keeper.query("BEGIN; LOCK TABLE gate");
  return () => keeper.end();
}

/** Looks at the source until it is stopped; gives the most backends of ours that were busy at once. */
async function watched() {
  const watcher = new pg.Client({ connectionString: source.url });
  await watcher.connect();
  let most = 0;
  let watching = true;
  const watch = async () => {
    while (watching) {
      const { rows } = await watcher.query<{ busy: number }>(busy.replace("count(*)", "count(*)::int4 AS busy"));
      most = Math.max(most, rows[0]?.busy ?? 0);
    }
  };
  const looking = watch();
  return async () => {
    watching = false;
    await looking;
    await watcher.end();
    return most;
  };
}

test("no more calls run at the source than the policy says, and the others say how long they waited", async () => {
  const id = await limitedTo(2);
  const stop = await watched();
  const open = await closedGate();
  const calls = Array.from({ length: 6 }, () => source.client.query(id, { native: "SELECT FROM gate" }));
  await until(source, blocked, "2");
  await waiting(4);
  await delay(200);
  await open();
  const pages = await Promise.all(calls);
  expect(await stop()).toBe(2);
  const waits = pages.map(({ timings }) => milliseconds(timings?.bulkhead));
  expect(waits.filter((ms) => ms < 100)).toHaveLength(2);
  expect(waits.filter((ms) => ms > 190)).toHaveLength(4);
});

test("an updated policy lets more calls run at once", async () => {
  const id = await limitedTo(1);
  await sleep(id, 0);
  await source.client.updateConnector(id, { policy: { maxConcurrency: 3 } });
  const controller = new AbortController();
  const calls = Promise.allSettled(Array.from({ length: 4 }, () => sleep(id, 30, controller.signal)));
  await until(source, busy, "3");
  controller.abort();
  await calls;
  await until(source, busy, "0");
});

test("a call that finds no room even in the line is refused at once, and told when to try again", async () => {
  const id = await limitedTo(1);
  const controller = new AbortController();
  const ask = () => sleep(id, 30, controller.signal);
  const calls = Array.from({ length: 1 + waitingCalls + 1 }, () => ask().catch((cause) => cause));
  const refusal = await Promise.race(calls);
  expect(refusal).toMatchObject({
    ...{ code: 8, reason: "BULKHEAD_FULL", where: "bulkhead" },
    metadata: { limit: "connector", permits: "1", waiting: String(waitingCalls) },
  });
  expect(refusal.retryAfterMs).toBeGreaterThan(0);
  controller.abort();
  await Promise.all(calls);
  await until(source, busy, "0");
});

test("another organization is not held up by one whose calls all wait", async () => {
  const { service } = source;
  const client = service.clientFor(await service.tokenFor("globex", "connector.admin"));
  const other = await limitedTo(1, { client });
  const id = await limitedTo(1);
  const controller = new AbortController();
  const noisy = Promise.allSettled(Array.from({ length: 15 }, () => sleep(id, 30, controller.signal)));
  await until(source, busy, "1");
  const { timings } = await client.query(other, { native: "SELECT 1" });
  expect(milliseconds(timings?.bulkhead)).toBeLessThan(50);
  controller.abort();
  await noisy;
  await until(source, busy, "0");
});

test.each([
  ["left", async (_rest: AsyncIterator<unknown>, stream: { cancel(): void }) => stream.cancel()],
  [
    "read to its end",
    async (rest: AsyncIterator<unknown>) => {
      while (!(await rest.next()).done);
    },
  ],
])("a stream holds its permit until it is %s", async (_, end) => {
  const id = await limitedTo(1);
  const native = "SELECT repeat('x', 1000) AS text FROM generate_series(1, 50000)";
  const stream = source.client.stream(id, { native });
  const batches = stream.batches()[Symbol.asyncIterator]();
  await batches.next();
  let answered = false;
  const next = source.client.query(id, { native: "SELECT 1" }).finally(() => {
    answered = true;
  });
  await waiting(1);
  await delay(200);
  expect(answered).toBe(false);
  await end(batches, stream);
  const { timings } = await next;
  expect(milliseconds(timings?.bulkhead)).toBeGreaterThan(190);
});

test("a cancelled call's permit is free when its statement has ended at the source, and not before", async () => {
  const proxy = await faultProxy({ host: "127.0.0.1", port: Number(new URL(source.url).port) });
  onTestFinished(() => proxy.stop());
  const id = await limitedTo(1, { port: proxy.port });
  const controller = new AbortController();
  const cancelled = expect(sleep(id, 30, controller.signal)).rejects.toMatchObject({ code: 1 });
  await until(source, asleep, "1");
  // The source does not hear of the cancel.
  await proxy.set({ kind: "half_open", direction: "upstream" });
  controller.abort();
  await cancelled;
  let answered = false;
  const next = source.client.query(id, { native: "SELECT 1" }).finally(() => {
    answered = true;
  });
  await waiting(1);
  await delay(300);
  expect((await source.run(asleep))[0]?.[0]).toBe("1");
  expect(answered).toBe(false);
  await proxy.set(undefined);
  const { timings } = await next;
  expect(milliseconds(timings?.bulkhead)).toBeGreaterThan(290);
});

test("two hundred cancels at any moment never let more than the limit run", async () => {
  const most = 3;
  const id = await limitedTo(most);
  // Other connectors' connections, which nobody uses now.
  const others = Number((await source.run(`SELECT count(*) FROM pg_stat_activity WHERE ${ours}`))[0]?.[0]);
  const stop = await watched();
  const numbers = Array.from({ length: 200 }, (_, i) => i).values();
  const lane = async () => {
    for (const number of numbers) {
      const controller = new AbortController();
      const { signal } = controller;
      const native = `SELECT i, repeat('x', 100) AS text FROM generate_series(1, 100000) AS i`;
      const call = number % 2 === 0 ? sleep(id, 30, signal) : read(source.client.stream(id, { native }, { signal }));
      const ended = call.catch(() => {});
      await delay(Math.random() * 40);
      controller.abort();
      await ended;
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  await until(source, busy, "0");
  expect(await stop()).toBeLessThanOrEqual(most);
  // The server takes a moment to end what has closed its connection.
  await until(source, `SELECT count(*) <= ${others + most} FROM pg_stat_activity WHERE ${ours}`, "t");
  // And as many as may can run still.
  const controller = new AbortController();
  const all = Promise.allSettled(Array.from({ length: most }, () => sleep(id, 30, controller.signal)));
  await until(source, busy, String(most));
  controller.abort();
  await all;
});

async function read(batches: { batches(): AsyncIterable<unknown> }): Promise<void> {
  for await (const _ of batches.batches());
}
