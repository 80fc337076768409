/** A filter tree as a condition in SQL, whose three-valued meaning the contract shares. */
import { type Failure, invalidRequest } from "../../failure.ts";
import type { Comparison, FilterNode, Operator } from "../contract.ts";
import type { Bind, ComparisonSymbol, Dialect, SqlField, SqlResource, ValueType } from "./dialect.ts";
import { fieldNamed } from "./field.ts";
import { encodeOperand } from "./operand.ts";

/** The contract's caps on a tree. */
const maxDepth = 32;
const maxNodes = 1_000;
const maxOperands = 1_000;

const symbols: Partial<Record<Operator, ComparisonSymbol>> = {
  eq: "=",
  ne: "<>",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
};

/**
 * Compiles a tree. Every value becomes a parameter, every identifier comes from the
 * resource's own fields.
 *
 * @throws Failure `invalid_request` or `unknown_field`, naming the part of the
 *   request that is wrong, before anything is sent
 */
export function compileFilter(filter: FilterNode, resource: SqlResource, dialect: Dialect, bind: Bind): string {
  checkSize(filter);
  return compileNode(filter, resource, dialect, bind);
}

/** Without recursion: a tree that is too deep must not exhaust the stack first. */
function checkSize(filter: FilterNode): void {
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

function compileNode(node: FilterNode, resource: SqlResource, dialect: Dialect, bind: Bind): string {
  if (node.kind === "compare") return compileComparison(node, resource, dialect, bind);
  if (node.kind === "not") return `NOT (${compileNode(node.operand, resource, dialect, bind)})`;
  if (node.operands.length === 0) {
    const description = `\`${node.kind}\` needs at least one operand.`;
    throw invalidRequest({ field: "query.filter", description });
  }
  const operands = node.operands.map((operand) => `(${compileNode(operand, resource, dialect, bind)})`);
  return operands.join(node.kind === "and" ? " AND " : " OR ");
}

function compileComparison(node: Comparison, resource: SqlResource, dialect: Dialect, bind: Bind): string {
  const field = fieldNamed(resource, node.field, placeOf(node, "field"));
  checkOperandCount(node);
  checkOperator(node, field);
  const column = dialect.quote(field.name);
  if (node.operator === "is_null") return dialect.isNull(column, field);
  const type = operandType(node, field);
  const values = node.values.map((value, i) => encodeOperand(value, type, placeOf(node, i)));
  if (node.operator === "in") return dialect.oneOf(column, field, values, bind);
  const [value] = values as [string];
  if (node.operator === "starts_with") return dialect.startsWith(column, field, value, bind);
  const symbol = symbols[node.operator];
  if (symbol !== undefined) return dialect.compare({ column, type: field, value }, symbol, bind);
  return field.element !== undefined && dialect.hasElement !== undefined
    ? dialect.hasElement(column, field.element, value, bind)
    : dialect.contains(column, field, value, bind);
}

/** Where a part of a comparison, or one of its operands, stands in the request. */
function placeOf({ path, short, operator }: Comparison, part: "field" | "operator" | "values" | number): string {
  if (short) return operator === "in" && typeof part === "number" ? `${path}[${part}]` : path;
  return typeof part === "number" ? `${path}.values[${part}]` : `${path}.${part}`;
}

/** An array is asked for an element; everything else is compared with its own kind. */
function operandType(node: Comparison, field: SqlField): ValueType {
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

function checkOperator(node: Comparison, field: SqlField): void {
  const { operator } = node;
  const problem = problemOf(operator, field);
  if (problem === undefined) return;
  const description = `${operator.toUpperCase()} can't be asked of ${field.nativeType}: ${problem}.`;
  throw invalidRequest({ field: placeOf(node, "operator"), description });
}

function problemOf(operator: Operator, { type, comparison, element }: SqlField): string | undefined {
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
