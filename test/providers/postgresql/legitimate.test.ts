/** What people, BI tools and mappers ask of a database goes through, as it stands and as such tools wrap it. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Session } from "../../../src/providers/contract.ts";
import { classify } from "../../../src/providers/postgresql/errors.ts";
import { expectServed, statementsOf } from "../sql/legitimate.ts";
import { type Database, openDatabase } from "./client.ts";
import { openedSession } from "./opened.ts";

const statements = ["legitimate.sql", "legitimate-reports.sql"].flatMap((file) =>
  statementsOf(new URL(file, import.meta.url)),
);
const wrapped = statements
  .filter((text) => !/^(SHOW|EXPLAIN)/.test(text))
  .map((text) => `WITH "source" AS (\n${text}\n) SELECT count(*) AS "count" FROM "source" LIMIT 1001`);

const readers = 4;
let database: Database;
let session: Required<Session>;

beforeAll(async () => {
  database = await openDatabase();
  await database.execute(readFileSync(new URL("legitimate-seed.sql", import.meta.url), "utf8"));
  session = openedSession(database.url, { maxConnections: readers });
});
afterAll(async () => {
  await session.close();
  await database.close();
});

test(`of ${statements.length} legitimate queries, and ${wrapped.length} of them wrapped, none is refused`, async () => {
  expect(new Set(statements).size).toBeGreaterThanOrEqual(500);
  await expectServed(session, [...statements, ...wrapped], { readers, classify });
});
