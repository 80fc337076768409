/** What an agent is told of its calls: no name that it is not granted, and of a grant that does not fit the source, that it does not. */
import { Failure, type FailureOptions, type FieldViolation } from "../../failure.ts";
import type { AnyAction } from "../../providers/contract/action.ts";
import type { Explanation, ReadQuery } from "../../providers/contract.ts";
import type { Grant, ResourceTerms } from "./grant.ts";

/** A failure of a call on a grant, as its agent may hear it. */
export function tellable(failure: Failure, grant: Grant, asked: ReadQuery | AnyAction | undefined): Failure {
  const misfit = failure.fields.filter(({ field }) => field.startsWith("grant."));
  // Not what the source says of it: that may name others.
  if (misfit.length > 0) return unfit(misfit.map(({ field }) => placed(field)));
  const index = indexOf(grant, asked);
  const terms = grant.resources[index];
  if (terms === undefined) return failure;
  // Both are granted by name: nobody asks for one that is not.
  if (failure.kind === "unknown_resource") return unfit([`grant.resources[${index}].resource`]);
  if (terms.fields.length === 0) return failure;
  if (failure.kind === "unknown_field") return unfit([`grant.resources[${index}].fields`]);
  return withoutNames(failure);
}

/** An explanation as the agent may read it: a plan names and counts what lies behind, and an order its keys. */
export function tellableExplanation(explanation: Explanation, grant: Grant, asked: ReadQuery): Explanation {
  const terms = grant.resources[indexOf(grant, asked)];
  if (terms === undefined) return explanation;
  const { statement, parameters } = explanation;
  return {
    ...explanation,
    ...{ plan: undefined, estimatedRows: undefined, estimatedCost: undefined },
    ...(coversAnyKey(terms) ? { statement, parameters } : { statement: "", parameters: [] }),
  };
}

/** Pages go by a key of the source's, which may be a field that is not granted. */
const coversAnyKey = ({ fields }: ResourceTerms) => fields.length === 0;

function indexOf({ resources }: Grant, asked: ReadQuery | AnyAction | undefined): number {
  return asked !== undefined && "resource" in asked
    ? resources.findIndex(({ resource }) => resource === asked.resource)
    : -1;
}

/** The part of the grant: `grant.resources[0].row_filter`. */
function placed(path: string): string {
  return /^grant\.resources\[\d+\]\.row_filter/.exec(path)?.[0] ?? path;
}

function unfit(paths: readonly string[]): Failure {
  const description = "does not fit what the source has";
  return new Failure("configuration_rejected", `The agent's grant does not fit the source: ${paths.join(", ")}.`, {
    where: "connector",
    remedy: "Have an administrator correct the grant with GrantConnector; GetSchema shows what the source has.",
    fields: [...new Set(paths)].map((field) => ({ field, description })),
  });
}

/** The source's word for a rule that was broken, and keys that would have been good. */
function withoutNames(failure: Failure): Failure {
  const { kind, message, cause } = failure;
  const { constraint: _, field: __, ...metadata } = failure.metadata;
  const isAboutKeys = failure.fields.some(({ field }) => field.startsWith("upsert."));
  const options = { ...failure, cause, metadata, fields: failure.fields.map(withoutKeys) } as FailureOptions;
  return new Failure(kind, isAboutKeys ? `upsert.key: ${unknownKey}` : message, options);
}

const unknownKey = "an upsert goes by a unique key whose fields are all given";

function withoutKeys(violation: FieldViolation): FieldViolation {
  return violation.field.startsWith("upsert.") ? { ...violation, description: unknownKey } : violation;
}
