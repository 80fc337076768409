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
  return withoutNames(failure, terms);
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

/** The source's word for a rule that was broken, and fields by which it would have been good. */
function withoutNames(failure: Failure, terms: ResourceTerms): Failure {
  const { kind, message, remedy, cause } = failure;
  const { constraint: _, field: __, ...metadata } = failure.metadata;
  const fields = failure.fields.map((each) => ({ ...each, description: described(each, terms) }));
  const [first] = fields;
  const isAboutKeys = failure.fields.some(({ field }) => field.startsWith("upsert."));
  const told = first === undefined ? beyond : `${first.field}: ${first.description}`;
  const options = {
    ...{ ...failure, cause, metadata, fields },
    remedy: remedy !== undefined && namesOthers(remedy, terms) ? extend : remedy,
  } as FailureOptions;
  if (isAboutKeys) return new Failure(kind, `upsert.key: ${unknownKey}`, options);
  return new Failure(kind, namesOthers(message, terms) ? told : message, options);
}

const unknownKey = "an upsert goes by a unique key whose fields are all given";
const beyond = "can't be done with the fields that are granted";
const extend = "Ask for something else, or have an administrator extend the grant with GrantConnector.";

function described({ field, description }: FieldViolation, terms: ResourceTerms): string {
  if (field.startsWith("upsert.")) return unknownKey;
  return namesOthers(description, terms) ? beyond : description;
}

/** Whether a text has a name in it, as all of them have theirs, that is neither granted nor of the contract. */
function namesOthers(text: string, { resource, fields }: ResourceTerms): boolean {
  const known = new Set([...fields, resource, resource.slice(resource.lastIndexOf(".") + 1)]);
  return [...text.matchAll(/`([^`]+)`/g)].some(([, name = ""]) => !known.has(name) && !ofContract.test(name));
}

/** Parts of a request. */
const ofContract = /^(?:query|create|update|delete|upsert|named)\.[a-z_]+$/;
