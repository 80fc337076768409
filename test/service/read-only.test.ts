/** Statements that are no query, and queries that would change something. */
import { existsSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { cities, expectAllAsBefore, refusalOfQuery } from "./refusal.ts";
import { type Source, serviceWithSource, until } from "./source.ts";

let source: Source;

beforeAll(async () => {
  source = await serviceWithSource(cities);
});
afterEach(() => expectAllAsBefore(source));
afterAll(() => source.stop());

const rejected = { code: "InvalidArgument", reason: "STATEMENT_REJECTED", fields: ["query.native.text"] };

describe("a statement that is no query is refused before anything is sent", () => {
  test.each([
    ["INSERT INTO journal VALUES ('x')", /INSERT is no query/],
    ["UPDATE city SET name = 'x'", /UPDATE is no query/],
    ["DELETE FROM city", /DELETE is no query/],
    ["TRUNCATE city", /TRUNCATE is no query/],
    ["DROP TABLE city", /DROP is no query/],
    ["MERGE INTO city USING city c ON false WHEN NOT MATCHED THEN DO NOTHING", /MERGE is no query/],
    ["SELECT 1; SELECT 2", /more than one statement/],
    ["SELECT 1; INSERT INTO journal VALUES ('x')", /more than one statement/],
    ["COMMIT; INSERT INTO journal VALUES ('x')", /more than one statement/],
    ["COMMIT", /TRANSACTION is no query/],
    ["ROLLBACK", /TRANSACTION is no query/],
    ["END", /TRANSACTION is no query/],
    ["ABORT", /TRANSACTION is no query/],
    ["SET TRANSACTION READ WRITE", /SET is no query/],
    ["SET statement_timeout = 0", /SET is no query/],
    ["WITH new AS (INSERT INTO journal VALUES ('x') RETURNING *) SELECT * FROM new", /INSERT inside WITH/],
    ["SELECT * FROM (WITH gone AS (DELETE FROM city RETURNING *) SELECT * FROM gone) g", /DELETE inside WITH/],
    ["COPY city TO STDOUT", /COPY is no query/],
    ["COPY (SELECT 1) TO PROGRAM 'cat > /tmp/written-by-a-query'", /COPY is no query/],
    ["DO $$ BEGIN INSERT INTO journal VALUES ('x'); END $$", /DO is no query/],
    ["CALL writes()", /CALL is no query/],
    ["SELECT * INTO copied FROM city", /SELECT INTO makes a table/],
    ["CREATE TABLE copied AS SELECT * FROM city", /CREATE TABLE AS is no query/],
    ["SELECT * FROM city FOR UPDATE", /FOR UPDATE and FOR SHARE lock rows/],
    ["SELECT * FROM (SELECT * FROM city FOR SHARE) c", /FOR UPDATE and FOR SHARE lock rows/],
    ["LOCK TABLE city", /LOCK is no query/],
    ["EXPLAIN ANALYZE SELECT writes()", /EXPLAIN ANALYZE runs/],
    ["PREPARE p AS SELECT 1", /PREPARE is no query/],
    ["LISTEN news", /LISTEN is no query/],
    ["  ", /no statement in it/],
    ["-- nothing", /no statement in it/],
  ])("%s", async (native, description) => {
    const refusal = await refusalOfQuery(source, { native });
    expect(refusal).toMatchObject({ ...rejected, where: "request" });
    expect(refusal.descriptions[0]).toMatch(description);
    expect(refusal.remedy).toContain("Execute");
    expect(await source.run("SELECT to_regclass('copied')")).toEqual([[null]]);
    expect(existsSync("/tmp/written-by-a-query")).toBe(false);
  });
});

describe("a query that calls what writes is refused by its read-only transaction", () => {
  test.each([
    ["SELECT nextval('counter')"],
    ["SELECT setval('counter', 99)"],
    ["SELECT writes()"],
    ["SELECT * FROM city WHERE name = (SELECT writes())"],
    ["SELECT lo_create(0)"],
  ])("%s", async (native) => {
    const refusal = await refusalOfQuery(source, { native });
    expect(refusal).toMatchObject({ ...rejected, where: "upstream", metadata: { status: "25006" } });
    expect(refusal.remedy).toContain("Execute");
  });

  test.each([
    ["SELECT set_config('transaction_read_only', 'off', true), nextval('counter')"],
    ["SELECT * FROM set_config('transaction_read_only', 'off', false), nextval('counter')"],
  ])("and does not leave it: %s", async (native) => {
    const refusal = await refusalOfQuery(source, { native });
    expect(refusal).toMatchObject({ ...rejected, where: "upstream", metadata: { status: "25001" } });
  });
});

describe("a statement that the source refuses is refused with the place in it", () => {
  test.each([
    ["SELEC 1", "INVALID_REQUEST", /at or near "SELEC" \(at character 1\)/, undefined],
    ["SELECT FROM WHERE", "INVALID_REQUEST", /at or near "WHERE" \(at character 13\)/, undefined],
    ["SELECT * FROM nowhere", "STATEMENT_REJECTED", /a table that is not there, at character 15, `nowhere`/, "42P01"],
    ["SELECT nothing FROM city", "STATEMENT_REJECTED", /a column that is not there, at character 8/, "42703"],
    ["SELECT no_function(1)", "STATEMENT_REJECTED", /a function or operator that is not there/, "42883"],
    ["SELECT 1 / 0", "STATEMENT_REJECTED", /a computation has no result/, "22012"],
    ["SELECT 'secret'::int", "STATEMENT_REJECTED", /A value does not fit the type/, "22P02"],
  ])("%s", async (native, reason, description, status) => {
    const refusal = await refusalOfQuery(source, { native });
    expect(refusal).toMatchObject({ code: "InvalidArgument", reason, fields: ["query.native.text"] });
    expect(refusal.descriptions[0]).toMatch(description);
    expect(refusal.metadata.status).toBe(status);
    // A literal is a value.
    expect(JSON.stringify(refusal)).not.toContain("secret");
  });
});

test("a lock that a query took for its session is not left to whoever gets the connection next", async () => {
  const native = "SELECT pg_advisory_lock(7), pg_advisory_lock_shared(8)";
  const locks = `SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  await source.client.query(source.connectorId, { native });
  await until(source, locks, "0");
  for await (const _ of source.client.stream(source.connectorId, { native }));
  await until(source, locks, "0");
  expect((await source.client.query(source.connectorId, { native: "SELECT 1 AS one" })).rows).toMatchObject([
    { one: 1 },
  ]);
});
