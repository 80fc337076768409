/** Random conditions, and what SQL says of them: the judge of what agents may see. */
import fc from "fast-check";
import { and, type Filter, field, not, or } from "../../src/client/index.ts";

/** A row of the table that agents are let at. */
export type Item = Readonly<Record<string, string | number | null>>;

export type Condition =
  | { readonly kind: "and" | "or"; readonly operands: readonly Condition[] }
  | { readonly kind: "not"; readonly operand: Condition }
  | { readonly kind: "eq" | "ne" | "lt" | "ge" | "contains"; readonly field: string; readonly value: string | number }
  | { readonly kind: "in"; readonly field: string; readonly values: readonly (string | number)[] }
  | { readonly kind: "is_null"; readonly field: string };

/** @param fields Values of each that are worth asking for */
export function conditions(fields: Readonly<Record<string, readonly (string | number)[]>>): fc.Arbitrary<Condition> {
  const leaf = fc.constantFrom(...Object.keys(fields)).chain((name) => {
    const values = fields[name] ?? [];
    const value = fc.constantFrom(...values);
    const text = typeof values[0] === "string";
    const kind = text ? fc.constantFrom("eq", "ne", "contains") : fc.constantFrom("eq", "ne", "lt", "ge");
    return fc.oneof(
      fc.record({ kind, field: fc.constant(name), value }),
      fc.record({
        kind: fc.constant("in"),
        field: fc.constant(name),
        values: fc.array(value, { minLength: 1, maxLength: 3 }),
      }),
      fc.constant({ kind: "is_null", field: name }),
    ) as fc.Arbitrary<Condition>;
  });
  const { tree } = fc.letrec<{ tree: Condition }>((tie) => ({
    tree: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      leaf,
      fc.record({
        kind: fc.constantFrom("and", "or"),
        operands: fc.array(tie("tree"), { minLength: 1, maxLength: 3 }),
      }) as fc.Arbitrary<Condition>,
      fc.record({ kind: fc.constant("not"), operand: tie("tree") }) as fc.Arbitrary<Condition>,
    ),
  }));
  return tree;
}

export function filterOf(condition: Condition): Filter {
  switch (condition.kind) {
    case "and":
      return and(...condition.operands.map(filterOf));
    case "or":
      return or(...condition.operands.map(filterOf));
    case "not":
      return not(filterOf(condition.operand));
    case "is_null":
      return field(condition.field).isNull();
    case "in":
      return field(condition.field).in(condition.values);
    default:
      return field(condition.field)[condition.kind](condition.value);
  }
}

export function fieldsIn(condition: Condition): readonly string[] {
  if ("operands" in condition) return condition.operands.flatMap(fieldsIn);
  return "operand" in condition ? fieldsIn(condition.operand) : [condition.field];
}

export const selects = (condition: Condition | undefined, item: Item) =>
  condition === undefined || verdictOf(condition, item) === true;

/** SQL's three-valued logic; null is what is not known. */
function verdictOf(condition: Condition, item: Item): boolean | null {
  if ("operands" in condition) {
    const verdicts = condition.operands.map((operand) => verdictOf(operand, item));
    const decisive = condition.kind === "or";
    if (verdicts.includes(decisive)) return decisive;
    return verdicts.includes(null) ? null : !decisive;
  }
  if ("operand" in condition) {
    const verdict = verdictOf(condition.operand, item);
    return verdict === null ? null : !verdict;
  }
  const cell = item[condition.field] ?? null;
  if (condition.kind === "is_null") return cell === null;
  if (cell === null) return null;
  if (condition.kind === "in") return condition.values.includes(cell);
  return compared(condition.kind, cell, condition.value);
}

function compared(
  kind: "eq" | "ne" | "lt" | "ge" | "contains",
  cell: string | number,
  value: string | number,
): boolean {
  switch (kind) {
    case "eq":
      return cell === value;
    case "ne":
      return cell !== value;
    case "lt":
      return cell < value;
    case "ge":
      return cell >= value;
    case "contains":
      return String(cell).includes(String(value));
  }
}
