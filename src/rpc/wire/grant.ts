/** Grants: between the wire and the domain. */
import { create, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Failure } from "../../failure.ts";
import { type Filter, FilterSchema } from "../../gen/connector/v1/filter_pb.js";
import {
  BudgetUnit,
  type GrantConnectorRequest,
  type GrantSchema,
  Permission,
  type Budget as WireBudget,
} from "../../gen/connector/v1/grant_pb.js";
import type { FilterNode } from "../../providers/contract.ts";
import type { Budget, Grant, GrantPermission } from "../../registry/grant/grant.ts";
import type { NewGrant } from "../../registry/grants.ts";
import { filterFromWire, operatorToWire } from "./query.ts";
import { durationToMs, durationToWire } from "./timings.ts";
import { operandToWire } from "./value.ts";

const permissions: Readonly<Record<GrantPermission, Permission>> = {
  query: Permission.QUERY,
  native_query: Permission.NATIVE_QUERY,
  execute: Permission.EXECUTE,
};

const units: Readonly<Record<Budget["unit"], BudgetUnit>> = {
  calls: BudgetUnit.CALLS,
  rows: BudgetUnit.ROWS,
  bytes: BudgetUnit.BYTES,
  time: BudgetUnit.TIME,
};

/** The row filters' paths are those of the request, `resources[0].row_filter`. */
export function grantFromWire(request: GrantConnectorRequest): NewGrant {
  const { agent, connectorId, actions, expireTime } = request;
  return {
    ...{ agent, connectorId, actions },
    permissions: request.permissions.map((permission) => keyOf(permissions, permission)),
    resources: request.resources.map(({ resource, fields, rowFilter }, i) => ({
      ...{ resource, fields },
      rowFilter: rowFilter && filterFromWire(rowFilter, `resources[${i}].row_filter`),
    })),
    budgets: request.budgets.map(budgetFromWire),
    expireTime: expireTime === undefined ? null : timestampDate(expireTime),
  };
}

function budgetFromWire({ unit, amount, window }: WireBudget): Budget {
  return {
    unit: keyOf(units, unit),
    amount: Math.min(Number(amount), Number.MAX_SAFE_INTEGER),
    windowMs: window === undefined ? 0 : Math.floor(durationToMs(window)),
  };
}

function keyOf<Name extends string, Value>(names: Readonly<Record<Name, Value>>, value: Value): Name {
  for (const name of Object.keys(names) as Name[]) if (names[name] === value) return name;
  throw new Failure("internal", "A request passed validation with a value of an enum that is unknown.");
}

export function grantToWire(grant: Grant): Exclude<MessageInitShape<typeof GrantSchema>, Message> {
  const { agent, connectorId, actions, expireTime, createTime } = grant;
  return {
    ...{ agent, connectorId, actions: [...actions], createTime: timestampFromDate(createTime) },
    permissions: grant.permissions.map((permission) => permissions[permission]),
    resources: grant.resources.map(({ resource, fields, rowFilter }) => ({
      ...{ resource, fields: [...fields] },
      ...(rowFilter === undefined ? {} : { rowFilter: filterToWire(rowFilter) }),
    })),
    budgets: grant.budgets.map(({ unit, amount, windowMs }) => {
      return { unit: units[unit], amount: BigInt(amount), window: durationToWire(windowMs) };
    }),
    ...(expireTime === null ? {} : { expireTime: timestampFromDate(expireTime) }),
  };
}

function filterToWire(node: FilterNode): Filter {
  switch (node.kind) {
    case "and":
    case "or":
      return create(FilterSchema, { node: { case: node.kind, value: { filters: node.operands.map(filterToWire) } } });
    case "not":
      return create(FilterSchema, { node: { case: "not", value: filterToWire(node.operand) } });
    case "compare": {
      const { field, operator, values } = node;
      const value = { field, operator: operatorToWire(operator), values: values.map(operandToWire) };
      return create(FilterSchema, { node: { case: "compare", value } });
    }
  }
}
