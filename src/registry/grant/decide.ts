/** Whether a row that is yet to be written would fulfil a condition, as far as that can be known here. */
import type { Comparison, FilterNode, Operand } from "../../providers/contract.ts";

/** True, false, or not to be known without the source; null belongs to the last, too. */
type Verdict = boolean | undefined;

/**
 * Whether the condition is true of these values for certain, whatever types the source has
 * for the fields. What is not given may get a default, and is not known.
 */
export function isCertainlyTrue(filter: FilterNode, given: ReadonlyMap<string, Operand>): boolean {
  return verdictOf(filter, given) === true;
}

/** SQL's three-valued logic. */
function verdictOf(node: FilterNode, given: ReadonlyMap<string, Operand>): Verdict {
  if (node.kind === "compare") return compared(node, given.get(node.field));
  if (node.kind === "not") {
    const verdict = verdictOf(node.operand, given);
    return verdict === undefined ? undefined : !verdict;
  }
  const verdicts = node.operands.map((operand) => verdictOf(operand, given));
  return node.kind === "and" ? every(verdicts) : some(verdicts);
}

function every(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes(false)) return false;
  return verdicts.includes(undefined) ? undefined : true;
}

function some(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes(true)) return true;
  return verdicts.includes(undefined) ? undefined : false;
}

function compared({ operator, values }: Comparison, given: Operand | undefined): Verdict {
  if (given === undefined) return undefined;
  if (operator === "is_null") return given.kind === "null";
  if (operator === "in") return some(values.map((value) => equal(given, value)));
  const [value] = values;
  if (value === undefined) return undefined;
  if (operator === "eq") return equal(given, value);
  if (operator === "ne") return not(equal(given, value));
  if (operator === "contains" || operator === "starts_with") return found(operator, given, value);
  return ordered(operator, given, value);
}

const not = (verdict: Verdict): Verdict => (verdict === undefined ? undefined : !verdict);

/**
 * The same value, given in the same way, is equal to itself in every source. Others may be, too:
 * a collation takes `a` for `A`, and what is a text here may be a number there. A fraction may be
 * rounded and bytes may be padded, so that they are not even known to stay what they are.
 */
function equal(given: Operand, value: Operand): Verdict {
  if (given.kind === "integer" && value.kind === "integer") return given.value === value.value;
  if (given.kind === "bool" && value.kind === "bool") return given.value === value.value;
  return isKept(given) && isKept(value) && given.value === value.value ? true : undefined;
}

/** What some types store as another text: spaces at the end are cut, and digits of a number or a time rounded. */
const unsteady = /\s$|\d\.\d|^\s*[-+]?\d+e[-+]?\d+$/i;

function isKept(operand: Operand): operand is Operand & { kind: "text" } {
  return operand.kind === "text" && !unsteady.test(operand.value);
}

/** A comparison of integers is the same in every source; what order texts have is the source's to say. */
function ordered(operator: "lt" | "le" | "gt" | "ge", given: Operand, value: Operand): Verdict {
  if (given.kind !== "integer" || value.kind !== "integer") return undefined;
  if (operator === "lt") return given.value < value.value;
  if (operator === "le") return given.value <= value.value;
  return operator === "gt" ? given.value > value.value : given.value >= value.value;
}

function found(operator: "contains" | "starts_with", given: Operand, value: Operand): Verdict {
  if (!isKept(given) || value.kind !== "text") return undefined;
  const isThere = operator === "contains" ? given.value.includes(value.value) : given.value.startsWith(value.value);
  return isThere ? true : undefined;
}
