/** What people, BI tools and mappers ask of a database goes through, as it stands and as such tools wrap it. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Failure } from "../../../src/failure.ts";
import type { Session } from "../../../src/providers/contract.ts";
import { classify } from "../../../src/providers/postgresql/errors.ts";
import { type Database, openDatabase } from "./client.ts";
import { openedSession, rowsOf } from "./opened.ts";

const read = (name: string) => readFileSync(new URL(name, import.meta.url), "utf8");

/** One statement a line; a line that begins with two dashes names those that follow. */
const statements = read("legitimate.sql")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("--"));
const wrapped = statements
  .filter((text) => !/^(SHOW|EXPLAIN)/.test(text))
  .map((text) => `WITH "source" AS (\n${text}\n) SELECT count(*) AS "count" FROM "source" LIMIT 1001`);

const readers = 4;
let database: Database;
let session: Required<Session>;

beforeAll(async () => {
  database = await openDatabase();
  await database.execute(read("legitimate-seed.sql"));
  session = openedSession(database.url, { maxConnections: readers });
});
afterAll(async () => {
  await session.close();
  await database.close();
});

test(`of ${statements.length} legitimate queries, and ${wrapped.length} of them wrapped, none is refused`, async () => {
  const queries = [...statements, ...wrapped];
  const next = queries.values();
  const refused: string[] = [];
  const wrong: string[] = [];
  const reader = async () => {
    for (const text of next) {
      const failure = await rowsOf(session, text).then(
        () => undefined,
        (cause: unknown) => classify(cause) ?? cause,
      );
      if (failure === undefined) continue;
      if (!(failure instanceof Failure)) throw failure;
      (failure.where === "upstream" ? wrong : refused).push(`${failure.message}\n  ${text}`);
    }
  };
  await Promise.all(Array.from({ length: readers }, reader));
  console.log(`legitimate SQL: ${queries.length} queries, ${refused.length} refused${["", ...refused].join("\n  ")}`);
  // What the source itself finds wrong is a mistake of this test's.
  expect(wrong).toEqual([]);
  expect(queries.length).toBeGreaterThan(500);
  expect(refused).toEqual([]);
});
