/**
 * Keeps what an agent asks for to its grant: what the grant does not allow is refused, and
 * the grant's fields and row filter become part of what the source is asked.
 *
 * A name counts as it is written. Another way to write a granted one is refused, since what
 * it stands for is the source's to say; and a name that is not granted is refused in the same
 * words whether the source has it or not.
 */
import type { Action, AnyAction } from "../../providers/contract/action.ts";
import type { FilterNode, Operand, ReadQuery } from "../../providers/contract.ts";
import { isCertainlyTrue } from "./decide.ts";
import { comparisonsIn } from "./fields.ts";
import { beyondGrant, type Grant, type GrantPermission, type ResourceTerms } from "./grant.ts";

const permissionNames: Readonly<Record<GrantPermission, string>> = {
  query: "QUERY",
  native_query: "NATIVE_QUERY",
  execute: "EXECUTE",
};

/** @throws Failure `permission_denied` */
export function requirePermission(grant: Grant, permission: GrantPermission): void {
  if (grant.permissions.includes(permission)) return;
  const message = `The agent's grant on this connector does not have the permission ${permissionNames[permission]}.`;
  throw beyondGrant(grant, "permission", message);
}

/** @throws Failure `permission_denied` that names the part of the grant */
export function narrowQuery(query: ReadQuery, grant: Grant): ReadQuery {
  requirePermission(grant, query.kind === "native" ? "native_query" : "query");
  if (query.kind === "native") {
    refuseUnbounded(grant, "A native statement");
    return query;
  }
  const terms = termsOf(grant, query.resource);
  if (terms === undefined) return query;
  const { fields, filter, orderBy } = query;
  requireFields(grant, terms, [...fields, ...namesIn(filter), ...orderBy.map(({ field }) => field)]);
  return {
    ...query,
    fields: fields.length === 0 ? terms.fields : fields,
    filter: both(terms.rowFilter, filter),
  };
}

/**
 * @param returning The fields that are to be given back
 * @throws Failure `permission_denied` that names the part of the grant
 */
export function narrowAction<Asked extends AnyAction>(action: Asked, returning: readonly string[], grant: Grant): Asked;
export function narrowAction(action: AnyAction, returning: readonly string[], grant: Grant): AnyAction {
  requirePermission(grant, "execute");
  const name = action.kind === "named" ? action.name : action.kind;
  if (!grant.actions.includes(name)) {
    throw beyondGrant(grant, "action", `The agent's grant does not cover the action \`${name}\`.`);
  }
  if (action.kind === "named") {
    refuseUnbounded(grant, "A named action");
    return action;
  }
  const terms = termsOf(grant, action.resource);
  if (terms === undefined) return action;
  requireFields(grant, terms, [...fieldsOf(action), ...returning]);
  return terms.rowFilter === undefined ? action : withinRows(action, terms.rowFilter, grant);
}

function fieldsOf(action: Action): readonly string[] {
  switch (action.kind) {
    case "create":
      return action.fields;
    case "upsert":
      return [...action.fields, ...action.key];
    case "update":
      return [...action.values.map(({ field }) => field), ...namesIn(action.filter)];
    case "delete":
      return namesIn(action.filter);
  }
}

/** Neither does the action reach a row outside of the filter, nor put one there. */
function withinRows(action: Action, rowFilter: FilterNode, grant: Grant): Action {
  const refused = (message: string) => beyondGrant(grant, "row_filter", message, { resource: action.resource });
  switch (action.kind) {
    case "delete":
      return { ...action, filter: both(rowFilter, action.filter) };
    case "update": {
      const decisive = new Set(namesIn(rowFilter));
      const moving = action.values.find(({ field }) => decisive.has(field));
      if (moving === undefined) return { ...action, filter: both(rowFilter, action.filter) };
      throw refused(`The row filter of the agent's grant goes by \`${moving.field}\`, so the agent can't set it.`);
    }
    case "create": {
      const outside = action.rows.findIndex((row) => !isCertainlyTrue(rowFilter, valuesOf(action.fields, row)));
      if (outside < 0) return action;
      throw refused(
        `The values of row ${outside} don't make certain that it is within the row filter of the agent's grant.`,
      );
    }
    case "upsert":
      throw refused(
        "The agent's grant has a row filter, and an upsert could change a row outside of it: create or update.",
      );
  }
}

function valuesOf(fields: readonly string[], row: readonly Operand[]): ReadonlyMap<string, Operand> {
  return new Map(fields.flatMap((field, i) => (row[i] === undefined ? [] : [[field, row[i]]])));
}

/** What the grant says of a resource; undefined when it limits nothing. */
function termsOf(grant: Grant, resource: string): ResourceTerms | undefined {
  if (grant.resources.length === 0) return undefined;
  const terms = grant.resources.find((each) => each.resource === resource);
  if (terms !== undefined) return terms;
  throw beyondGrant(grant, "resource", `The agent's grant does not cover the resource \`${resource}\`.`, { resource });
}

function requireFields(grant: Grant, { resource, fields }: ResourceTerms, named: readonly string[]): void {
  if (fields.length === 0) return;
  const granted = new Set(fields);
  const field = named.find((each) => !granted.has(each));
  if (field === undefined) return;
  const message = `The agent's grant does not cover the field \`${field}\` of \`${resource}\`.`;
  throw beyondGrant(grant, "field", message, { resource, field });
}

function refuseUnbounded(grant: Grant, what: string): void {
  if (grant.resources.length === 0) return;
  throw beyondGrant(grant, "resource", `${what} can't be held to the resources that the agent's grant covers.`);
}

const namesIn = (filter: FilterNode | undefined) => comparisonsIn(filter).map(({ field }) => field);

function both(rowFilter: FilterNode | undefined, filter: FilterNode | undefined): FilterNode | undefined {
  if (rowFilter === undefined || filter === undefined) return rowFilter ?? filter;
  return { kind: "and", operands: [rowFilter, filter] };
}
