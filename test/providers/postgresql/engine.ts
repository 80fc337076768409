/** PostgreSQL's types, as the tests of the shared SQL know them. */
import fc from "fast-check";
import { lookUpResource } from "../../../src/providers/postgresql/catalogue.ts";
import { arrayLiteral, postgresqlDialect } from "../../../src/providers/postgresql/dialect.ts";
import { createTypeCatalogue } from "../../../src/providers/postgresql/types.ts";
import {
  byBytes,
  byInteger,
  byNumber,
  byPlace,
  bytes,
  type Column,
  type Engine,
  equalOnly,
  integer,
  number,
  plain,
  strangeTexts,
  text,
  textual,
} from "../sql/engine.ts";
import { openDatabase } from "./client.ts";

const moods = ["sad", "ok", "happy"];
const lists = [[], ["a"], ["a", "b"], ["NULL", '"'], ["\\", "", "{}"]];
const listOf = (cell: string) => lists.find((list) => arrayLiteral(list) === cell) ?? [];

const columns: Record<string, Column> = {
  i: {
    sql: "bigint",
    cells: ["-9223372036854775808", "-1", "0", "1", "9223372036854775807"],
    random: fc.bigInt({ min: -100n, max: 100n }).map(String),
    operand: (cell) => (cell.length % 2 ? integer(cell) : text(cell)),
    compare: byInteger,
    operators: plain,
  },
  d: {
    sql: "numeric",
    cells: ["-1.50", "0", "0.1", "0.10", "1e3", "NaN", "1000.000000000000001"],
    compare: (a, b) => byNumber(a, b) || Number(a.endsWith("001")) - Number(b.endsWith("001")),
    operators: plain,
  },
  f: {
    sql: "double precision",
    cells: ["-Infinity", "-1.5", "0", "0.1", "3e300", "NaN"],
    random: fc.double().map(String),
    operand: number,
    compare: byNumber,
    operators: plain,
  },
  r: {
    sql: "real",
    cells: ["-3.4028235e+38", "0.1", "16777216", "1e-45"],
    random: fc.float({ noNaN: true }).map((value) => String(value === 0 ? 0 : value)),
    compare: (a, b) => byNumber(String(Math.fround(Number(a))), String(Math.fround(Number(b)))),
    operators: plain,
  },
  s: {
    sql: 'varchar(20) COLLATE "C"',
    cells: ["", "a", "A", "ab", "%", "_b", "a\\", "{}", "NULL", "a,b", "𝒳"],
    random: strangeTexts,
    compare: byBytes,
    operators: textual,
  },
  c: {
    sql: "ext.citext",
    cells: ["", "x", "X", "xy", "XY", "y"],
    compare: (a, b) => byBytes(a.toLowerCase(), b.toLowerCase()),
    operators: textual,
  },
  b: {
    sql: "boolean",
    cells: ["f", "t"],
    operand: (cell) => ({ kind: "bool", value: cell === "t" }),
    compare: byBytes,
    operators: plain,
  },
  t: {
    sql: "timestamptz",
    cells: ["2026-01-01 00:00:00+00", "2026-01-01 00:00:00.000001+00", "2026-11-22 13:45:00+00"],
    operand: (cell) => text(cell.replace(" ", "T").replace("+00", "Z")),
    compare: byBytes,
    operators: plain,
  },
  x: {
    sql: "bytea",
    cells: ["\\x", "\\x00", "\\x80ff", "\\xff"],
    operand: bytes,
    compare: byBytes,
    operators: plain,
  },
  m: { sql: "mood", cells: moods, compare: byPlace(moods), operators: plain },
  j: {
    sql: "jsonb",
    cells: ['{"a": 1}', "[]", "1", "null"],
    operand: (cell) => text(` ${cell}`),
    compare: byBytes,
    operators: equalOnly,
    keyless: true,
    unordered: true,
  },
  l: {
    sql: "text[]",
    cells: lists.map(arrayLiteral),
    operand: text,
    compare: byBytes,
    operators: ["contains", "is_null"],
    elements: listOf,
    keyless: true,
    unordered: true,
  },
};

export const postgresql: Engine = {
  columns,
  async open() {
    const { run, execute, close } = await openDatabase();
    await execute(
      "CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
    );
    const resource = (name: string) => lookUpResource(run, name, createTypeCatalogue());
    return { dialect: postgresqlDialect, run, resource, close };
  },
};
