/**
 * Filters without `not`: operators say what it negates. SQL's three-valued logic allows it,
 * since a comparison with null is unknown whichever way round it is asked; and where there is
 * no `not`, unknown is as good as false.
 */
import { invalidRequest } from "../../failure.ts";
import type { FilterNode, Operator } from "../contract.ts";
import { checkedComparison, checkSize } from "../query/comparison.ts";
import type { SourceOperator } from "./declaration.ts";
import type { QueriedField, QueriedResource } from "./resource.ts";
import { comparisonOf } from "./values.ts";

export type Condition = { readonly kind: "all" | "any"; readonly parts: readonly Condition[] } | Test;

/** One comparison. */
export interface Test {
  readonly kind: "test";
  readonly field: QueriedField;
  readonly operator: SourceOperator;
  /** In the canonical text of the field's type, or as the request had them. */
  readonly values: readonly string[];
  /** Where it stands in the request. */
  readonly path: string;
}

const opposites: Readonly<Record<Operator, SourceOperator>> = {
  eq: "ne",
  ne: "eq",
  lt: "ge",
  le: "gt",
  gt: "le",
  ge: "lt",
  in: "not_in",
  contains: "not_contains",
  starts_with: "not_starts_with",
  is_null: "is_not_null",
};

/**
 * @throws Failure `invalid_request` or `unknown_field` for a filter that makes no sense
 */
export function conditionOf(filter: FilterNode, resource: QueriedResource): Condition {
  checkSize(filter);
  return translated(filter, resource, false);
}

function translated(node: FilterNode, resource: QueriedResource, negated: boolean): Condition {
  if (node.kind === "not") return translated(node.operand, resource, !negated);
  if (node.kind === "compare") {
    const { field, values } = checkedComparison(node, resource);
    const operator = negated ? opposites[node.operator] : node.operator;
    return { kind: "test", field, operator, values, path: node.path };
  }
  if (node.operands.length === 0) {
    throw invalidRequest({ field: "query.filter", description: `\`${node.kind}\` needs at least one operand.` });
  }
  const kind = (node.kind === "and") === negated ? "any" : "all";
  const parts = node.operands.map((operand) => translated(operand, resource, negated));
  // What is joined in the same way is one list: the parts of it may be carried out apart.
  return { kind, parts: parts.flatMap((part) => (part.kind === kind ? part.parts : [part])) };
}

/** All of which must hold. */
export function partsOf(condition: Condition | undefined): readonly Condition[] {
  if (condition === undefined) return [];
  return condition.kind === "all" ? condition.parts : [condition];
}

/** The tests of a condition. */
export function testsIn(condition: Condition): readonly Test[] {
  return condition.kind === "test" ? [condition] : condition.parts.flatMap(testsIn);
}

/** Whether a row fits, by its cells in the order of the fields that it was made for. */
export type Matcher = (row: readonly (string | null)[]) => boolean;

/** @param fields those of a row; the condition's are among them */
export function matcherOf(condition: Condition, fields: readonly QueriedField[]): Matcher {
  if (condition.kind === "test") return testerOf(condition, fields.indexOf(condition.field));
  const matchers = condition.parts.map((part) => matcherOf(part, fields));
  return condition.kind === "all"
    ? (row) => matchers.every((matches) => matches(row))
    : (row) => matchers.some((matches) => matches(row));
}

function testerOf({ field, operator, values }: Test, at: number): Matcher {
  if (operator === "is_null") return (row) => row[at] === null;
  if (operator === "is_not_null") return (row) => row[at] !== null;
  const [value = ""] = values;
  const tests = textTests[operator];
  if (tests !== undefined) return ofCell(at, (cell) => tests(cell, value));
  const { key, compare } = comparisonOf(field.type, field.enumLabels);
  const keys = values.map(key);
  const [first] = keys;
  if (first === undefined) throw new RangeError(`${operator} has an operand at least`);
  if (operator === "in") return ofCell(at, (cell) => keys.some((each) => compare(key(cell), each) === 0));
  if (operator === "not_in") return ofCell(at, (cell) => keys.every((each) => compare(key(cell), each) !== 0));
  const accepts = orders[operator];
  if (accepts === undefined) throw new RangeError(`${operator} is no comparison`);
  return ofCell(at, (cell) => accepts(compare(key(cell), first)));
}

const ofCell =
  (at: number, accepts: (cell: string) => boolean): Matcher =>
  (row) => {
    const cell = row[at] ?? null;
    return cell !== null && accepts(cell);
  };

const textTests: Partial<Record<SourceOperator, (cell: string, value: string) => boolean>> = {
  contains: (cell, value) => cell.includes(value),
  not_contains: (cell, value) => !cell.includes(value),
  starts_with: (cell, value) => cell.startsWith(value),
  not_starts_with: (cell, value) => !cell.startsWith(value),
};

const orders: Partial<Record<SourceOperator, (order: number) => boolean>> = {
  eq: (order) => order === 0,
  ne: (order) => order !== 0,
  lt: (order) => order < 0,
  le: (order) => order <= 0,
  gt: (order) => order > 0,
  ge: (order) => order >= 0,
};
