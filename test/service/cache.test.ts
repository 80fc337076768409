/** Answers that are kept: for whom, for how long, and when not any more. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { QueryInput } from "../../src/client/index.ts";
import type { QueryResponse } from "../../src/gen/connector/v1/query_pb.js";
import { connectorTo } from "../support/service.ts";
import { counted } from "./metrics.ts";
import { type Source, serviceWithSource } from "./source.ts";

let source: Source;

beforeAll(async () => {
  source = await serviceWithSource(
    `CREATE TABLE city (id int4 PRIMARY KEY, name text);
     INSERT INTO city SELECT i, 'city ' || i FROM generate_series(1, 5) i;
     CREATE TABLE flag (id int4);
     CREATE VIEW moment AS SELECT clock_timestamp()::text AS moment;
     CREATE VIEW slow_moment AS SELECT clock_timestamp()::text AS moment, pg_sleep(0.3)::text AS pause`,
    { METRICS_PORT: "0" },
  );
});
afterAll(() => source.stop());

const anHour = { seconds: 3_600n, nanos: 0 };
const anHourMs = 3_600_000;

/** A connector whose answers may be kept for so long. */
async function keeping(maxCacheAge: { seconds: bigint; nanos: number } = anHour): Promise<string> {
  const target = connectorTo(source.url, `c-${crypto.randomUUID()}`);
  return (await source.client.createConnector({ ...target, policy: { maxCacheAge } })).id;
}

/** When the source was read, by its own clock: another reading has another moment. */
async function momentOf(connectorId: string, maxAgeMs?: number, resource = "moment") {
  const options = maxAgeMs === undefined ? {} : { maxAgeMs };
  const { rows, cached } = await source.client.query<{ moment: string }>(connectorId, { resource }, options);
  return { at: rows[0]?.moment, cached };
}

function asWire(connectorId: string, resource: string): Promise<QueryResponse> {
  return source.client.rpc.query({
    ...{ connectorId, maxAge: anHour },
    query: { source: { case: "resource", value: resource } },
  });
}

const time = (stamp: { seconds: bigint; nanos: number } | undefined) =>
  Number(stamp?.seconds ?? 0n) * 1_000 + (stamp?.nanos ?? 0) / 1e6;

test("an answer that was kept says so, how old it is, and when it was read", async () => {
  const id = await keeping();
  const first = await asWire(id, "moment");
  await delay(60);
  const asked = Date.now();
  const second = await asWire(id, "moment");
  expect([first.cached, first.age, first.attempts]).toEqual([false, undefined, 1]);
  expect([second.cached, second.attempts]).toEqual([true, 0]);
  expect(second.rows).toEqual(first.rows);
  expect(time(second.readTime)).toBe(time(first.readTime));
  expect(time(second.age)).toBeGreaterThanOrEqual(59);
  const answered = time(second.readTime) + time(second.age);
  expect(answered).toBeGreaterThan(asked - 5);
  expect(answered).toBeLessThan(Date.now() + 5);
});

test("nothing is kept for who asks for no age, or of whom the connector keeps nothing", async () => {
  const [id, other] = [await keeping(), source.connectorId];
  const moments = [
    await momentOf(id),
    await momentOf(id),
    await momentOf(id, 0),
    await momentOf(other, anHourMs),
    await momentOf(other, anHourMs),
  ];
  expect(new Set(moments.map(({ at }) => at)).size).toBe(5);
  expect(moments.every(({ cached }) => !cached)).toBe(true);
});

test("an answer is never older than the connector allows, nor than its caller accepts", async () => {
  const [strict, lenient] = [await keeping({ seconds: 0n, nanos: 300_000_000 }), await keeping()];
  const first = [await momentOf(strict, anHourMs), await momentOf(lenient, anHourMs)];
  await delay(310);
  expect((await momentOf(strict, anHourMs)).at).not.toBe(first[0]?.at);
  expect((await momentOf(lenient, anHourMs)).at).toBe(first[1]?.at);
  expect((await momentOf(lenient, 300)).at).not.toBe(first[1]?.at);
});

test("what fails is not kept", async () => {
  const id = await keeping();
  const query: QueryInput = { native: "SELECT 1 / (SELECT count(*) FROM flag)::int4 AS one" };
  const ask = () => source.client.query(id, query, { maxAgeMs: anHourMs });
  await expect(ask()).rejects.toMatchObject({ reason: "STATEMENT_REJECTED" });
  await source.run("INSERT INTO flag VALUES (1)");
  expect((await ask()).rows.map(({ one }) => one)).toEqual([1]);
});

test("fifty callers of the same query at once read the source once", async () => {
  const id = await keeping();
  const asked = (result: string) => counted(source.service, "connector_cache_lookups_total", { result });
  const before = [await asked("miss"), await asked("joined")] as const;
  const moments = await Promise.all(Array.from({ length: 50 }, () => momentOf(id, anHourMs, "slow_moment")));
  expect(new Set(moments.map(({ at }) => at)).size).toBe(1);
  expect([(await asked("miss")) - before[0], (await asked("joined")) - before[1]]).toEqual([1, 49]);
});

test("one of many callers that leaves takes the answer from no other", async () => {
  const id = await keeping();
  const controller = new AbortController();
  const query = { resource: "slow_moment" };
  const first = source.client.query(id, query, { maxAgeMs: anHourMs, signal: controller.signal });
  const left = expect(first).rejects.toMatchObject({ code: 1 });
  const miss = await counted(source.service, "connector_cache_lookups_total");
  const others = Promise.all(Array.from({ length: 5 }, () => momentOf(id, anHourMs, "slow_moment")));
  await expect.poll(() => counted(source.service, "connector_cache_lookups_total")).toBeGreaterThanOrEqual(miss + 5);
  controller.abort();
  await left;
  expect(new Set((await others).map(({ at }) => at)).size).toBe(1);
});

test("another query, another page size and another connector have answers of their own", async () => {
  const [id, other] = [await keeping(), await keeping()];
  const ask = async (connectorId: string, query: QueryInput, pageSize: number) =>
    (await source.client.query(connectorId, query, { maxAgeMs: anHourMs, pageSize })).cached;
  const city = { resource: "city" };
  await ask(id, city, 2);
  expect(await ask(id, city, 2)).toBe(true);
  expect(await ask(id, city, 3)).toBe(false);
  expect(await ask(id, { ...city, where: { id: 1 } }, 2)).toBe(false);
  expect(await ask(other, city, 2)).toBe(false);
});

test("an updated connector is read anew", async () => {
  const id = await keeping();
  const before = await momentOf(id, anHourMs);
  expect((await momentOf(id, anHourMs)).at).toBe(before.at);
  await source.client.updateConnector(id, { displayName: "changed" });
  const after = await momentOf(id, anHourMs);
  expect(after.cached).toBe(false);
  expect(after.at).not.toBe(before.at);
});

test("a disabled connector answers nothing, whatever was kept of it", async () => {
  const id = await keeping();
  await momentOf(id, anHourMs);
  await source.client.updateConnector(id, { disabled: true });
  await expect(momentOf(id, anHourMs)).rejects.toMatchObject({ reason: "CONNECTOR_DISABLED" });
});

test("a kept page leads to the next one", async () => {
  const id = await keeping();
  const options = { maxAgeMs: anHourMs, pageSize: 2 };
  const query = { resource: "city" };
  await source.client.query(id, query, options);
  const kept = await source.client.query<{ id: number }>(id, query, options);
  expect(kept.cached).toBe(true);
  const next = await source.client.query<{ id: number }>(id, query, { ...options, pageToken: kept.nextPageToken });
  expect([kept, next].map(({ rows }) => rows.map((row) => row.id))).toEqual([
    [1, 2],
    [3, 4],
  ]);
});
