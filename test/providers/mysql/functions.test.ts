/** What a name calls is what the lists say: the server's own function, and never one that somebody has stored. */
import mysql from "mysql2/promise";
import { afterAll, beforeAll, expect, test } from "vitest";
import { reserved } from "../../../src/providers/mysql/calls.ts";
import { sessionSettings } from "../../../src/providers/mysql/dialect.ts";
import { allowedBuiltins, isAllowedBuiltin, type Server } from "../../../src/providers/mysql/functions.ts";
import { checkStatement } from "../../../src/providers/mysql/statement.ts";
import { freshMysqlDatabase } from "../../support/mariadb.ts";
import type { FreshDatabase } from "../../support/postgres.ts";

let database: FreshDatabase;
let connection: mysql.Connection;
let server: Server;

beforeAll(async () => {
  database = await freshMysqlDatabase();
  connection = await mysql.createConnection({ uri: database.url, multipleStatements: true });
  // As in sessions of ours: with IGNORE_SPACE, which the driver asks for, a blank would not count.
  await connection.query(`SET SESSION sql_mode = ${sessionSettings.sql_mode}`);
  const [rows] = await connection.query("SELECT VERSION() AS version");
  const { version } = (rows as { version: string }[])[0] as { version: string };
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map(Number);
  server = { isMariaDb: /mariadb/i.test(version), version: [major, minor, patch] };
});
afterAll(async () => {
  await connection.end();
  await database.drop();
});

const store = (names: readonly string[]) =>
  connection.query(
    names.map((name) => `CREATE FUNCTION \`${name}\`(a INT) RETURNS INT NO SQL RETURN 424242`).join(";"),
  );

/** Of a stored function: it takes other parameters, or is not there, and maybe for the blank in its call. */
const storedErrors: readonly number[] = [1318, 1305, 1630];

/** Whether the server takes a call for one of a stored function. */
async function callsStored(call: string): Promise<boolean> {
  try {
    const [rows] = await connection.query(`SELECT ${call} AS answer`);
    return (rows as { answer: unknown }[])[0]?.answer === 424242;
  } catch (cause) {
    const { errno } = cause as { errno?: number };
    if (errno === undefined) throw cause;
    return storedErrors.includes(errno);
  }
}

function isAllowed(call: string): boolean {
  try {
    checkStatement(`SELECT ${call} AS answer`, 0, { server, database: "shop", functions: [] });
    return true;
  } catch {
    return false;
  }
}

test("a function that is stored under the name of an allowed one is not what an allowed call calls", async () => {
  const names = allowedBuiltins(server);
  expect(names.length).toBeGreaterThan(300);
  await store(names);
  const forms = ["()", "(1)", "(1, 1)", "(1, 1, 1)", " (1)", "/**/(1)"];
  const wrong: string[] = [];
  for (const call of names.flatMap((name) => forms.map((form) => `${name}${form}`))) {
    if (isAllowed(call) && (await callsStored(call))) wrong.push(call);
  }
  expect(wrong).toEqual([]);
});

test("a function that is stored under a word of the language needs quotes", async () => {
  await store([...reserved]);
  const wrong: string[] = [];
  for (const word of reserved) if (await callsStored(`${word}(1)`)) wrong.push(word);
  expect(wrong).toEqual([]);
});

test("a blank before a parenthesis makes some names those of stored functions", async () => {
  expect(await callsStored("`now`(1)")).toBe(true);
  expect(await callsStored("now (1)")).toBe(true);
  expect(isAllowed("now()")).toBe(true);
  expect(isAllowed("now (1)")).toBe(false);
});

test("what MySQL has in a component since 9.6 is its own before, and a stored function's name from then on", () => {
  const version = (minor: number): Server => ({ isMariaDb: false, version: [9, minor, 0] });
  for (const name of ["MD5", "SHA", "SHA1"]) {
    expect(isAllowedBuiltin(name, true, version(5))).toBe(true);
    expect(isAllowedBuiltin(name, true, version(6))).toBe(false);
    const named = { server: version(7), database: "shop", functions: [`shop.${name.toLowerCase()}`] };
    expect(() => checkStatement(`SELECT ${name}('a')`, 0, named)).not.toThrow();
  }
});

test.each([
  "SLEEP",
  "BENCHMARK",
  "GET_LOCK",
  "LOAD_FILE",
  "UUID_SHORT",
  "LAST_INSERT_ID",
  "ENCRYPT",
  "NEXTVAL",
  "SETVAL",
])("%s is none that a query may call", (name) => {
  expect(isAllowedBuiltin(name, true, server)).toBe(false);
});
