/** A call whose time is up says where the time went. */
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { ConnectorError } from "../../src/client/index.ts";
import { faultProxy } from "../support/fault-proxy.ts";
import { patience } from "../support/patience.ts";
import { connectorTo } from "../support/service.ts";
import { type Source, serviceWithSource, until } from "./source.ts";

const limitMs = 500;
const sleeping = "SELECT pg_sleep(30)";

let source: Source;

beforeAll(async () => {
  source = await serviceWithSource("", { MAX_CONNECTIONS: "1" });
  // What a first call loads is no part of a call's time.
  await source.client.query(source.connectorId, { native: "SELECT 1" });
});
afterAll(() => source.stop());

async function connectorAt(port: number, policy: object = {}): Promise<string> {
  const target = connectorTo(source.url, `c-${crypto.randomUUID()}`);
  const created = await source.client.createConnector({ ...target, config: { ...target.config, port }, policy });
  return created.id;
}

const ownPort = () => Number(new URL(source.url).port);
const limited = { headers: { "connect-timeout-ms": String(limitMs) } };

/** How a call ends whose deadline the service alone knows. */
async function endOf(call: Promise<unknown>): Promise<ConnectorError> {
  const error = await call.then(
    () => undefined,
    (cause) => ConnectorError.from(cause),
  );
  if (error === undefined) throw new Error("The call was answered.");
  expect(error).toMatchObject({ code: 4, reason: "DEADLINE_EXCEEDED" });
  return error;
}

const queryWithin = (connectorId: string, text: string) =>
  endOf(source.client.rpc.query({ connectorId, query: { source: { case: "native", value: { text } } } }, limited));

const parts = ["rate_limit_ms", "bulkhead_ms", "backoff_ms", "pool_ms", "connect_ms", "source_ms", "transfer_ms"];

/**
 * Every part is told, this one took nearly all of the time, and the message names it first.
 * A call that a busy machine held up somewhere else is made again.
 */
async function expectSpent(ask: () => Promise<ConnectorError>, part: string, where: string, words: string) {
  await vi.waitFor(async () => expectSpentBy(await ask(), part, where, words), patience);
}

function expectSpentBy(error: ConnectorError, part: string, where: string, words: string): void {
  const spent = Object.fromEntries(parts.map((name) => [name, Number(error.metadata[name])]));
  for (const name of parts) expect(spent[name]).toBeGreaterThanOrEqual(0);
  expect(Math.max(...Object.values(spent))).toBe(spent[part]);
  expect(spent[part]).toBeGreaterThan(limitMs / 2);
  const whole = Object.values(spent).reduce((sum, ms) => sum + ms, 0);
  expect(whole).toBeLessThan(limitMs + 100);
  expect(error.where).toBe(where);
  expect(error.message).toMatch(
    new RegExp(`^The call's time limit of 0\\.(?:4\\d\\d|500) s has passed: 0\\.[2345]\\d\\d s ${words}[,.]`),
  );
}

/** Holds the only connection that there may be, until the test is over. */
async function held(connectorId: string): Promise<void> {
  const controller = new AbortController();
  const holding = source.client.query(connectorId, { native: sleeping }, { signal: controller.signal }).catch(() => {});
  const sleepers =
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()";
  onTestFinished(async () => {
    controller.abort();
    await holding;
    await until(source, sleepers, "0");
  });
  await until(source, sleepers, "1");
}

test("at a source that is slow to answer", async () => {
  await expectSpent(
    () => queryWithin(source.connectorId, sleeping),
    "source_ms",
    "upstream",
    "for the source to answer",
  );
});

test("on the way to a source that takes no connection", async () => {
  const proxy = await faultProxy({ host: "127.0.0.1", port: ownPort() });
  onTestFinished(() => proxy.stop());
  await proxy.set({ kind: "blackhole" });
  const id = await connectorAt(proxy.port);
  await expectSpent(() => queryWithin(id, "SELECT 1"), "connect_ms", "upstream", "to connect");
});

test("in the line for a permit", async () => {
  const id = await connectorAt(ownPort(), { maxConcurrency: 1 });
  await held(id);
  const ask = () => queryWithin(id, "SELECT 1");
  await expectSpent(ask, "bulkhead_ms", "bulkhead", "for a permit among the calls at once");
});

test("in the line for a connection", async () => {
  await held(source.connectorId);
  const id = await connectorAt(ownPort());
  await expectSpent(() => queryWithin(id, "SELECT 1"), "pool_ms", "pool", "for a connection that other calls use");
});

test("with a result that comes slowly", async () => {
  const text = "SELECT i, pg_sleep(0.01)::text FROM generate_series(1, 10000) AS i";
  const query = { source: { case: "native" as const, value: { text } } };
  const request = { connectorId: source.connectorId, query };
  const ask = () => endOf(Array.fromAsync(source.client.rpc.streamQuery(request, limited)));
  await expectSpent(ask, "transfer_ms", "upstream", "to read the result");
});
