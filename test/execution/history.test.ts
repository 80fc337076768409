import { afterEach, beforeEach, expect, test } from "vitest";
import { createHistory, type History, type HistoryOptions } from "../../src/execution/history/history.ts";
import type { HistoryPosition, HistoryRequest } from "../../src/execution/history/list.ts";
import { insertRecords, recordsOf } from "../../src/execution/history/record.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { callEnded, noTime, subject } from "../observability/observations.ts";
import { run } from "../service/customer.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";

let database: FreshDatabase;
let store: Store;
const cleanups: (() => Promise<unknown>)[] = [];
const { connectorId } = subject;

beforeEach(async () => {
  database = await freshStore();
  store = await openStore({ url: database.url });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await store.close();
  await database.drop();
});

function historyOf(options: Partial<HistoryOptions> = {}): History {
  // An hour: what is written was asked for.
  const history = createHistory({ store, flushMs: 3_600_000, ...options });
  cleanups.push(() => history.close());
  return history;
}

function all(rest: Partial<HistoryRequest> = {}): HistoryRequest {
  const times = { startTime: undefined, endTime: undefined, after: undefined };
  return { connectorId, principal: "", agent: "", failed: false, pageSize: 100, ...times, ...rest };
}

async function resourcesOf(history: History, request: Partial<HistoryRequest> = {}, organizationId = "acme") {
  return (await history.list(organizationId, all(request))).records.map(({ resource }) => resource);
}

async function stored(): Promise<unknown> {
  return (await run(database.url, "SELECT count(*)::int FROM query_record"))[0]?.[0];
}

const at = (second: number) => new Date(Date.UTC(2026, 10, 22, 10, 0, second));

test("a call that is over comes back as it was told", async () => {
  const history = historyOf();
  const timings = {
    ...{ rateLimit: 0.125, bulkhead: 0.25, backoff: 50, pool: 0.5, connect: 12.345, source: 300 },
    ...{ transfer: 86_400_000, total: 86_400_400 },
  };
  history.observe(
    callEnded({
      ...{ method: "StreamQuery", principal: "ci", resource: "public.place", startTime: at(1) },
      ...{ reason: "upstream_lost", rows: 2 ** 40, bytes: 2 ** 50, attempts: 3, breaker: "half_open", cached: true },
      timings,
    }),
  );
  await history.flush();

  const { records, next } = await history.list("acme", all());
  expect(next).toBeUndefined();
  expect(records).toEqual([
    {
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
      ...{ organizationId: "acme", connectorId, createTime: at(1), principal: "ci", agent: "", statement: "" },
      ...{ method: "StreamQuery", resource: "public.place", reason: "upstream_lost", attempts: 3 },
      ...{ rows: 2n ** 40n, bytes: 2n ** 50n, breakerState: "half_open", cached: true },
      ...{ rateLimitMs: 0.125, bulkheadMs: 0.25, backoffMs: 50, poolMs: 0.5, connectMs: 12.345, sourceMs: 300 },
      ...{ transferMs: 86_400_000, totalMs: expect.closeTo(86_400_400, -1) },
    },
  ]);
});

test("what is no call that is over is no history", async () => {
  const history = historyOf();
  history.observe({ kind: "cache_asked", subject, result: "miss" });
  history.observe({ kind: "reader_too_slow", subject });
  await history.flush();
  expect(await stored()).toBe(0);
});

test("pages go from the latest to the earliest, repeat nothing and miss nothing, within one millisecond too", async () => {
  const history = historyOf();
  for (let i = 0; i < 20; i++) history.observe(callEnded({ resource: `r${i}`, startTime: at(Math.floor(i / 5)) }));
  await history.flush();
  const whole = await history.list("acme", all());

  const seen: string[] = [];
  let after: HistoryPosition | undefined;
  do {
    const page = await history.list("acme", all({ pageSize: 3, after }));
    seen.push(...page.records.map(({ id }) => id));
    after = page.next;
    // What comes meanwhile is later than where the reader is.
    history.observe(callEnded({ resource: "later", startTime: at(30) }));
    await history.flush();
  } while (after !== undefined);

  expect(whole.records).toHaveLength(20);
  expect(seen).toEqual(whole.records.map(({ id }) => id));
  const times = whole.records.map(({ createTime }) => createTime.getTime());
  expect(times).toEqual(times.toSorted((a, b) => b - a));
});

test("a page is cut by time, principal and failure", async () => {
  const history = historyOf();
  history.observe(callEnded({ resource: "first", startTime: at(1), principal: "ci" }));
  history.observe(callEnded({ resource: "second", startTime: at(2), reason: "deadline_exceeded" }));
  history.observe(callEnded({ resource: "third", startTime: at(3), reason: "deadline_exceeded", principal: "ci" }));
  const other = { ...subject, connectorId: "0199a5a0-0000-7000-8000-000000000002" };
  history.observe(callEnded({ resource: "another connector's", subject: other }));
  await history.flush();

  expect(await resourcesOf(history)).toEqual(["third", "second", "first"]);
  expect(await resourcesOf(history, { startTime: at(2) })).toEqual(["third", "second"]);
  expect(await resourcesOf(history, { endTime: at(2) })).toEqual(["first"]);
  expect(await resourcesOf(history, { startTime: at(2), endTime: at(3) })).toEqual(["second"]);
  expect(await resourcesOf(history, { principal: "ci" })).toEqual(["third", "first"]);
  expect(await resourcesOf(history, { failed: true })).toEqual(["third", "second"]);
  expect(await resourcesOf(history, { failed: true, principal: "ci" })).toEqual(["third"]);
  expect(await resourcesOf(history, { agent: "nobody's" })).toEqual([]);
});

test("of a batch of many organizations each sees its own calls only", async () => {
  const history = historyOf();
  const organizations = Array.from({ length: 20 }, (_, i) => `organization-${i}`);
  for (let i = 0; i < 100; i++) {
    const organizationId = organizations[i % 20] as string;
    history.observe(callEnded({ subject: { ...subject, organizationId }, resource: organizationId, rows: i }));
  }
  await history.flush();

  for (const organizationId of organizations) {
    expect(await resourcesOf(history, {}, organizationId)).toEqual(Array(5).fill(organizationId));
    expect(await history.stats(organizationId, connectorId, new Date(0))).toMatchObject({ calls: 5 });
  }
  expect(await resourcesOf(history, {}, "acme")).toEqual([]);
  expect(await history.stats("acme", connectorId, new Date(0))).toMatchObject({ calls: 0 });
});

test("text that no database takes is stored as far as it goes, and costs its neighbours nothing", async () => {
  const history = historyOf();
  history.observe(callEnded({ resource: "before" }));
  history.observe(callEnded({ resource: "a\0b\ud800'?\\\"", principal: "\0", startTime: at(1) }));
  history.observe(callEnded({ resource: "after" }));
  await history.flush();

  expect(await resourcesOf(history)).toHaveLength(3);
  expect(await resourcesOf(history)).toContain("a\ufffdb\ufffd'?\\\"");
  expect(history.dropped).toBe(0);
});

test("the figures of a window are those of its calls, and times no more than 5 % too long", async () => {
  const history = historyOf();
  const hour = 3_600_000;
  const begin = Math.floor(Date.now() / hour) * hour - hour;
  history.observe(callEnded({ startTime: new Date(begin - 1), rows: 1_000, reason: "internal" }));
  for (let i = 1; i <= 100; i++) {
    history.observe(
      callEnded({
        ...{ startTime: new Date(begin + i * 1_000), rows: 2 ** 40, bytes: 3, cached: i % 4 === 0 },
        reason: i > 97 ? "upstream_lost" : i > 95 ? "rate_limited" : undefined,
        timings: { ...noTime, total: i },
      }),
    );
    if (i % 30 === 0) await history.flush();
  }
  await history.flush();

  const stats = await history.stats("acme", connectorId, new Date(begin));
  expect(stats).toEqual({
    calls: 100,
    errors: { upstream_lost: 3, rate_limited: 2 },
    latency: { p50: expect.any(Number), p95: expect.any(Number), p99: expect.any(Number) },
    rows: 100n * 2n ** 40n,
    bytes: 300n,
    cacheHits: 25,
  });
  for (const [name, exact] of Object.entries({ p50: 50, p95: 95, p99: 99 })) {
    const told = stats.latency?.[name as "p50"] ?? 0;
    expect(told).toBeGreaterThanOrEqual(exact);
    expect(told).toBeLessThanOrEqual(exact * 1.05);
  }
  expect(await history.stats("acme", connectorId, new Date(begin - 29 * 24 * hour))).toMatchObject({ calls: 101 });
  expect(await history.stats("acme", connectorId, new Date(begin + 2 * hour))).toEqual({
    ...{ calls: 0, errors: {}, latency: undefined, rows: 0n, bytes: 0n, cacheHits: 0 },
  });
});

test("a record that is stored twice is counted once", async () => {
  const record = recordsOf([callEnded({ startTime: new Date() })], () => "");
  const storing = () => store.withOrganization("acme", (em) => insertRecords(em, "acme", record));
  await Promise.all([storing(), storing()]);
  await storing();
  expect(await historyOf().stats("acme", connectorId, new Date(Date.now() - 60_000))).toMatchObject({ calls: 1 });
});

test("replicas that store calls of the same connectors at once count each", async () => {
  const connectors = Array.from({ length: 5 }, () => crypto.randomUUID());
  const replicas = Array.from({ length: 4 }, () => historyOf({ batch: 20 }));
  for (let i = 0; i < 100; i++) {
    for (const [r, replica] of replicas.entries()) {
      // Each in another order.
      const id = connectors[(i * (r + 1)) % 5] as string;
      replica.observe(callEnded({ startTime: new Date(), subject: { ...subject, connectorId: id } }));
    }
  }
  await Promise.all(replicas.map((replica) => replica.flush()));
  const counts = connectors.map(async (id) => (await historyOf().stats("acme", id, new Date(0))).calls);
  expect((await Promise.all(counts)).reduce((sum, calls) => sum + calls)).toBe(400);
});

test("the table takes no change and no removal of a record, nor one of another organization", async () => {
  const history = historyOf();
  history.observe(callEnded());
  await history.flush();
  for (const statement of ["UPDATE query_record SET rows = 0", "DELETE FROM query_record", "TRUNCATE query_record"]) {
    const changing = store.withOrganization("acme", (em) => em.execute(statement));
    await expect(changing).rejects.toMatchObject({ code: "42501" });
  }
  const planting = store.withOrganization("other", (em) =>
    insertRecords(
      em,
      "acme",
      recordsOf([callEnded()], () => ""),
    ),
  );
  await expect(planting).rejects.toMatchObject({ code: "42501" });
  expect(await stored()).toBe(1);
});
