/** What statements leave behind on a connection, each layer by itself: here nothing has judged them before. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SourceConnection } from "../../../src/providers/mysql/connection.ts";
import { freshMysqlDatabase } from "../../support/mariadb.ts";
import { runMysql } from "../../support/mysql-client.ts";
import { isMariadb } from "../../support/mysql-server.ts";
import type { FreshDatabase } from "../../support/postgres.ts";
import { open, rest, timeoutMs } from "./opened.ts";

const readOnly = isMariadb ? "tx_read_only" : "transaction_read_only";
// InnoDB tells of MySQL's transactions, of one that only reads when it has read something.
const inTransaction = isMariadb ? "@@in_transaction" : "1";

let database: FreshDatabase;

beforeAll(async () => {
  database = await freshMysqlDatabase();
  await runMysql(
    database.url,
    `CREATE TABLE kept (id INT PRIMARY KEY); INSERT INTO kept VALUES (1), (2);
     ${isMariadb ? "CREATE SEQUENCE counted;" : ""}
     CREATE FUNCTION writes() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO kept VALUES (9); RETURN 1; END;
     CREATE FUNCTION opens() RETURNS INT MODIFIES SQL DATA BEGIN SET SESSION ${readOnly} = 0; RETURN 1; END;
     CREATE VIEW behind AS SELECT writes() AS x`,
  );
});
afterAll(() => database.drop());

const native = (text: string) => ({ text, parameters: [], native: true }) as const;
const own = (text: string) => ({ text, parameters: [] }) as const;

const rowsOf = (connection: SourceConnection, text: string) => connection.rows(own(text), timeoutMs);

describe("a session", () => {
  test("says in which form values come, and does not write", async () => {
    const connection = await open(database.url);
    const settings = `SELECT @@time_zone, @@character_set_client, @@character_set_results, @@${readOnly}, ${inTransaction},
      @@autocommit, @@sql_auto_is_null, @@sql_mode LIKE '%ANSI_QUOTES%', @@sql_mode LIKE '%NO_BACKSLASH%'`;
    const expected = [["+00:00", "utf8mb4", "utf8mb4", "1", "1", "1", "0", "0", "0"]];
    expect(await rowsOf(connection, settings)).toEqual(expected);
    // After a reset, too.
    await connection.rows(native("SELECT 1"), timeoutMs);
    expect(await rowsOf(connection, settings)).toEqual(expected);
  });

  test.each([
    "INSERT INTO kept VALUES (3)",
    "UPDATE kept SET id = id + 10",
    "DELETE FROM kept",
    "REPLACE INTO kept VALUES (1)",
    "TRUNCATE kept",
    "DROP TABLE kept",
    "CREATE TABLE new (id INT)",
    "CREATE TABLE new AS SELECT 1",
    "CREATE TEMPORARY TABLE new (id INT)",
    "ALTER TABLE kept ADD x INT",
    "RENAME TABLE kept TO gone",
    "CREATE INDEX i ON kept (id)",
    "CREATE OR REPLACE VIEW behind AS SELECT 2",
    "CREATE DATABASE new_database",
    "CREATE USER new_user",
    "GRANT ALL ON *.* TO root",
    ...(isMariadb ? ["LOCK TABLES kept WRITE"] : []),
    "OPTIMIZE TABLE kept",
    "SELECT * FROM kept FOR UPDATE",
    ...(isMariadb ? ["SELECT NEXTVAL(counted)"] : []),
    "SELECT writes()",
    "SELECT opens(), writes()",
    "SELECT * FROM behind",
  ])("refuses: %s", async (text) => {
    const connection = await open(database.url);
    const { error } = await rest(connection.read(native(text), timeoutMs));
    expect(error).toMatchObject({ errno: 1792 });
    expect(await runMysql(database.url, "SELECT id FROM kept")).toEqual([["1"], ["2"]]);
    expect(connection.isOpen).toBe(false);
  });

  test("takes one statement at a time", async () => {
    const connection = await open(database.url);
    const { error } = await rest(connection.read(native("SELECT 1; DELETE FROM kept"), timeoutMs));
    expect(error).toMatchObject({ errno: 1064 });
    expect(await runMysql(database.url, "SELECT id FROM kept")).toEqual([["1"], ["2"]]);
  });
});

describe("a caller's own statement leaves to the next", () => {
  /** What MySQL does not prepare. */
  const unprepared = [
    ["no handler", "HANDLER kept OPEN", "SELECT COUNT(*) FROM kept", "2"],
    ["no warnings", "SELECT 1 + 'x'", "SELECT @@warning_count", "0"],
  ] as const;

  test.each<readonly [string, string, string, string | null]>([
    ["no variable", "SELECT @a := 5", "SELECT @a", null],
    ["no lock", "SELECT GET_LOCK('residue', 0)", "SELECT IS_USED_LOCK('residue')", null],
    ["no last id", "SELECT LAST_INSERT_ID(77)", "SELECT LAST_INSERT_ID()", "0"],
    ["no setting", "SET SESSION group_concat_max_len = 7", "SELECT @@group_concat_max_len <> 7", "1"],
    ["no other character set", "SET NAMES latin1", "SELECT @@character_set_results", "utf8mb4"],
    ["no other time zone", "SET time_zone = '+05:00'", "SELECT @@time_zone", "+00:00"],
    ["no writing", "SET SESSION TRANSACTION READ WRITE", `SELECT @@${readOnly}`, "1"],
    ["no end of its transaction", "COMMIT", `SELECT ${inTransaction}`, "1"],
    ...(isMariadb ? unprepared : []),
  ])("%s", async (_, text, look, expected) => {
    const connection = await open(database.url);
    const id = await rowsOf(connection, "SELECT CONNECTION_ID()");
    const { error } = await rest(connection.read(native(text), timeoutMs));
    expect(error).toBeUndefined();
    expect(await rowsOf(connection, look)).toEqual([[expected]]);
    // It is the same connection, not a new one.
    expect(await rowsOf(connection, "SELECT CONNECTION_ID()")).toEqual(id);
  });

  test("no prepared statement", async () => {
    const connection = await open(database.url);
    for (let i = 0; i < 3; i++) expect(await rowsOf(connection, `SELECT ${i}, 'own'`)).toEqual([[String(i), "own"]]);
    await connection.rows(native("SELECT 'native'"), timeoutMs);
    // The server numbers them anew: the old numbers would be other statements.
    for (let i = 2; i >= 0; i--) expect(await rowsOf(connection, `SELECT ${i}, 'own'`)).toEqual([[String(i), "own"]]);
    const { error } = await rest(connection.read(native("PREPARE mine FROM 'SELECT 1'"), timeoutMs));
    expect(error).toMatchObject({ errno: 1295 });
  });
});

test("the service's own statements see what has been committed meanwhile, and hold no table", async () => {
  const connection = await open(database.url);
  expect(await rowsOf(connection, "SELECT COUNT(*) FROM kept")).toEqual([["2"]]);
  await runMysql(database.url, "SET lock_wait_timeout = 10; INSERT INTO kept VALUES (5); ALTER TABLE kept ADD x INT");
  expect(await rowsOf(connection, "SELECT COUNT(*) FROM kept")).toEqual([["3"]]);
  await runMysql(database.url, "DELETE FROM kept WHERE id = 5; ALTER TABLE kept DROP x");
});

test("statements that are used no more are forgotten by the server, too", async () => {
  const connection = await open(database.url);
  const count = async () => {
    const [[, value] = []] = await rowsOf(connection, "SHOW SESSION STATUS LIKE 'Com_stmt_close'");
    return Number(value);
  };
  for (let i = 0; i < 100; i++) await rowsOf(connection, `SELECT ${i}`);
  expect(await count()).toBeGreaterThanOrEqual(100 - 40);
});

test("a statement that runs beyond its time is stopped by the server itself", async () => {
  const connection = await open(database.url);
  // Rounded up to a whole second.
  const { error } = await rest(connection.read(native("SELECT id FROM kept WHERE SLEEP(30)"), 100));
  expect(error).toMatchObject({ errno: isMariadb ? 1969 : 3024 });
});
