/** The words of statements: what is a string or a comment here is one to the server, too. */
import fc from "fast-check";
import mysql from "mysql2/promise";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sessionSettings } from "../../../src/providers/mysql/dialect.ts";
import { readTokens, type Token } from "../../../src/providers/mysql/tokens.ts";
import { freshMysqlDatabase } from "../../support/mariadb.ts";
import type { FreshDatabase } from "../../support/postgres.ts";
import { scaled, seeded } from "../../torture/scale.ts";

/** Each as its kind and its text; or why there are none. */
function read(text: string): string[] | string {
  const tokens = readTokens(text);
  if ("message" in tokens) return tokens.kind;
  return tokens.map(({ kind, text }) => `${kind} ${text}`);
}

test.each<[string, string[]]>([
  ["a.b", ["name a", "symbol .", "name b"]],
  ["a . select", ["word a", "symbol .", "word select"]],
  ["from.select", ["name from", "symbol .", "name select"]],
  ["`a``b`.`c`", ["name a`b", "symbol .", "name c"]],
  ["a.1b", ["name a", "symbol .", "name 1b"]],
  ["1b 0X1 0x1g über", ["word 1b", "word 0X1", "word 0x1g", "word über"]],
  ["1 1. .5 1.5e-3 0x1F 0b01", ["number 1", "number 1.", "number .5", "number 1.5e-3", "number 0x1F", "number 0b01"]],
  ["x'1f' X'' b'01' n'a' N'b'", ["string x'1f'", "string X''", "string b'01'", "string n'a'", "string N'b'"]],
  ["_utf8mb4'a'", ["word _utf8mb4", "string 'a'"]],
  ["'it''s' 'it\\'s' '\\\\' \"a\"\"'\"", ["string 'it''s'", "string 'it\\'s'", "string '\\\\'", 'string "a""\'"']],
  ["'a\n-- /* # ;'", ["string 'a\n-- /* # ;'"]],
  ["1 -- '\n2", ["number 1", "number 2"]],
  ["1 --\t'", ["number 1"]],
  ["1 --", ["number 1"]],
  ["1--2", ["number 1", "symbol -", "symbol -", "number 2"]],
  ["1 --'a'", ["number 1", "symbol -", "symbol -", "string 'a'"]],
  ["1 --\u00a02", ["number 1", "symbol -", "symbol -", "word \u00a02"]],
  ["1 ---  2", ["number 1", "symbol -"]],
  ["1 # '\r 2\n3", ["number 1", "number 3"]],
  ["1 /* ' /* */ 2", ["number 1", "number 2"]],
  ["1 /*/ 2 */ 3", ["number 1", "number 3"]],
  ["1 /**/ 2", ["number 1", "number 2"]],
  ["/* !1*/ 1", ["number 1"]],
  ["`/*` '*/'", ["name /*", "string '*/'"]],
  ["@@version @@session.SQL_MODE", ["variable version", "variable sql_mode"]],
  ["?,?", ["parameter ?", "symbol ,", "parameter ?"]],
  ["a\u00a0b\u3000c", ["word a\u00a0b\u3000c"]],
])("%j is read as the server reads it", (text, tokens) => {
  expect(read(text)).toEqual(tokens);
});

test.each([
  ["'a", "malformed"],
  ["'a\\'", "malformed"],
  ['"a', "malformed"],
  ["`a", "malformed"],
  ["1 ``", "malformed"],
  ["``.a", "malformed"],
  ["/* a", "malformed"],
  ["/*/", "malformed"],
  ["x'1'", "malformed"],
  ["x'1g'", "malformed"],
  ["x'11", "malformed"],
  ["b'2'", "malformed"],
  ["1.e(2)", "malformed"],
  ["1.a", "malformed"],
  ["1e5a", "malformed"],
  ["1..2", "malformed"],
  ["`a`.1b", "malformed"],
  ["--\u00011", "malformed"],
  ["--\u007f1", "malformed"],
  ["1\u0001", "malformed"],
  ["?a", "malformed"],
  ["\\N", "malformed"],
  ["$$a$$", "malformed"],
  ["$a", "malformed"],
  ["a[1]", "malformed"],
  ["/*!1*/", "rejected"],
  ["/*!50000 1*/", "rejected"],
  ["/*M!1*/", "rejected"],
  ["/*M!100100 1*/", "rejected"],
  ["/*+ SET_VAR(max_execution_time = 0) */", "rejected"],
  ["/*+ BKA(a) set_var (a = 0) */", "rejected"],
  ["/*+ MAX_EXECUTION_TIME(0) */", "rejected"],
  ["/*+ RESOURCE_GROUP(a) */", "rejected"],
  ["/*+ INDEX(`a*/ '`) */", "rejected"],
  ["@a", "rejected"],
  ["@`a`", "rejected"],
  ["@@`version`", "rejected"],
  ["@@global.a.b", "rejected"],
  ["a := 1", "rejected"],
])("%j is not sent", (text, kind) => {
  expect(read(text)).toBe(kind);
});

let database: FreshDatabase;
let connection: mysql.Connection;

beforeAll(async () => {
  database = await freshMysqlDatabase();
  connection = await mysql.createConnection({ uri: database.url, charset: "utf8mb4_bin" });
  await connection.query(`SET SESSION sql_mode = ${sessionSettings.sql_mode}`);
});
afterAll(async () => {
  await connection.end();
  await database.drop();
});

/** Whether the server's parser takes a text; nothing of it runs. */
async function isTaken(text: string): Promise<boolean> {
  try {
    const statement = await connection.prepare(text);
    await statement.close();
    return true;
  } catch (cause) {
    const { errno } = cause as { errno?: number };
    if (errno === undefined) throw cause;
    // A syntax error, or a parser that has no memory left for one.
    return errno !== 1064;
  }
}

/** What makes a reader lose its way. */
const pieces = fc.constantFrom(
  ...["'", '"', "`", "\\", "\\'", "''", "``", "--", "-- ", "--\n", "#", "/*", "*/", "/**/", "/*/", "*", "/", "-", "\n"],
  ...[
    "\t",
    "\r",
    " ",
    "1",
    "a",
    "1 ",
    "+",
    ",",
    ".",
    "x'",
    "b'0",
    "n'",
    "0x",
    "e1",
    "1.",
    "ü",
    "\u00a0",
    "(",
    ")",
    "SELECT",
  ],
);

/** Without comments, and with other strings and names: the same to a parser that reads both as we do. */
const plainly = (tokens: readonly Token[]) =>
  tokens
    .map((token) => {
      const written = plain(token);
      // Two dashes with a blank behind them, where a comment was, would begin one.
      return token.glued && written !== "-" ? written : ` ${written}`;
    })
    .join("");

/** Empty ones stay empty, which an alias must not be. */
function plain({ kind, text }: Token): string {
  if (kind === "name") return text === "" ? "``" : "`n`";
  return kind === "string" && /^(?:'.+'|".+")$/s.test(text) ? "'s'" : text;
}

test("a statement without its comments, and with other strings, is one to the server when it was one", {
  timeout: scaled({ test: 120_000, torture: 3_600_000 }),
}, async () => {
  let taken = 0;
  const texts = fc.array(pieces, { maxLength: 9 }).map((parts) => `SELECT 1 ${parts.join("")} + 2`);
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      const tokens = readTokens(text);
      if ("message" in tokens) return;
      const isStatement = await isTaken(text);
      if (isStatement) taken++;
      expect(await isTaken(plainly(tokens)), text).toBe(isStatement);
    }),
    { ...seeded, numRuns: scaled({ test: 3_000, torture: 300_000 }) },
  );
  expect(taken).toBeGreaterThan(50);
});
