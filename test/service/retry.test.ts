/** Sources that fail for a moment, and what of that their callers see. */
import { connect } from "node:net";
import { pipeline } from "node:stream";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { type Fault, faultProxy } from "../support/fault-proxy.ts";
import { connectorTo, rogueServer } from "../support/service.ts";
import { counted } from "./metrics.ts";
import { type Source, serviceWithSource } from "./source.ts";

let source: Source;

beforeAll(async () => {
  source = await serviceWithSource(
    "CREATE TABLE city AS SELECT i AS id, repeat('x', 1000) AS name FROM generate_series(1, 20000) i",
    { METRICS_PORT: "0" },
  );
});
afterAll(() => source.stop());

/** A way to the source that drops the first connections. */
async function doorThatDrops(drops: number) {
  const door = { connections: 0, connectorId: "" };
  const port = Number(new URL(source.url).port);
  const server = await rogueServer((socket) => {
    if (++door.connections <= drops) socket.resetAndDestroy();
    else pipeline(socket, connect(port, "127.0.0.1"), socket, () => {});
  });
  onTestFinished(() => server.stop());
  door.connectorId = await connectorAt(server.port);
  return door;
}

async function connectorAt(port: number): Promise<string> {
  const target = connectorTo(source.url, `c-${crypto.randomUUID()}`);
  return (await source.client.createConnector({ ...target, config: { ...target.config, port } })).id;
}

const statement = { native: "SELECT 1 AS one" };
const ms = (duration: { seconds: bigint; nanos: number } | undefined) =>
  Number(duration?.seconds ?? 0n) * 1_000 + (duration?.nanos ?? 0) / 1e6;

let attemptsBefore: number;
const secondAttempts = () => counted(source.service, "connector_attempts_total", { attempt: "2" });
beforeEach(async () => {
  attemptsBefore = await secondAttempts();
});

test("a page whose first connection was dropped is read by the second attempt, and says so", async () => {
  const door = await doorThatDrops(1);
  const { rows, attempts, timings } = await source.client.query(door.connectorId, statement);
  expect(rows.map(({ one }) => one)).toEqual([1]);
  expect([attempts, door.connections]).toEqual([2, 2]);
  expect(ms(timings?.backoff)).toBeGreaterThan(0);
  expect((await secondAttempts()) - attemptsBefore).toBe(1);
});

test("a stream whose first connection was dropped is read by the second attempt, and says so", async () => {
  const door = await doorThatDrops(1);
  const stream = source.client.stream(door.connectorId, statement);
  expect(await Array.fromAsync(stream, ({ one }) => one)).toEqual([1]);
  const { attempts, timings } = await stream.trailer;
  expect([attempts, door.connections]).toEqual([2, 2]);
  expect(ms(timings?.backoff)).toBeGreaterThan(0);
});

test("a call whose attempts have all failed says how many there were", async () => {
  const door = await doorThatDrops(100);
  const before = await counted(source.service, "connector_attempts_total");
  const error = await source.client.query(door.connectorId, statement).catch((cause) => cause);
  expect(error).toMatchObject({ code: 14, where: "upstream" });
  expect(error.metadata.attempts).toBe(String(door.connections));
  expect(door.connections).toBeGreaterThan(1);
  expect((await counted(source.service, "connector_attempts_total")) - before).toBe(door.connections);
});

test("an idle connection that was lost is not the next call's trouble", async () => {
  const proxy = await proxyTo();
  const id = await connectorAt(proxy.port);
  await source.client.query(id, statement);
  await proxy.set({ kind: "reset_peer" });
  await proxy.set(undefined);
  expect((await source.client.query(id, statement)).rows).toHaveLength(1);
});

test.each<[string, Fault]>([
  ["reset", { kind: "reset_peer" }],
  ["ended", { kind: "down" }],
])("a stream that was %s after its first batch ends as lost, and is never read again", async (_, fault) => {
  const proxy = await proxyTo();
  const id = await connectorAt(proxy.port);
  const stream = source.client.stream(id, { resource: "city" });
  let batches = 0;
  const reading = (async () => {
    for await (const _batch of stream.batches()) if (++batches === 1) await proxy.set(fault);
  })();
  const error = await reading.then(
    () => undefined,
    (cause) => cause,
  );
  expect(error).toMatchObject({ reason: "UPSTREAM_LOST" });
  expect(error.metadata.attempts).toBeUndefined();
  expect(batches).toBeGreaterThan(0);
  expect(proxy.accepted).toBe(1);
  expect(await secondAttempts()).toBe(attemptsBefore);
});

test("a statement that the source refuses is sent once", async () => {
  const proxy = await proxyTo();
  const id = await connectorAt(proxy.port);
  for (const native of [
    "SELECT 1/0",
    "SELECT nothing",
    "SELEC",
    "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(1)",
  ]) {
    const error = await source.client.query(id, { native }).catch((cause) => cause);
    expect([native, error.metadata.attempts]).toEqual([native, undefined]);
  }
  expect(await secondAttempts()).toBe(attemptsBefore);
});

async function proxyTo() {
  const proxy = await faultProxy({ host: "127.0.0.1", port: Number(new URL(source.url).port) });
  onTestFinished(() => proxy.stop());
  return proxy;
}
