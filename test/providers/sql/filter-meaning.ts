/** Whether a compiled filter selects the rows that its tree means, evaluated in JavaScript. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FilterNode, Operator } from "../../../src/providers/contract.ts";
import { compileSelect } from "../../../src/providers/sql/select.ts";
import { scaled, seeded } from "../../torture/scale.ts";
import {
  bounded,
  type Column,
  createTable,
  type Engine,
  queryOf,
  type Row,
  type Source,
  type Table,
  tableOf,
  text,
} from "./engine.ts";

/** A filter whose operands are cells. */
type Tree =
  | { readonly kind: "and" | "or"; readonly operands: readonly Tree[] }
  | { readonly kind: "not"; readonly operand: Tree }
  | {
      readonly kind: "compare";
      readonly field: string;
      readonly operator: Operator;
      readonly cells: readonly string[];
    };

/** SQL's truth: null is unknown. */
type Truth = boolean | null;

const rowCount = 40;
const treesPerTable = 50;

/** Tests of the filters of random tables of the engine. */
export function testFilters(engine: Engine): void {
  let source: Source;
  beforeAll(async () => {
    source = await engine.open();
  });
  afterAll(() => source.close());

  test("a compiled filter selects what its tree means, by SQL's three-valued logic, whatever the table", async () => {
    let tables = 0;
    const table = tableOf(engine, rowCount);
    const asked = table.chain((made) =>
      fc.tuple(fc.constant(made), fc.array(treeOf(made), { minLength: treesPerTable, maxLength: treesPerTable })),
    );
    await fc.assert(
      fc.asyncProperty(asked, async ([made, trees]) => {
        const resource = await createTable(source, `sample_${tables++}`, made);
        for (const tree of trees) {
          const { dialect, run } = source;
          const filter = filterOf(tree, made);
          const { text: sql, parameters } = compileSelect({ dialect, resource, query: queryOf(resource, { filter }) });
          const selected = (await run(sql, parameters)).map(([id]) => Number(id));
          expect(
            selected.sort((a, b) => a - b),
            `${sql} ${JSON.stringify(parameters)}`,
          ).toEqual(meant(tree, made));
        }
      }),
      { ...seeded, numRuns: scaled({ test: 8, torture: 300 }), ...bounded },
    );
  });
}

function meant(tree: Tree, table: Table): number[] {
  return table.rows.flatMap((row, i) => (evaluate(tree, row, table) === true ? [10 * i] : []));
}

function evaluate(tree: Tree, row: Row, table: Table): Truth {
  if (tree.kind === "compare") return evaluateComparison(tree, row, table);
  if (tree.kind === "not") {
    const inner = evaluate(tree.operand, row, table);
    return inner === null ? null : !inner;
  }
  const truths = tree.operands.map((operand) => evaluate(operand, row, table));
  const decisive = tree.kind === "or";
  if (truths.includes(decisive)) return decisive;
  return truths.includes(null) ? null : !decisive;
}

function evaluateComparison({ field, operator, cells }: Tree & { kind: "compare" }, row: Row, table: Table): Truth {
  const cell = row[field] ?? null;
  const { compare, elements } = table.columns[field] as Column;
  if (operator === "is_null") return cell === null;
  if (cell === null) return null;
  const [operand] = cells as [string];
  switch (operator) {
    case "in":
      return cells.some((one) => compare(cell, one) === 0);
    case "contains":
      return elements === undefined ? cell.includes(operand) : elements(cell).includes(operand);
    case "starts_with":
      return cell.startsWith(operand);
    default:
      return orders[operator](compare(cell, operand));
  }
}

const orders = {
  eq: (order: number) => order === 0,
  ne: (order: number) => order !== 0,
  lt: (order: number) => order < 0,
  le: (order: number) => order <= 0,
  gt: (order: number) => order > 0,
  ge: (order: number) => order >= 0,
};

function filterOf(tree: Tree, table: Table): FilterNode {
  if (tree.kind === "not") return { kind: "not", operand: filterOf(tree.operand, table) };
  if (tree.kind !== "compare") return { ...tree, operands: tree.operands.map((operand) => filterOf(operand, table)) };
  const { field, operator, cells } = tree;
  const { operand = text } = table.columns[field] as Column;
  return { kind: "compare", field, operator, values: cells.map(operand), path: "query.filter.compare" };
}

function treeOf({ columns }: Table): fc.Arbitrary<Tree> {
  const comparison = fc.constantFrom(...Object.entries(columns)).chain(([field, column]) =>
    fc.constantFrom(...column.operators).chain((operator): fc.Arbitrary<Tree> => {
      const count = operator === "is_null" ? 0 : 1;
      const sizes = { minLength: count, maxLength: operator === "in" ? 4 : count };
      const cells = fc.array(operandOf(column, operator), sizes);
      return fc.record({
        kind: fc.constant("compare" as const),
        field: fc.constant(field),
        operator: fc.constant(operator),
        cells,
      });
    }),
  );
  return fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      comparison,
      fc.record({ kind: fc.constant("not" as const), operand: tie("tree") }),
      fc.record({
        kind: fc.constantFrom("and" as const, "or" as const),
        operands: fc.array(tie("tree"), { minLength: 1, maxLength: 4 }),
      }),
    ),
  })).tree;
}

/** A cell of the table, or a piece of one, which is there more often than any other text. */
function operandOf({ pool, operandsOnly = [], elements }: Table["columns"][string], operator: Operator) {
  const cell = fc.constantFrom(...pool, ...operandsOnly);
  if (operator !== "contains" && operator !== "starts_with") return cell;
  if (elements !== undefined) return fc.constantFrom(...pool.flatMap(elements), "nowhere");
  const from = operator === "contains" ? fc.nat({ max: 3 }) : fc.constant(0);
  return fc.oneof(
    cell,
    fc
      .tuple(cell, from, fc.nat({ max: 4 }))
      .map(([whole, start, size]) => [...whole].slice(start, start + size).join("")),
  );
}
