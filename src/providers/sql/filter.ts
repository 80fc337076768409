/** A filter tree as a condition in SQL, whose three-valued meaning the contract shares. */
import { invalidRequest } from "../../failure.ts";
import type { Comparison, FilterNode, Operator } from "../contract.ts";
import { checkedComparison, checkSize } from "../query/comparison.ts";
import type { Bind, ComparisonSymbol, Dialect, SqlResource } from "./dialect.ts";

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
  const { field, values } = checkedComparison(node, resource);
  const column = dialect.quote(field.name);
  if (node.operator === "is_null") return dialect.isNull(column, field);
  if (node.operator === "in") return dialect.oneOf(column, field, values, bind);
  const [value] = values as [string];
  if (node.operator === "starts_with") return dialect.startsWith(column, field, value, bind);
  const symbol = symbols[node.operator];
  if (symbol !== undefined) return dialect.compare({ column, type: field, value }, symbol, bind);
  return field.element !== undefined && dialect.hasElement !== undefined
    ? dialect.hasElement(column, field.element, value, bind)
    : dialect.contains(column, field, value, bind);
}
