/** Actions: from the wire to the domain. */
import { Failure, invalidRequest } from "../../failure.ts";
import type { ExecuteRequest } from "../../gen/connector/v1/action_pb.js";
import type { Row } from "../../gen/connector/v1/value_pb.js";
import type { AnyAction } from "../../providers/contract/action.ts";
import type { FilterNode } from "../../providers/contract.ts";
import { filterOf } from "./query.ts";
import { operandFromWire } from "./value.ts";

export function actionFromWire({ action }: ExecuteRequest): AnyAction {
  switch (action.case) {
    case "create": {
      const { resource, fields, rows } = action.value;
      return { kind: "create", resource, fields, rows: rows.map(operandsOf) };
    }
    case "upsert": {
      const { resource, fields, rows, key } = action.value;
      return { kind: "upsert", resource, fields, rows: rows.map(operandsOf), key };
    }
    case "update": {
      const { resource, values, allowAll } = action.value;
      const filter = condition(filterOf(action.value, "update"), "update", allowAll);
      const given = Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));
      return {
        ...{ kind: "update", resource, filter },
        values: given.map(([field, value]) => ({ field, value: operandFromWire(value) })),
      };
    }
    case "delete": {
      const { resource, allowAll } = action.value;
      return { kind: "delete", resource, filter: condition(filterOf(action.value, "delete"), "delete", allowAll) };
    }
    case "named": {
      const { name, input = {} } = action.value;
      return { kind: "named", name, input };
    }
    default:
      throw new Failure("internal", "A request passed validation that has no action.", { where: "service" });
  }
}

const operandsOf = ({ values }: Row) => values.map(operandFromWire);

/** Every row at once must have been asked for in so many words. */
function condition(filter: FilterNode | undefined, path: string, allowAll: boolean): FilterNode | undefined {
  if (filter !== undefined && allowAll) {
    const description = "says every row, and a filter says which: give one of them";
    throw invalidRequest({ field: `${path}.allow_all`, description });
  }
  if (filter !== undefined || allowAll) return filter;
  const description = `without one every row would be touched: give a filter, or set \`${path}.allow_all\``;
  throw invalidRequest({ field: `${path}.filter`, description });
}
