/** Statements that are no query, and queries that would change something. */
import { existsSync } from "node:fs";
import { Code } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ConnectorError } from "../../src/client/error.ts";
import { field, type QueryInput } from "../../src/client/index.ts";
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

describe("a query that calls what has effects is refused before it is sent", () => {
  test.each([
    ["SELECT nextval('counter')", /`nextval`: it uses a sequence/],
    ["SELECT pg_catalog.setval('counter', 99)", /`setval`: it uses a sequence/],
    ["SELECT writes()", /`public.writes` is VOLATILE/],
    ["SELECT public.writes()", /`public.writes` is VOLATILE/],
    ["SELECT * FROM city WHERE name = (SELECT writes())", /`public.writes` is VOLATILE/],
    ["SELECT lo_create(0)", /`lo_create`: it reads or changes large objects/],
    ["SELECT pg_advisory_lock(7), pg_advisory_lock_shared(8)", /takes or frees locks/],
    ["SELECT pg_notify('news', 'x')", /sends messages to other sessions/],
    ["SELECT set_config('transaction_read_only', 'off', true), nextval('counter')", /changes the session|a sequence/],
    ["SELECT * FROM set_config('transaction_read_only', 'off', false), nextval('counter')", /the session|a sequence/],
  ])("%s", async (native, description) => {
    const refusal = await refusalOfQuery(source, { native });
    expect(refusal).toMatchObject({ ...rejected, where: "request" });
    expect(refusal.descriptions[0]).toMatch(description);
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

describe("of the known pitfalls of SQL", () => {
  const { stringify } = JSON;
  /** Everywhere that a caller's text goes. */
  const everywhere = (text: string): QueryInput[] => [
    { native: text },
    { native: "SELECT $1::text", parameters: [text] },
    { resource: text },
    { resource: "city", fields: [text] },
    { resource: "city", where: { [text]: 1 } },
    { resource: "city", where: { name: text } },
    { resource: "city", filter: field("name").contains(text) },
    { resource: "city", orderBy: [text] },
  ];

  /** Its rows, or the code of its refusal. */
  const end = async (query: QueryInput): Promise<unknown> =>
    source.client.query(source.connectorId, query).then(
      ({ rows }) => rows,
      (cause) => Code[ConnectorError.from(cause).code],
    );

  test.each([
    "SELECT 1; INSERT INTO journal VALUES ('x')",
    "x'; INSERT INTO journal VALUES ('x'); --",
    'name"; TRUNCATE city; --',
  ])(
    "stacked statements through every entry point are INVALID_ARGUMENT or a value like any other: %s",
    async (text) => {
      for (const query of everywhere(text)) {
        const got = await end(query);
        // As a value it is no more than that: it is given back, or nothing has it.
        if (got !== "InvalidArgument")
          expect(["[]", stringify([{ text }])], stringify(query)).toContain(stringify(got));
      }
    },
  );

  test("SET TRANSACTION READ WRITE, COMMIT, ROLLBACK, END and ABORT do not leave the transaction for an INSERT to come", async () => {
    for (const native of ["SET TRANSACTION READ WRITE", "COMMIT", "ROLLBACK", "END", "ABORT"]) {
      expect(await end({ native })).toBe("InvalidArgument");
      expect(await end({ native: "INSERT INTO journal VALUES ('x')" })).toBe("InvalidArgument");
    }
    expect(await end({ native: "SELECT writes()" })).toBe("InvalidArgument");
  });

  test.each([
    "COPY city TO PROGRAM 'cat > /tmp/written-by-a-query'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_create(0)",
    "LOCK TABLE city IN ACCESS EXCLUSIVE MODE",
    "SELECT pg_advisory_lock(1)",
    "SET statement_timeout = 0",
  ])("what a read-only transaction still allows is refused before it is sent: %s", async (native) => {
    expect(await refusalOfQuery(source, { native })).toMatchObject({ ...rejected, where: "request" });
  });

  test("a writable CTE and a function with side effects are both refused, though they begin as a query does", async () => {
    for (const native of [
      "WITH x AS (INSERT INTO journal VALUES ('x') RETURNING *) SELECT * FROM x",
      "SELECT writes() FROM city",
    ]) {
      expect(await end({ native })).toBe("InvalidArgument");
    }
  });

  test("any NUL is INVALID_ARGUMENT", async () => {
    for (const query of everywhere("\0DROP TABLE city")) {
      expect(await end(query), stringify(query)).toBe("InvalidArgument");
    }
  });
});

describe("through a connector that trusts functions which have effects", () => {
  let trusting: Source;

  beforeAll(async () => {
    trusting = await serviceWithSource(cities + functionsWithEffects);
    const functions = ["public.writes", "public.readies", "public.locks", "public.sets"];
    const options = { updateMask: ["config.functions"] };
    await trusting.client.updateConnector(trusting.connectorId, { config: { functions } }, options);
  });
  afterAll(() => trusting.stop());

  test("what writes is refused by the read-only transaction", async () => {
    const refusal = await refusalOfQuery(trusting, { native: "SELECT writes()" });
    expect(refusal).toMatchObject({ ...rejected, where: "upstream", metadata: { status: "25006" } });
    expect(refusal.remedy).toContain("Execute");
    await expectAllAsBefore(trusting);
  });

  test("nothing that they leave in a session is left to whoever gets the connection next", async () => {
    const native = "SELECT readies(), locks(), sets(), pg_backend_pid() AS pid";
    const { rows } = await trusting.client.query(trusting.connectorId, { native });
    const [streamed] = await Array.fromAsync(trusting.client.stream<{ pid: number }>(trusting.connectorId, { native }));
    const next = "SELECT pg_backend_pid() AS pid, current_setting('work_mem') AS work_mem";
    const { rows: later } = await trusting.client.query<{ pid: number }>(trusting.connectorId, { native: next });
    expect(later[0]).toMatchObject({ work_mem: "4MB" });
    const pids = [rows[0]?.pid, streamed?.pid, later[0]?.pid];
    expect(new Set(pids).size).toBe(3);
    await until(trusting, "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711", "0");
    await until(trusting, backends(pids.slice(0, 2)), "0");
  });
});

/** Its own statement, a lock and a setting outlive the transaction that made them, or would. */
const functionsWithEffects = `;
  CREATE FUNCTION readies() RETURNS text VOLATILE LANGUAGE plpgsql AS
    $$ BEGIN EXECUTE 'PREPARE left_behind AS SELECT 1'; RETURN 'ready'; END $$;
  CREATE FUNCTION locks() RETURNS text VOLATILE LANGUAGE sql AS $$ SELECT pg_advisory_lock(4711)::text $$;
  CREATE FUNCTION sets() RETURNS text VOLATILE LANGUAGE sql AS $$ SELECT set_config('work_mem', '64kB', false) $$`;

const backends = (pids: readonly unknown[]) =>
  `SELECT count(*)::text FROM pg_stat_activity WHERE pid IN (${pids.map(Number).join(", ")})`;
