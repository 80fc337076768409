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

const files = ["legitimate.sql", "legitimate-reports.sql"].map((file) => new URL(file, import.meta.url));
const isOfMysql = (section: string) => section.startsWith("MySQL:");
const isOfMariaDb = (section: string) => section.startsWith("MariaDB:");
const isRefused = (section: string) => section.startsWith("Refused");
const queriesOf = (isOf: (section: string) => boolean) => files.flatMap((file) => statementsOf(file, isOf));

/** As a subquery, which may have columns of one name, but not all that a statement may begin and end with. */
const wrappedOf = (texts: readonly string[]) =>
  texts
    .filter((text) => !/^(?:SHOW|EXPLAIN|DESC)|SQL_(?:BUFFER|CALC|NO)_|HIGH_PRIORITY|WITH TIES/.test(text))
    .map((text) => `SELECT EXISTS (\n${text.replace(/;$/, "")}\n) AS \`is_there\` FROM (SELECT 1) \`source\``);

const served = queriesOf((section) => !isRefused(section) && !(isMariadb ? isOfMysql : isOfMariaDb)(section));
const wrapped = wrappedOf(served);
const refused = queriesOf(isRefused);
const mysql: Server = { isMariaDb: false, version: [9, 1, 0] };

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
  const name = new URL(database.url).pathname.slice(1);
  session = openedSession(database.url, { maxConnections: readers, functions: [`${name}.with_vat`] });
});
afterAll(async () => {
  await session.close();
  await database.drop();
});

test(`of ${served.length} different legitimate queries, and ${wrapped.length} of them wrapped, none is refused by or for the server`, async () => {
  expect(new Set(served).size).toBe(served.length);
  await expectServed(session, [...served, ...wrapped], { readers, classify });
});

test("of the legitimate queries for MySQL none is refused before it is sent", () => {
  const queries = queriesOf((section) => !isRefused(section) && !isOfMariaDb(section));
  const all = [...queries, ...wrappedOf(queries)];
  const surroundings = { server: mysql, database: "shop", functions: ["shop.with_vat"] };
  for (const text of all) checkStatement(text, 0, surroundings);
  expect(all.length).toBeGreaterThan(1_000);
});

test(`${refused.length} more queries that harm nothing are refused, which is no more than 1 in 100`, () => {
  console.log(`legitimate SQL: ${served.length + refused.length} different queries, ${refused.length} refused`);
  for (const text of refused) {
    const check = () => checkStatement(text, 0, { server: mysql, database: "shop", functions: [] });
    expect(check, text).toThrow(expect.objectContaining({ kind: "statement_rejected" }));
  }
  expect(refused.length).toBeLessThanOrEqual((served.length + refused.length) / 100);
});
