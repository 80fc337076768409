/** Grants as data: how they are kept, and what is certain of rows that are yet to be written. */
import { describe, expect, test } from "vitest";
import type { Comparison, FilterNode, Operand } from "../../src/providers/contract.ts";
import { isCertainlyTrue } from "../../src/registry/grant/decide.ts";
import type { Terms } from "../../src/registry/grant/grant.ts";
import { decodeTerms, encodeTerms } from "../../src/registry/grant/stored.ts";

const int = (value: number | bigint): Operand => ({ kind: "integer", value: BigInt(value) });
const text = (value: string): Operand => ({ kind: "text", value });
const compare = (field: string, operator: Comparison["operator"], ...values: Operand[]): Comparison => {
  return { kind: "compare", field, operator, values, path: "resources[0].row_filter.compare" };
};
const all = (kind: "and" | "or", ...operands: FilterNode[]): FilterNode => ({ kind, operands });
const not = (operand: FilterNode): FilterNode => ({ kind: "not", operand });

describe("of values that are to be written it is certain", () => {
  const given = new Map<string, Operand>([
    ["age", int(30)],
    ["name", text("Ada")],
    ["gone", { kind: "null" }],
    ["active", { kind: "bool", value: true }],
    ["padded", text("Ada ")],
    ["price", text("1.25")],
    ["raw", { kind: "bytes", value: Buffer.from("a") }],
    ["share", { kind: "double", value: 0.5 }],
  ]);
  const age = (operator: Comparison["operator"], ...values: number[]) => compare("age", operator, ...values.map(int));

  test.each<[string, FilterNode]>([
    ["that an integer is itself", age("eq", 30)],
    ["that it is among others", age("in", 1, 30)],
    ["that it is not another", age("ne", 31)],
    ["how it stands to others", all("and", age("gt", 29), age("ge", 30), age("lt", 31), age("le", 30))],
    ["that it is not smaller", not(age("lt", 30))],
    ["that a text is itself", compare("name", "eq", text("Ada"))],
    ["how a text begins", compare("name", "starts_with", text("A"))],
    ["what a text holds", compare("name", "contains", text("d"))],
    ["that null is null", compare("gone", "is_null")],
    ["that what is given is not null", not(compare("name", "is_null"))],
    ["that true is true", compare("active", "eq", { kind: "bool", value: true })],
    ["one of two, whatever the other", all("or", compare("other", "eq", int(1)), age("eq", 30))],
  ])("%s", (_, filter) => {
    expect(isCertainlyTrue(filter, given)).toBe(true);
  });

  test.each<[string, FilterNode]>([
    ["what is not given, which may get a default", compare("other", "is_null")],
    ["what is wrong", age("eq", 31)],
    ["two of which one is not known", all("and", age("eq", 30), compare("other", "eq", int(1)))],
    ["that a text is not another, which a collation may take for it", compare("name", "ne", text("ada"))],
    ["the same the other way round", not(compare("name", "eq", text("ada")))],
    ["the order of texts", compare("name", "lt", text("Bob"))],
    ["anything of null", not(compare("gone", "eq", int(1)))],
    ["a text that a source may cut", compare("padded", "eq", text("Ada "))],
    ["a number that a source may round", compare("price", "eq", text("1.25"))],
    ["a fraction", compare("share", "eq", { kind: "double", value: 0.5 })],
    ["bytes that a source may pad", compare("raw", "eq", { kind: "bytes", value: Buffer.from("a") })],
    ["a number beside a text", compare("age", "eq", text("30"))],
  ])("not %s", (_, filter) => {
    expect(isCertainlyTrue(filter, given)).toBe(false);
  });
});

test("what is kept of a grant comes back to the letter, and its row filters say where they stand in it", () => {
  const operands: Operand[] = [
    ...[int(-(2n ** 63n)), int(2n ** 64n - 1n), text("\"'\\ ü"), { kind: "null" } as const],
    { kind: "double", value: -0 },
    { kind: "double", value: Number.NaN },
    { kind: "bool", value: false },
    { kind: "bytes", value: Buffer.from([0, 255]) },
  ];
  const rowFilter = all("or", compare("a", "in", ...operands), not(all("and", compare("b", "is_null"))));
  const terms: Terms = {
    ...{ permissions: ["query", "execute"], actions: ["create"] },
    resources: [
      { resource: "public.a", fields: ["a"], rowFilter },
      { resource: "public.b", fields: [], rowFilter: undefined },
    ],
    budgets: [{ unit: "rows", amount: 1e15, windowMs: 1 }],
  };
  const decoded = decodeTerms(JSON.parse(encodeTerms(terms)));
  const path = "grant.resources[0].row_filter.compare";
  const placed = (node: FilterNode): FilterNode => {
    if (node.kind === "compare") return { ...node, path };
    return node.kind === "not"
      ? { ...node, operand: placed(node.operand) }
      : { ...node, operands: node.operands.map(placed) };
  };
  expect(decoded).toEqual({
    ...terms,
    resources: [{ ...terms.resources[0], rowFilter: placed(rowFilter) }, terms.resources[1]],
  });
});
