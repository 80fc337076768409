import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Format, Truncation } from "../../src/gen/connector/v1/stream_pb.js";
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

describe.each([
  ["PACKED", Format.PACKED, "packed"],
  ["VALUES", Format.VALUES, "values"],
  ["no format", Format.UNSPECIFIED, "values"],
] as const)("%s", (_, format, name) => {
  test.each([
    ["all", 0n, 20_000n, Truncation.UNSPECIFIED],
    ["a limit's", 7_000n, 7_000n, Truncation.LIMIT],
    ["a distant limit's", 20_001n, 20_000n, Truncation.UNSPECIFIED],
  ] as const)(
    "%s rows come between one header and one trailer, which counts them",
    async (_, limit, rows, truncated) => {
      const { client, connectorId } = source;
      const query = { source: { case: "resource" as const, value: "numbers" }, limit };
      const cases: (string | undefined)[] = [];
      let received = 0;
      let trailer: unknown;
      for await (const { part } of client.rpc.streamQuery({ connectorId, query, format })) {
        cases.push(part.case);
        if (part.case === "packed") received += part.value.rows;
        if (part.case === "values") received += part.value.rows.length;
        if (part.case === "trailer") trailer = part.value;
        if (part.case === "header") expect(part.value.format).toBe(format || Format.VALUES);
      }
      expect([cases[0], cases.at(-1)]).toEqual(["header", "trailer"]);
      expect(new Set(cases.slice(1, -1))).toEqual(new Set([name]));
      expect(received).toBe(Number(rows));
      expect(trailer).toMatchObject({ rows, truncated, attempts: 1, timings: { total: expect.anything() } });
      expect((trailer as { bytes: bigint }).bytes).toBeGreaterThan(rows * 50n);
    },
  );
});

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

test("a page of many batches has each row once", async () => {
  const { client, connectorId } = source;
  const ids: unknown[] = [];
  for await (const page of client.queryAll(
    connectorId,
    { resource: "numbers", orderBy: ["id"] },
    { pageSize: 10_000 },
  )) {
    for (const row of page.rows) {
      expect(row.note).toBe(`n${row.id}`.repeat(20));
      ids.push(row.id);
    }
  }
  expect(ids).toEqual(Array.from({ length: 20_000 }, (_, i) => i + 1));
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
