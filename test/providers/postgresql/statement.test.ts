import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Operand } from "../../../src/providers/contract.ts";
import { checkStatement, encodeParameters } from "../../../src/providers/postgresql/statement.ts";
import { type Database, openDatabase } from "./client.ts";

const check = (text: string, parameters = 0) => checkStatement(text, parameters);

test.each([
  "select * from cities where country = 'DE' order by name limit 5;",
  "VALUES (1), (2)",
  "TABLE cities",
  "WITH big AS (SELECT * FROM cities), RECURSIVE_ AS (TABLE big) SELECT * FROM big UNION ALL TABLE RECURSIVE_",
  "-- a comment\nSELECT 1 /* and /* nested */ one */",
  "SHOW server_version",
  "EXPLAIN SELECT 1",
  "EXPLAIN (FORMAT JSON, VERBOSE) WITH a AS (SELECT 1) TABLE a",
  'SELECT \'DROP TABLE x; INSERT INTO y\', $$ ; DELETE FROM z $$, "intoClause" FROM t AS "InsertStmt"',
  "SELECT 'é', U&'\\0441'",
])("%s is allowed", async (text) => {
  await check(text);
});

test.each([
  ["INSERT INTO t VALUES (1)", /INSERT is no query/],
  ["UPDATE t SET a = 1", /UPDATE/],
  ["DELETE FROM t", /DELETE/],
  ["MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", /MERGE/],
  ["DROP TABLE t", /DROP/],
  ["CREATE TABLE t AS SELECT 1", /CREATE TABLE AS/],
  ["SELECT 1 INTO t", /SELECT INTO/],
  ["SELECT 1 INTO t UNION SELECT 2", /SELECT INTO/],
  ["(SELECT 1 INTO t) UNION SELECT 2", /SELECT INTO/],
  ["SELECT * FROM t FOR UPDATE", /FOR UPDATE/],
  ["SELECT * FROM (SELECT * FROM t FOR KEY SHARE) s", /FOR SHARE/],
  ["WITH w AS (DELETE FROM t RETURNING *) SELECT * FROM w", /DELETE inside WITH/],
  ["SELECT * FROM (WITH w AS (INSERT INTO t VALUES (1) RETURNING *) TABLE w) s", /INSERT inside WITH/],
  ["WITH w AS (MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE RETURNING *) TABLE w", /MERGE inside WITH/],
  ["COPY t TO PROGRAM 'id'", /COPY/],
  ["COPY (SELECT 1) TO STDOUT", /COPY/],
  ["EXPLAIN ANALYZE SELECT 1", /EXPLAIN ANALYZE/],
  ["EXPLAIN (VERBOSE, ANALYZE) SELECT 1", /EXPLAIN ANALYZE/],
  ["EXPLAIN (analyze false) SELECT 1", /EXPLAIN ANALYZE/],
  ["EXPLAIN DELETE FROM t", /EXPLAIN of DELETE/],
  ["EXPLAIN EXECUTE p", /EXPLAIN of EXECUTE/],
  ["SET TRANSACTION READ WRITE", /./],
  ["COMMIT", /./],
  ["ROLLBACK AND CHAIN", /./],
  ["END", /./],
  ["ABORT", /./],
  ["SET statement_timeout = 0", /./],
  ["RESET ALL", /./],
  ["LOCK t IN ACCESS EXCLUSIVE MODE", /LOCK/],
  ["DO $$ BEGIN END $$", /DO/],
  ["CALL p()", /CALL/],
  ["PREPARE p AS SELECT 1", /PREPARE/],
  ["DECLARE c CURSOR FOR SELECT 1", /DECLARE/],
  ["LISTEN x", /LISTEN/],
  ["VACUUM", /VACUUM/],
  ["SELECT 1; SELECT 2", /more than one statement/],
  ["SELECT 1;; DROP TABLE t", /more than one statement/],
  ["", /no statement/],
  [" ; -- nothing", /no statement/],
])("%s is rejected, and what is allowed is said", async (text, reason) => {
  await expect(check(text)).rejects.toMatchObject({
    kind: "statement_rejected",
    message: expect.stringMatching(reason),
    fields: [{ field: "query.native.text" }],
  });
});

test("a syntax error is shown with its place", async () => {
  await expect(check("SELECT 'é' FRO t")).rejects.toMatchObject({
    kind: "invalid_request",
    fields: [
      {
        field: "query.native.text",
        description: 'The statement can\'t be parsed: syntax error at or near "t" (at character 16).',
      },
    ],
  });
});

test.each(["\0DROP TABLE t", "SELECT 1\0; DROP TABLE t", "SELECT '\ud800'"])(
  "%j holds what no text may",
  async (text) => {
    await expect(check(text)).rejects.toMatchObject({ kind: "invalid_request" });
  },
);

test("there are as many parameters as were given", async () => {
  await check("SELECT $2::int, $1::text WHERE $2 > 0", 2);
  for (const [text, given] of [
    ["SELECT $1, $3", 2],
    ["SELECT $1", 0],
    ["SELECT 1", 1],
  ] as const) {
    await expect(check(text, given)).rejects.toMatchObject({
      kind: "invalid_request",
      fields: [{ field: "query.native.parameters", description: expect.stringContaining(`${given} were given`) }],
    });
  }
});

const size = 900_000;
test.each<[string, string, string | undefined]>([
  ["parentheses", `SELECT ${"(".repeat(size / 2)}1${")".repeat(size / 2)}`, "invalid_request"],
  ["a few thousand parentheses", `SELECT ${"(".repeat(2_000)}1${")".repeat(2_000)}`, undefined],
  ["additions", `SELECT 1${"+1".repeat(size / 2)}`, "invalid_request"],
  ["negations", `SELECT ${"NOT ".repeat(size / 4)}true`, "invalid_request"],
  ["arrays", `SELECT ${"ARRAY[".repeat(size / 7)}1${"]".repeat(size / 7)}`, "invalid_request"],
  ["subqueries", `SELECT ${"(SELECT ".repeat(size / 9)}1${")".repeat(size / 9)}`, "invalid_request"],
  ["a long text", `SELECT '${"x".repeat(size)}'`, undefined],
  ["a long list", `SELECT 1 WHERE 1 IN (${Array.from({ length: size / 8 }, (_, i) => i).join(",")})`, undefined],
  ["many statements", "SELECT 1;".repeat(size / 9), "statement_rejected"],
  ["semicolons", ";".repeat(size), "statement_rejected"],
])("a megabyte of %s ends in an answer, and the next statement is served", async (_what, text, kind) => {
  const checking = check(text);
  if (kind === undefined) await checking;
  else await expect(checking).rejects.toMatchObject({ kind });
  await check("SELECT $1", 1);
  await check(`SELECT $1 -- ${"x".repeat(5_000)}`, 1);
});

test("a statement that takes the parser for ever keeps no short one waiting", async () => {
  let answer: unknown;
  const endless = check(`SELECT 1 ${"/*".repeat(size / 2)}`).catch((error: unknown) => {
    answer = error;
  });
  for (let i = 0; i < 50; i++) await check("SELECT 1");
  expect(answer).toBeUndefined();
  await endless;
  expect(answer).toMatchObject({ kind: "invalid_request", message: expect.stringMatching(/nested too deeply/) });
});

describe("parameters", () => {
  let database: Database;
  beforeAll(async () => {
    database = await openDatabase();
  });
  afterAll(() => database.close());

  test.each<[string, Operand, string | null]>([
    ["int8", { kind: "integer", value: 9_223_372_036_854_775_807n }, "9223372036854775807"],
    ["bool", { kind: "bool", value: true }, "t"],
    ["float8", { kind: "double", value: Number.NEGATIVE_INFINITY }, "-Infinity"],
    ["float8", { kind: "double", value: 1e21 }, "1e+21"],
    ["bytea", { kind: "bytes", value: Uint8Array.of(0, 128, 255) }, "\\x0080ff"],
    ["text", { kind: "text", value: "a'\\\n𝒳" }, "a'\\\n𝒳"],
    ["text", { kind: "null" }, null],
  ])("reach a %s to the letter", async (type, operand, expected) => {
    const rows = await database.run(`SELECT $1::${type}`, encodeParameters([operand]));
    expect(rows).toEqual([[expected]]);
  });

  test("with a NUL are refused where they stand", () => {
    expect(() => encodeParameters([{ kind: "null" }, { kind: "text", value: "a\0" }])).toThrow(
      expect.objectContaining({ fields: [expect.objectContaining({ field: "query.native.parameters[1]" })] }),
    );
  });
});
