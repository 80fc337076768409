import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Comparison, FilterNode, Operand, Operator } from "../../../src/providers/contract.ts";
import { lookUpResource } from "../../../src/providers/postgresql/catalogue.ts";
import { arrayLiteral } from "../../../src/providers/postgresql/dialect.ts";
import { createTypeCatalogue } from "../../../src/providers/postgresql/types.ts";
import type { SqlResource } from "../../../src/providers/sql/dialect.ts";
import { type Database, openDatabase } from "./client.ts";
import { compare, integer, select, text } from "./filtering.ts";

let database: Database;

beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.close());

describe("a compiled filter selects what its tree means", () => {
  type Cell = string | string[] | null;
  interface Column {
    readonly sql: string;
    readonly cells: readonly string[];
    readonly operand: (cell: string) => Operand;
    /** Where a cell stands in the type's order. */
    readonly compare: (a: string, b: string) => number;
    readonly operators: readonly Operator[];
  }

  const plain: readonly Operator[] = ["eq", "ne", "lt", "le", "gt", "ge", "in", "is_null"];
  const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  const byNumber = (a: string, b: string) => {
    const [x, y] = [Number(a), Number(b)];
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    return x === y ? 0 : x < y ? -1 : 1;
  };
  const byPlace = (cells: readonly string[]) => (a: string, b: string) => cells.indexOf(a) - cells.indexOf(b);
  const texts = ["", "a", "A", "ab", "ba", "é", "%", "_b", "a\\", "'", '"', "{}", "NULL", "a,b", "\n", "𝒳"];
  const moods = ["sad", "ok", "happy"];
  const integers = ["-9223372036854775808", "-1", "0", "1", "7", "9223372036854775807"];

  const columns: Record<string, Column> = {
    i: {
      sql: "bigint",
      cells: integers,
      operand: (cell) => (cell.length % 2 ? integer(BigInt(cell)) : text(cell)),
      compare: byPlace(integers),
      operators: plain,
    },
    d: {
      sql: "numeric",
      cells: ["-1.50", "0", "0.1", "0.10", "1e3", "NaN"],
      operand: text,
      compare: byNumber,
      operators: plain,
    },
    f: {
      sql: "double precision",
      cells: ["-Infinity", "-1.5", "0", "0.1", "3e300", "NaN"],
      operand: (cell) => ({ kind: "double", value: Number(cell) }),
      compare: byNumber,
      operators: plain,
    },
    s: {
      sql: 'varchar(20) COLLATE "C"',
      cells: texts,
      operand: text,
      compare: byBytes,
      operators: [...plain, "contains", "starts_with"],
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
      operand: (cell) => ({ kind: "bytes", value: Buffer.from(cell.slice(2), "hex") }),
      compare: byBytes,
      operators: plain,
    },
    m: { sql: "mood", cells: moods, operand: text, compare: byPlace(moods), operators: plain },
    l: { sql: "text[]", cells: texts, operand: text, compare: byBytes, operators: ["contains", "is_null"] },
  };

  /** SQL's truth: null is unknown. */
  type Truth = boolean | null;
  type Row = Readonly<Record<string, Cell>>;

  function evaluate(node: FilterNode, row: Row): Truth {
    if (node.kind === "compare") return evaluateComparison(node, row);
    if (node.kind === "not") {
      const inner = evaluate(node.operand, row);
      return inner === null ? null : !inner;
    }
    const truths = node.operands.map((operand) => evaluate(operand, row));
    const decisive = node.kind === "or";
    if (truths.includes(decisive)) return decisive;
    return truths.includes(null) ? null : !decisive;
  }

  function evaluateComparison({ field, operator, values }: Comparison, row: Row): Truth {
    const cell = row[field] ?? null;
    const column = columns[field] as Column;
    if (operator === "is_null") return cell === null;
    if (cell === null) return null;
    const operands = values.map((value) => cellOf(column, value));
    const [operand] = operands as [string];
    if (Array.isArray(cell)) return cell.includes(operand);
    const order = column.compare(cell, operand);
    switch (operator) {
      case "eq":
        return order === 0;
      case "ne":
        return order !== 0;
      case "lt":
        return order < 0;
      case "le":
        return order <= 0;
      case "gt":
        return order > 0;
      case "ge":
        return order >= 0;
      case "in":
        return operands.some((one) => column.compare(cell, one) === 0);
      case "contains":
        return cell.includes(operand);
      default:
        return cell.startsWith(operand);
    }
  }

  const cellOf = (column: Column, value: Operand): string =>
    column.cells.find((cell) => JSON.stringify(plainOf(column.operand(cell))) === JSON.stringify(plainOf(value))) ?? "";
  const plainOf = (operand: Operand) => ("value" in operand ? String(operand.value) : null);

  const cellsOf = (column: Column): fc.Arbitrary<Cell> => {
    const cell = fc.constantFrom(...column.cells);
    const cells: fc.Arbitrary<Cell> = column.sql.endsWith("[]") ? fc.array(cell, { maxLength: 3 }) : cell;
    return fc.option(cells, { nil: null, freq: 4 });
  };
  const row = fc.record(Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, cellsOf(column)])));

  const comparison = fc.constantFrom(...Object.entries(columns)).chain(([field, column]) =>
    fc.constantFrom(...column.operators).chain((operator) => {
      const length = operator === "is_null" ? 0 : operator === "in" ? undefined : 1;
      const sizes = length === undefined ? { minLength: 1, maxLength: 4 } : { minLength: length, maxLength: length };
      return fc
        .array(fc.constantFrom(...column.cells), sizes)
        .map((cells): FilterNode => compare(field, operator, ...cells.map(column.operand)));
    }),
  );
  const { tree } = fc.letrec<{ tree: FilterNode }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      comparison,
      fc.record({ kind: fc.constant("not" as const), operand: tie("tree") }),
      fc.record({
        kind: fc.constantFrom("and" as const, "or" as const),
        operands: fc.array(tie("tree"), { minLength: 1, maxLength: 4 }),
      }),
    ),
  }));

  const rows: Row[] = fc.sample(row, { numRuns: 200, seed: 7 });
  let resource: SqlResource;

  beforeAll(async () => {
    const names = Object.keys(columns);
    await database.execute(`CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
      CREATE TABLE sample (id int PRIMARY KEY, ${names.map((name) => `${name} ${columns[name]?.sql}`).join(", ")})`);
    for (const [id, cells] of rows.entries()) {
      const values = names.map((name) => {
        const cell = cells[name] ?? null;
        return Array.isArray(cell) ? arrayLiteral(cell) : cell;
      });
      const placeholders = names.map((_, i) => `$${i + 2}`).join(", ");
      await database.run(`INSERT INTO sample VALUES ($1, ${placeholders})`, [String(id), ...values]);
    }
    resource = await lookUpResource(database.run, "sample", createTypeCatalogue());
  });

  test("for every tree, by SQL's three-valued logic", async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (filter) => {
        const expected = rows.flatMap((cells, id) => (evaluate(filter, cells) === true ? [String(id)] : []));
        expect((await select(database.run, resource, filter, "id")).sort()).toEqual(expected.sort());
      }),
      { numRuns: 400 },
    );
  });
});
