/** Statements that say which trace they are a part of. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Call, PageRequest, ReadQuery, Session } from "../../../src/providers/contract.ts";
import { textRows } from "../../../src/rows/page.ts";
import { callFor } from "../sql/asking.ts";
import { type Database, openDatabase } from "./client.ts";
import { openedSession } from "./opened-session.ts";

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const page: PageRequest = { size: 10, continuation: undefined, maxBytes: 1_000_000 };
const call = (): Call => ({ ...callFor(60_000), traceparent });
const native = (text: string): ReadQuery => ({ kind: "native", text, parameters: [] });

let database: Database;
let commenting: Required<Session>;
let silent: Required<Session>;

beforeAll(async () => {
  database = await openDatabase();
  await database.execute(`CREATE TABLE person (id int PRIMARY KEY, name varchar(20));
    CREATE VIEW running AS SELECT info FROM information_schema.processlist WHERE id = connection_id()`);
  commenting = openedSession(database.url, { traces: { headers: true, comments: true } });
  silent = openedSession(database.url, { traces: { headers: true, comments: false } });
});

afterAll(async () => {
  await Promise.all([commenting?.close(), silent?.close()]);
  await database?.close();
});

async function texts(session: Required<Session>, query: ReadQuery): Promise<string> {
  const { batches, fields } = await session.query(query, page, call());
  return batches.flatMap((batch) => textRows(batch, fields.length)).join("\n");
}

test.each([
  "SELECT info FROM running",
  "SELECT info FROM running -- to the end",
  "SELECT info FROM running # to the end",
  "SELECT info FROM running /* here */",
])("%j reaches the server with the comment, if the operator wants that", async (text) => {
  expect(await texts(commenting, native(text))).toBe(`${text}\n/*traceparent='${traceparent}'*/`);
  expect(await texts(silent, native(text))).toBe(text);
});

test("a statement that ends in a semicolon is taken, or refused, as without it", async () => {
  const asked = (session: Required<Session>) =>
    texts(session, native("SELECT 1;")).catch(({ message }: Error) => message);
  expect(await asked(commenting)).toBe(await asked(silent));
});

test.each(["SELECT 1 +", "SELECT nowhere", "SELECT 1 FROM person WHERE ORDER BY id", "SELECT (1"])(
  "the place of an error in %j is where it is in the caller's text",
  async (text) => {
    const place = (session: Required<Session>) =>
      session
        .query(native(text), page, call())
        .catch(({ message }: Error) => message.replace(/at its end|at character 1[01]\b/, "at its end"));
    expect(await place(commenting)).toBe(await place(silent));
  },
);

test("rows are written and read with it", async () => {
  const fields = ["id", "name"] as const;
  const request = {
    dryRun: false,
    returning: [],
    maxBytes: 1_000,
    maxAffectedRows: undefined,
    idempotencyKey: undefined,
  };
  const rows = [
    [
      { kind: "integer", value: 1n },
      { kind: "text", value: "Ada" },
    ],
  ] as const;
  const action = { kind: "create", resource: "person", fields, rows } as const;
  expect(await commenting.execute({ ...request, action }, call())).toMatchObject({ affectedRows: 1 });
  const query: ReadQuery = {
    ...{ kind: "resource", resource: "person", fields: [], filter: undefined, orderBy: [], limit: undefined },
  };
  expect(await texts(commenting, query)).toBe("1,Ada");
});
