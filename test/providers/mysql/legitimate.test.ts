/** What people, BI tools and mappers ask of MySQL and MariaDB goes through, as it stands and as such tools wrap it. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Session } from "../../../src/providers/contract.ts";
import { classify } from "../../../src/providers/mysql/errors.ts";
import type { Server } from "../../../src/providers/mysql/functions.ts";
import { checkStatement } from "../../../src/providers/mysql/statement.ts";
import { freshMysqlDatabase } from "../../support/mariadb.ts";
import { runMysql } from "../../support/mysql-client.ts";
import { isMariadb } from "../../support/mysql-server.ts";
import type { FreshDatabase } from "../../support/postgres.ts";
import { expectServed, statementsOf } from "../sql/legitimate.ts";
import { openedSession } from "./opened-session.ts";

const file = new URL("legitimate.sql", import.meta.url);
const isOfMysql = (section: string) => section.startsWith("MySQL:");
const isOfMariaDb = (section: string) => section.startsWith("MariaDB:");

/** As a subquery, which may have columns of one name, but not all that a statement may begin and end with. */
const wrappedOf = (texts: readonly string[]) =>
  texts
    .filter((text) => !/^(?:SHOW|EXPLAIN|DESC)|SQL_(?:NO|CALC)_|HIGH_PRIORITY|WITH TIES/.test(text))
    .map((text) => `SELECT EXISTS (\n${text.replace(/;$/, "")}\n) AS \`is_there\` FROM (SELECT 1) \`source\``);

const served = statementsOf(file, (section) => !(isMariadb ? isOfMysql : isOfMariaDb)(section));
const wrapped = wrappedOf(served);

const readers = 4;
let database: FreshDatabase;
let session: Required<Session>;

beforeAll(async () => {
  database = await freshMysqlDatabase();
  const seed = readFileSync(new URL("legitimate-seed.sql", import.meta.url), "utf8");
  await runMysql(
    database.url,
    isMariadb ? seed : seed.replace(" WITH SYSTEM VERSIONING", "").replace(/^CREATE SEQUENCE.*/m, ""),
  );
  session = openedSession(database.url, { maxConnections: readers });
});
afterAll(async () => {
  await session.close();
  await database.drop();
});

test(`of ${served.length} legitimate queries, and ${wrapped.length} of them wrapped, none is refused by or for the server`, async () => {
  await expectServed(session, [...served, ...wrapped], { readers, classify });
});

test("of the legitimate queries for MySQL none is refused before it is sent", () => {
  const server: Server = { isMariaDb: false, version: [9, 1, 0] };
  const queries = statementsOf(file, (section) => !isOfMariaDb(section));
  const all = [...queries, ...wrappedOf(queries)];
  for (const text of all) checkStatement(text, 0, { server, database: "shop", functions: [] });
  expect(all.length).toBeGreaterThan(500);
});
