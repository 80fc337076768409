import { afterAll, beforeAll, expect, test } from "vitest";
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
  const start = performance.now();
  const times: number[] = [];
  const native = "SELECT i, pg_sleep(0.2)::text FROM generate_series(1, 6) i";
  for await (const _ of client.stream(connectorId, { native })) times.push(performance.now() - start);
  expect(times).toHaveLength(6);
  for (let i = 1; i < 6; i++) expect((times[i] as number) - (times[i - 1] as number)).toBeGreaterThan(100);
});

test("a page of many batches has each row once", async () => {
  const { client, connectorId } = source;
  const page = await client.query(connectorId, { resource: "numbers", orderBy: ["id"] }, { pageSize: 10_000 });
  expect(page.rows.map((row) => row.id)).toEqual(Array.from({ length: page.rows.length }, (_, i) => i + 1));
});

test("a format that is not there yet leaves no statement behind", async () => {
  const { client, connectorId } = source;
  const request = { connectorId, query: { source: { case: "resource" as const, value: "numbers" } }, format: 3 };
  await expect(
    (async () => {
      for await (const _ of client.rpc.streamQuery(request));
    })(),
  ).rejects.toThrow(/ARROW/);
  await until(
    source,
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()",
    "0",
  );
});

test("zero columns", async () => {
  const { client, connectorId } = source;
  const page = await client.query(connectorId, { native: "SELECT FROM generate_series(1, 300)" });
  expect(page.rows.length).toBe(100);
  expect(page.truncated).toBe(true);
});
