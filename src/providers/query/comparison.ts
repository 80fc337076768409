/** The comparisons of a filter, checked against the fields that they name. */
import { type Failure, invalidRequest } from "../../failure.ts";
import type { Field } from "../../rows/field.ts";
import type { Comparison, FilterNode, Operator } from "../contract.ts";
import { type Fields, fieldNamed } from "./field.ts";
import { encodeOperand } from "./operand.ts";
import type { ValueType } from "./value-type.ts";

/** The contract's caps on a tree. */
const maxDepth = 32;
const maxNodes = 1_000;
const maxOperands = 1_000;

/** A field that can be compared. */
export interface ComparedField extends Field, ValueType {
  /** What an array holds. */
  readonly element?: ValueType;
}

/** A comparison that makes sense. */
export interface CheckedComparison<F> {
  readonly field: F;
  /** The operands in the canonical text of the type that they are compared with. */
  readonly values: readonly string[];
}

/**
 * @throws Failure `unknown_field` or `invalid_request`, naming the part of the request that
 *   is wrong: the field, the operator, the number of operands, or one of them
 */
export function checkedComparison<F extends ComparedField>(
  node: Comparison,
  resource: Fields<F>,
): CheckedComparison<F> {
  const field = fieldNamed(resource, node.field, placeOf(node, "field"));
  checkOperandCount(node);
  checkOperator(node, field);
  const type = operandType(node, field);
  return { field, values: node.values.map((value, i) => encodeOperand(value, type, placeOf(node, i))) };
}

/**
 * Without recursion: a tree that is too deep must not exhaust the stack first.
 *
 * @throws Failure `invalid_request` for a tree of too many levels or nodes
 */
export function checkSize(filter: FilterNode): void {
  let level: readonly FilterNode[] = [filter];
  let nodes = 0;
  for (let depth = 1; level.length > 0; depth++) {
    nodes += level.length;
    if (depth > maxDepth) throw tooLarge(`The filter is more than ${maxDepth} levels deep.`);
    if (nodes > maxNodes) throw tooLarge(`The filter has more than ${maxNodes} nodes.`);
    level = level.flatMap(childrenOf);
  }
}

function tooLarge(description: string): Failure {
  return invalidRequest({ field: "query.filter", description: `${description} Use IN for many values of one field.` });
}

function childrenOf(node: FilterNode): readonly FilterNode[] {
  if (node.kind === "compare") return [];
  return node.kind === "not" ? [node.operand] : node.operands;
}

/** Where a part of a comparison, or one of its operands, stands in the request. */
export function placeOf({ path, short, operator }: Comparison, part: "field" | "operator" | "values" | number): string {
  if (short) return operator === "in" && typeof part === "number" ? `${path}[${part}]` : path;
  return typeof part === "number" ? `${path}.values[${part}]` : `${path}.${part}`;
}

/** An array is asked for an element; everything else is compared with its own kind. */
function operandType(node: Comparison, field: ComparedField): ValueType {
  return node.operator === "contains" && field.element !== undefined ? field.element : field;
}

function checkOperandCount(node: Comparison): void {
  const given = node.values.length;
  const field = placeOf(node, "values");
  if (node.operator === "is_null") {
    if (given > 0) throw invalidRequest({ field, description: `IS_NULL takes no operand; ${given} were given.` });
  } else if (node.operator === "in") {
    if (given >= 1 && given <= maxOperands) return;
    throw invalidRequest({ field, description: `IN takes 1 to ${maxOperands} operands; ${given} were given.` });
  } else if (given !== 1) {
    const description = `${node.operator.toUpperCase()} takes exactly one operand; ${given} were given.`;
    throw invalidRequest({ field, description });
  }
}

function checkOperator(node: Comparison, field: ComparedField): void {
  const { operator } = node;
  const problem = problemOf(operator, field);
  if (problem === undefined) return;
  const description = `${operator.toUpperCase()} can't be asked of ${field.nativeType}: ${problem}.`;
  throw invalidRequest({ field: placeOf(node, "operator"), description });
}

function problemOf(operator: Operator, { type, comparison, element }: ComparedField): string | undefined {
  switch (operator) {
    case "is_null":
      return undefined;
    case "starts_with":
      return type === "string" ? undefined : "it is no text";
    case "contains":
      if (type === "string" || (element !== undefined && element.comparison !== "none")) return undefined;
      return element === undefined ? "it is neither a text nor an array" : "its elements can't be compared";
    case "eq":
    case "ne":
    case "in":
      return comparison === "none" ? "its values can't be compared" : undefined;
    default:
      return comparison === "ordered" ? undefined : "its values have no order";
  }
}
