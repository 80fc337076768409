/** Every operator on every type, and the shapes that a filter may have. */
import { expect } from "vitest";
import { type FieldFilter, type Filter, field, not, type Parameter } from "../../../src/client/index.ts";
import type { FieldType } from "../../../src/rows/field.ts";
import { refusalOf } from "../../service/refusal.ts";
import type { Case, Cases, Stage } from "../case.ts";
import { idsOf, pageIdsOf } from "../reading.ts";
import { columnOf, kept, logic, typed } from "../tables.ts";
import { type TypeValues, typesOf } from "../values.ts";

const needs = ["query"] as const;

type Comparing = "eq" | "ne" | "lt" | "le" | "gt" | "ge";

/** Whether a value at place `at` of the ascending ones is selected by one at `than`. */
const selects: Readonly<Record<Comparing, (at: number, than: number) => boolean>> = {
  eq: (at, than) => at === than,
  ne: (at, than) => at !== than,
  lt: (at, than) => at < than,
  le: (at, than) => at <= than,
  gt: (at, than) => at > than,
  ge: (at, than) => at >= than,
};

/** The operand as JavaScript has it, and as text, which the contract takes for any type. */
function formsOf(text: string, type: FieldType): NonNullable<Parameter>[] {
  switch (type) {
    case "bool":
      return [text === "t", text];
    case "int32":
    case "int64":
    case "uint64":
      return [BigInt(text), text];
    case "float":
    case "double":
      return [Number(text), text];
    case "bytes":
      return [Buffer.from(text.slice(2), "hex"), text];
    default:
      return [text];
  }
}

export const filterCases: Cases = (fixture) => {
  const types = typesOf(fixture);
  const table = typed(fixture);
  const find = (stage: Stage, filter: Filter) => pageIdsOf(stage, { resource: table.name, filter });

  return [
    ...types.flatMap(([type, values]) => [
      ...comparisonCases(type, values, find),
      inCase(type, values, find),
      isNullCase(type, values, table.rows.length, find),
      ...(type === "string" ? textCases : [textOperatorsRefused(type, find)]),
    ]),
    ...shapeCases,
  ];
};

type Find = (stage: Stage, filter: Filter) => Promise<number[]>;

function comparisonCases(type: FieldType, { ascending, ordered }: TypeValues, find: Find): Case[] {
  const compared = field(columnOf(type));
  return (Object.keys(selects) as Comparing[]).map((operator) => ({
    name: `${operator} of ${type} selects by the type's own order, and never null`,
    needs,
    async run(stage) {
      const asked = ascending.flatMap((value, than) =>
        formsOf(value, type).map((form) => ({ than, found: () => find(stage, compared[operator](form)) })),
      );
      if (ordered === false && (await isRefused(asked[0]?.found() ?? Promise.resolve()))) return;
      await Promise.all(
        asked.map(async ({ than, found }) => {
          const ids = await found();
          // Which of two values is the greater, sources say each in its own way: not whether they are equal.
          const knows = (at: number) => ordered !== false || at === than || operator === "eq" || operator === "ne";
          const places = ascending.map((_, at) => at).filter(knows);
          expect(ids.filter((id) => id >= ascending.length)).toEqual([]);
          expect(ids.filter(knows)).toEqual(places.filter((at) => selects[operator](at, than)));
        }),
      );
    },
  }));
}

/** A type without an order of its own may be compared or not; what is not is refused, and it is said of what. */
async function isRefused(asking: Promise<unknown>): Promise<boolean> {
  if ((await asking.catch(() => undefined)) !== undefined) return false;
  expect(await refusalOf(asking)).toMatchObject({
    code: "InvalidArgument",
    reason: "INVALID_REQUEST",
    fields: ["query.filter.compare.operator"],
  });
  return true;
}

function inCase(type: FieldType, { ascending, ordered }: TypeValues, find: Find): Case {
  return {
    name: `in of ${type} selects what equals one of its operands`,
    needs,
    async run(stage) {
      const found = find(stage, field(columnOf(type)).in(ascending.filter((_, at) => at % 2 === 0)));
      if (ordered === false && (await isRefused(found))) return;
      expect(await found).toEqual(ascending.flatMap((_, at) => (at % 2 === 0 ? [at] : [])));
    },
  };
}

function isNullCase(type: FieldType, { ascending }: TypeValues, rows: number, find: Find): Case {
  return {
    name: `is_null of ${type} selects null, and not(is_null) the rest`,
    needs,
    async run(stage) {
      const isNull = field(columnOf(type)).isNull();
      const all = Array.from({ length: rows }, (_, id) => id);
      expect(await find(stage, isNull)).toEqual(all.slice(ascending.length));
      expect(await find(stage, not(isNull))).toEqual(all.slice(0, ascending.length));
    },
  };
}

const textCases: Case[] = (
  [
    ["contains", "er", ["2"]],
    ["contains", "ER", []],
    ["contains", "", ["0", "1", "2", "3", "4"]],
    ["startsWith", "Be", ["2"]],
    ["startsWith", "be", []],
    ["startsWith", "ern", []],
    ["startsWith", "%", []],
    ["contains", "_", []],
  ] as const
).map(([operator, text, ids]) => ({
  name: `${operator} of string finds ${JSON.stringify(text)} as it is: case matters, nothing is a wildcard`,
  needs,
  run: async (stage) => {
    const filter = field(columnOf("string"))[operator](text);
    expect(await idsOf(stage, { resource: "conformance_typed", filter })).toEqual(ids.map(Number));
  },
}));

function textOperatorsRefused(type: FieldType, find: Find): Case {
  const name = columnOf(type);
  if (type === "array") {
    return {
      name: "contains of array finds an element",
      needs,
      run: async (stage) => expect(await find(stage, field(name).contains(1))).toEqual([1, 2]),
    };
  }
  return {
    name: `contains and starts_with of ${type} are refused, and say what they are for`,
    needs,
    async run(stage) {
      for (const ask of [(of: FieldFilter) => of.contains("1"), (of: FieldFilter) => of.startsWith("1")]) {
        expect(await refusalOf(find(stage, ask(field(name))))).toMatchObject({
          code: "InvalidArgument",
          reason: "INVALID_REQUEST",
          fields: ["query.filter.compare.operator"],
          message: expect.stringMatching(/can't be asked of .*: .+/),
        });
      }
    },
  };
}

const shapeCases: Case[] = [
  {
    name: "the short form means equality, one of a list, and null",
    needs,
    async run(stage) {
      const find = (where: Record<string, Parameter | Parameter[]>) => idsOf(stage, { resource: logic.name, where });
      expect(await find({ a: 1 })).toEqual([3, 4, 5]);
      expect(await find({ a: null })).toEqual([0, 1, 2]);
      expect(await find({ a: [1, 2], b: null })).toEqual([3, 6]);
      expect(await find({ a: "2" })).toEqual([6, 7, 8]);
    },
  },
  {
    name: "the short form and a filter are both held to",
    needs,
    run: async (stage) =>
      expect(await idsOf(stage, { resource: logic.name, where: { a: 1 }, filter: field("b").gt(1) })).toEqual([5]),
  },
  {
    name: "a thousand operands and a tree of 31 levels are carried out",
    needs,
    async run(stage) {
      const ids = Array.from({ length: 1_000 }, (_, i) => i + 11);
      expect(await idsOf(stage, { resource: kept.name, filter: field("id").in(ids) })).toEqual(
        Array.from({ length: 10 }, (_, i) => i + 11),
      );
      let deep = field("id").eq(7);
      for (let level = 0; level < 30; level++) deep = not(deep);
      expect(await idsOf(stage, { resource: kept.name, filter: deep })).toEqual([7]);
    },
  },
  {
    name: "a value that the type can't hold is refused, by kind and never by value",
    needs,
    async run(stage) {
      for (const [name, value] of [
        ["id", "a secret"],
        ["id", 10n ** 25n],
        ["id", 1.5],
        ["text", 12],
        ["text", true],
      ] as const) {
        const refusal = await refusalOf(idsOf(stage, { resource: kept.name, filter: field(name).eq(value) }));
        expect(refusal).toMatchObject({ code: "InvalidArgument", fields: ["query.filter.compare.values[0]"] });
        expect(refusal.message).toMatch(/which takes/);
        expect(refusal.message).not.toContain("secret");
      }
    },
  },
];
