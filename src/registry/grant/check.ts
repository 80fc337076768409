/** Whether a grant can be kept to, as far as its form says: the source is not asked. */
import { type FieldViolation, invalidRequest } from "../../failure.ts";
import type { Comparison } from "../../providers/contract.ts";
import { checkText } from "../text.ts";
import { comparisonsIn } from "./fields.ts";
import type { ResourceTerms, Terms } from "./grant.ts";

/** The contract's cap. */
const maxOperands = 1_000;

/**
 * @param isFullName Whether a resource's name says all of where it stands
 * @throws Failure `invalid_request` that names every part that can't be kept to
 */
export function checkTerms(terms: Terms, isFullName: (resource: string) => boolean): void {
  const [first, ...more] = [
    ...permissionsIn(terms),
    ...terms.resources.flatMap((each, i) => [...resourceIn(each, `resources[${i}]`, isFullName)]),
    ...repeated(
      terms.resources.map(({ resource }) => resource),
      (i) => `resources[${i}].resource`,
    ),
    ...repeated(
      terms.budgets.map(({ unit, windowMs }) => `${unit} in ${windowMs} ms`),
      (i) => `budgets[${i}]`,
    ),
  ];
  if (first !== undefined) throw invalidRequest(first, ...more);
  checkText({ actions: terms.actions, resources: terms.resources.map(textsIn) });
}

function* permissionsIn({ permissions, actions, resources }: Terms): Generator<FieldViolation> {
  if (permissions.includes("native_query") && resources.length > 0) {
    const description = "native statements can't be held to resources: grant NATIVE_QUERY without them, or not at all";
    yield { field: "permissions", description };
  }
  if (permissions.includes("execute") !== actions.length > 0) {
    const description = "name what EXECUTE covers: `create`, `update`, `delete`, `upsert` or named actions";
    yield { field: "actions", description };
  }
}

function* resourceIn(
  { resource, rowFilter }: ResourceTerms,
  path: string,
  isFullName: (resource: string) => boolean,
): Generator<FieldViolation> {
  if (!isFullName(resource)) {
    yield { field: `${path}.resource`, description: "must be a full name as GetSchema shows it, with its namespace" };
  }
  for (const comparison of comparisonsIn(rowFilter)) {
    const problem = problemOf(comparison);
    if (problem !== undefined) yield { field: comparison.path, description: problem };
  }
}

function problemOf({ operator, values }: Comparison): string | undefined {
  if (values.some(({ kind }) => kind === "null")) return "no operand may be null: use IS_NULL";
  const given = values.length;
  if (operator === "is_null") return given === 0 ? undefined : "IS_NULL takes no operand";
  if (operator === "in") return given > 0 && given <= maxOperands ? undefined : `IN takes 1 to ${maxOperands} operands`;
  return given === 1 ? undefined : `${operator.toUpperCase()} takes exactly one operand`;
}

function repeated(names: readonly string[], pathOf: (i: number) => string): FieldViolation[] {
  return names.flatMap((name, i) =>
    names.indexOf(name) < i ? [{ field: pathOf(i), description: `"${name}" is there twice` }] : [],
  );
}

/** What has to be storable. */
function textsIn({ resource, fields, rowFilter }: ResourceTerms) {
  const compared = comparisonsIn(rowFilter).map(({ field, values }) => [
    field,
    ...values.flatMap((operand) => (operand.kind === "text" ? [operand.value] : [])),
  ]);
  return { resource, fields, row_filter: compared };
}
