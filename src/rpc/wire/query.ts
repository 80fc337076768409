/** Queries: from the wire to the domain. */
import { Failure, type FieldViolation, invalidRequest } from "../../failure.ts";
import { type Filter, Operator as WireOperator } from "../../gen/connector/v1/filter_pb.js";
import type { Query } from "../../gen/connector/v1/query_pb.js";
import type { FilterNode, Operator, ReadQuery } from "../../providers/contract.ts";
import { operandFromWire, whereFromWire } from "./value.ts";

const operators: Record<WireOperator, Operator | undefined> = {
  [WireOperator.UNSPECIFIED]: undefined,
  [WireOperator.EQ]: "eq",
  [WireOperator.NE]: "ne",
  [WireOperator.LT]: "lt",
  [WireOperator.LE]: "le",
  [WireOperator.GT]: "gt",
  [WireOperator.GE]: "ge",
  [WireOperator.IN]: "in",
  [WireOperator.CONTAINS]: "contains",
  [WireOperator.STARTS_WITH]: "starts_with",
  [WireOperator.IS_NULL]: "is_null",
};

const wireOperators = new Map(
  Object.entries(operators).flatMap(([wire, operator]) => (operator === undefined ? [] : [[operator, Number(wire)]])),
);

export function operatorToWire(operator: Operator): WireOperator {
  return wireOperators.get(operator) ?? WireOperator.UNSPECIFIED;
}

/** A filter's levels and nodes at most; the contract states both at `Filter`. */
const maxDepth = 32;
const maxNodes = 1_000;

export function queryFromWire(query: Query): ReadQuery {
  if (query.source.case === "native") {
    refuseBesideNative(query);
    const { text, parameters } = query.source.value;
    return { kind: "native", text, parameters: parameters.map(operandFromWire) };
  }
  return {
    kind: "resource",
    resource: query.source.value ?? "",
    fields: query.fields,
    filter: filterOf(query, "query"),
    orderBy: query.orderBy.map(({ field, descending }) => ({ field, descending })),
    limit: query.limit === 0n ? undefined : Math.min(Number(query.limit), Number.MAX_SAFE_INTEGER),
    ...(query.allowPostFilter ? { allowPostFilter: true } : {}),
  };
}

/** What only makes sense for a resource is refused beside a statement, never ignored. */
function refuseBesideNative(query: Query): void {
  const given = {
    fields: query.fields.length > 0,
    filter: query.filter !== undefined,
    where: query.where !== undefined,
    order_by: query.orderBy.length > 0,
    limit: query.limit > 0n,
    allow_post_filter: query.allowPostFilter,
  };
  const violations = Object.entries(given)
    .filter(([, isGiven]) => isGiven)
    .map(([name]): FieldViolation => {
      return {
        field: `query.${name}`,
        description: "can't be combined with `query.native`; write it in the statement",
      };
    });
  const [first, ...more] = violations;
  if (first !== undefined) throw invalidRequest(first, ...more);
}

/**
 * The condition that a part of a request states in its two forms.
 *
 * @param path where that part stands in the request
 */
export function filterOf({ filter, where }: Pick<Query, "filter" | "where">, path: string): FilterNode | undefined {
  const operands: FilterNode[] = [];
  if (filter !== undefined) operands.push(filterFromWire(filter, `${path}.filter`));
  if (where !== undefined) operands.push(...whereFromWire(where, `${path}.where`));
  return operands.length < 2 ? operands[0] : { kind: "and", operands };
}

/** @param path where the filter stands in the request */
export function filterFromWire(filter: Filter, path: string): FilterNode {
  return nodeFromWire(filter, path, 1, { nodes: maxNodes });
}

function nodeFromWire({ node }: Filter, path: string, depth: number, budget: { nodes: number }): FilterNode {
  if (depth > maxDepth) throw tooComplex(path, `at most ${maxDepth} levels deep`);
  if (--budget.nodes < 0) throw tooComplex(path, `of at most ${maxNodes} nodes`);
  switch (node.case) {
    case "and":
    case "or": {
      const operands = node.value.filters.map((filter, i) =>
        nodeFromWire(filter, `${path}.${node.case}.filters[${i}]`, depth + 1, budget),
      );
      return { kind: node.case, operands };
    }
    case "not":
      return { kind: "not", operand: nodeFromWire(node.value, `${path}.not`, depth + 1, budget) };
    case "compare": {
      const operator = operators[node.value.operator];
      if (operator === undefined) break;
      const { field, values } = node.value;
      return { kind: "compare", field, operator, values: values.map(operandFromWire), path: `${path}.compare` };
    }
  }
  throw new Failure("internal", "A filter passed validation that has no meaning.", { where: "service" });
}

function tooComplex(path: string, bound: string): Failure {
  const short = path.length > 120 ? `${path.slice(0, 117)}...` : path;
  return invalidRequest({ field: short, description: `the filter is too complex: it may be ${bound}` });
}
