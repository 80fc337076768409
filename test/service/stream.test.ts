/** Streams of PostgreSQL; what is the same of every provider, `test/conformance/` shows. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Format } from "../../src/gen/connector/v1/stream_pb.js";
import { stopwatch } from "../support/stopwatch.ts";
import { type Source, serviceWithSource, until } from "./source.ts";

let source: Source;

beforeAll(async () => {
  source = await serviceWithSource(`
    CREATE TABLE numbers (id int PRIMARY KEY, note text);
    INSERT INTO numbers SELECT i, repeat('n' || i, 20) FROM generate_series(1, 20000) i;
    ANALYZE numbers`);
});

afterAll(() => source.stop());

test("rows of a slow statement arrive one by one, long before the last", async () => {
  const { client, connectorId } = source;
  const native = "SELECT pg_sleep(0.3)::text AS s, clock_timestamp() AS made FROM generate_series(1, 6)";
  const late: number[] = [];
  const [begin, took] = [Date.now(), stopwatch()];
  for await (const row of client.stream(connectorId, { native })) {
    late.push(begin + took() - (row.date("made")?.getTime() ?? 0));
  }
  expect(late).toHaveLength(6);
  expect(Math.max(...late)).toBeLessThan(250);
});

test("two streams share a connection of the client, and one that waits does not hold the other up", async () => {
  const { client, connectorId } = source;
  const waiting = client.stream(connectorId, { resource: "numbers", orderBy: ["id"] })[Symbol.asyncIterator]();
  expect((await waiting.next()).value?.id).toBe(1);
  let rows = 0;
  for await (const _ of client.stream(connectorId, { resource: "numbers" })) rows++;
  expect(rows).toBe(20_000);
  let left = 0;
  while (!(await waiting.next()).done) left++;
  expect(left).toBe(19_999);
});

test("a statement that fails in the middle ends the stream after the rows before", async () => {
  const { client, connectorId } = source;
  const stream = client.stream(connectorId, {
    native: "SELECT i, 1 / (15000 - i) AS x FROM generate_series(1, 20000) i",
  });
  let rows = 0;
  const reading = (async () => {
    for await (const _ of stream) rows++;
  })();
  await expect(reading).rejects.toMatchObject({ reason: "STATEMENT_REJECTED", metadata: { status: "22012" } });
  expect(rows).toBe(14_999);
});

test("a format that is not there yet leaves no statement behind", async () => {
  const { client, connectorId } = source;
  const request = {
    connectorId,
    query: { source: { case: "resource" as const, value: "numbers" } },
    format: Format.ARROW,
  };
  const reading = (async () => {
    for await (const _ of client.rpc.streamQuery(request));
  })();
  await expect(reading).rejects.toThrow(/ARROW/);
  const active =
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'connector-service' AND state <> 'idle' AND datname = current_database()";
  await until(source, active, "0");
});
