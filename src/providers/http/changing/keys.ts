/** Which rows an update or a delete means: APIs change single rows, which are named. */
import { type Failure, invalidRequest } from "../../../failure.ts";
import type { FilterNode } from "../../contract.ts";
import { conditionOf, partsOf, type Test } from "../condition.ts";
import type { ChangeOperation } from "../declaration.ts";
import type { QueriedField, QueriedResource } from "../resource.ts";

/** The canonical texts of the fields that name a row. */
export type RowKey = ReadonlyMap<QueriedField, string>;

/**
 * The rows that a filter names, each once.
 *
 * @param kind of the action, in whose part of the request the filter stands
 * @throws Failure `invalid_request` for a filter that says anything else than which rows are meant
 */
export function keysIn(
  filter: FilterNode | undefined,
  kind: "update" | "delete",
  { identifiedBy }: ChangeOperation,
  resource: QueriedResource,
): readonly RowKey[] {
  const named = identifiedBy.map((name) => `\`${name}\``).join(" and ");
  if (filter === undefined) {
    const description = `the source changes single rows only: name them by ${named}`;
    throw invalidRequest({ field: `${kind}.allow_all`, description });
  }
  const tests = partsOf(conditionOf(filter, resource));
  const [one, ...more] = tests;
  if (one?.kind === "test" && more.length === 0 && identifiedBy.length === 1 && isNaming(one, identifiedBy)) {
    return [...new Set(one.values)].map((value) => new Map([[one.field, value]]));
  }
  const key = new Map<QueriedField, string>();
  for (const test of tests) {
    if (test.kind !== "test" || test.values.length !== 1 || !isNaming(test, identifiedBy) || key.has(test.field)) {
      throw unnamed(test.kind === "test" ? `${test.path}` : "query.filter", named);
    }
    key.set(test.field, test.values[0] ?? "");
  }
  if (key.size < identifiedBy.length) throw unnamed("query.filter", named);
  return [key];
}

const isNaming = ({ operator, field }: Test, identifiedBy: readonly string[]) =>
  (operator === "eq" || operator === "in") && identifiedBy.includes(field.name);

function unnamed(field: string, named: string): Failure {
  const description = `the source changes single rows only, which are named by an equality of ${named}, and by nothing else`;
  return invalidRequest({ field, description });
}
