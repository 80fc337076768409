/** SQL's three-valued logic: trees over every pair of null, 1 and 2, against a plain evaluation of each. */
import { expect } from "vitest";
import { and, type Filter, field, not, or } from "../../../src/client/index.ts";
import type { Case, Cases } from "../case.ts";
import { idsOf } from "../reading.ts";
import { logic } from "../tables.ts";

type Truth = boolean | undefined;
type Row = readonly (number | undefined)[];

/** A tree, and what it means: undefined for unknown. */
interface Tree {
  readonly filter: Filter;
  readonly means: (row: Row) => Truth;
}

const isOne = (name: "a" | "b"): Tree => ({
  filter: field(name).eq(1),
  means: (row) => {
    const value = row[name === "a" ? 0 : 1];
    return value === undefined ? undefined : value === 1;
  },
});
const isNull = (name: "a" | "b"): Tree => ({
  filter: field(name).isNull(),
  means: (row) => row[name === "a" ? 0 : 1] === undefined,
});
const no = ({ filter, means }: Tree): Tree => ({
  filter: not(filter),
  means: (row) => {
    const truth = means(row);
    return truth === undefined ? undefined : !truth;
  },
});
/** `deciding` is what decides alone: false for and, true for or. */
const joined = (join: typeof and, deciding: boolean, trees: Tree[]): Tree => ({
  filter: join(...trees.map(({ filter }) => filter)),
  means: (row) => {
    const truths = trees.map(({ means }) => means(row));
    if (truths.includes(deciding)) return deciding;
    return truths.includes(undefined) ? undefined : !deciding;
  },
});
const both = (...trees: Tree[]) => joined(and, false, trees);
const either = (...trees: Tree[]) => joined(or, true, trees);

const [a, b] = [isOne("a"), isOne("b")];
const trees: Readonly<Record<string, Tree>> = {
  "not a": no(a),
  "not not a": no(no(a)),
  "a and b": both(a, b),
  "a or b": either(a, b),
  "not (a and b)": no(both(a, b)),
  "not (a or b)": no(either(a, b)),
  "not a and not b": both(no(a), no(b)),
  "not a or not b": either(no(a), no(b)),
  "a or not a": either(a, no(a)),
  "a and not a": both(a, no(a)),
  "a is null or a": either(isNull("a"), a),
  "not (a is null) and b": both(no(isNull("a")), b),
  "not (a is null or b)": no(either(isNull("a"), b)),
  "(a and b) or (not a and not b)": either(both(a, b), both(no(a), no(b))),
  "not ((a or b) and not (a and b))": no(both(either(a, b), no(both(a, b)))),
};

const treeCases: Case[] = Object.entries(trees).map(([name, { filter, means }]) => ({
  name: `${name}: only rows for which the whole tree is true`,
  needs: ["query"],
  async run(stage) {
    const values = logic.rows.map(([, ...row]) => row.map((cell) => (cell == null ? undefined : Number(cell))));
    const expected = values.flatMap((row, id) => (means(row) === true ? [id] : []));
    expect(await idsOf(stage, { resource: logic.name, filter })).toEqual(expected);
  },
}));

export const logicCases: Cases = () => treeCases;
