/** What would be sent for a query, without its values. */
import type { Explanation, PageRequest } from "../contract.ts";
import { pagerOf, sizeFor } from "./paging/pager.ts";
import { beginning, decodeContinuation } from "./paging/position.ts";
import { pagingOf, type ReadPlan } from "./plan.ts";
import { lineOf, valuesInLine } from "./request.ts";

export function explained(plan: ReadPlan, base: URL, page: PageRequest): Explanation {
  const { operation, resource, assignments, pushedDown, postFiltered } = plan;
  const { position } = page.continuation === undefined ? beginning : decodeContinuation(page.continuation);
  const at = pagerOf({ resource: resource.name, base, paging: operation.paging, key: [] }).at(
    position,
    sizeFor(operation.paging.size, page.size),
  );
  const { method, path, query, body } = operation;
  const all = [...assignments, ...("url" in at ? [] : at.assignments)];
  return {
    statement: lineOf({ method, path, query, body, assignments: all }),
    parameters: valuesInLine({ path, assignments: all }),
    ...{ pushedDown, postFiltered, paging: pagingOf(operation) },
    ...{ plan: undefined, estimatedRows: undefined, estimatedCost: undefined },
  };
}
