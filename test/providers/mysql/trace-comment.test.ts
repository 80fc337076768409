/** Statements that say which trace they are a part of. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Call, PageRequest, ReadQuery, Session } from "../../../src/providers/contract.ts";
import { classify } from "../../../src/providers/mysql/errors.ts";
import { ServerError } from "../../../src/providers/mysql/protocol.ts";
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

describe("the place of an error is where it is in the caller's text", () => {
  test.each([
    ["SELECT 1 +", "at its end"],
    ["SELECT (1  ", "at its end"],
    ["SELECT nowhere", "at character 8, `nowhere`"],
    ["SELECT 1 FROM person WHERE ORDER BY id", "at character 28, `ORDER`"],
    ["SELECT name FROM person p p", "at character 27, `p`"],
  ])("of %j, that is sent with the comment and without it", async (text, place) => {
    for (const session of [commenting, silent]) {
      const refused = { message: expect.stringContaining(`, ${place}.`) };
      await expect(session.query(native(text), page, call())).rejects.toMatchObject(refused);
      // What explains is sent without the comment.
      await expect(session.explain(native(text), page, call())).rejects.toMatchObject(refused);
    }
  });

  test("of what is quoted with the comment behind it, by servers that do so", () => {
    const comment = `\n/*traceparent='${traceparent}'*/`;
    const near = (quoted: string) => new ServerError(1064, "42000", `syntax error near '${quoted}' at line 1`);
    const messageOf = (statement: string, quoted: string) => classify(near(quoted), { statement, comment })?.message;
    expect(messageOf("SELECT 1 +", comment.slice(0, 80))).toContain("at its end.");
    expect(messageOf("SELECT 1 + ) ", `) ${comment}`.slice(0, 80))).toContain("at character 12.");
    expect(messageOf("SELECT ) , )", `)${comment}`.slice(0, 10))).toContain("at character 12.");
  });
});

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
