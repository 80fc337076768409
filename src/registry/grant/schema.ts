/** A schema as an agent may see it: what it is granted, and of the rest no name and no number. */
import type { ForeignKey, Index, Resource } from "../../providers/contract/resource.ts";
import type { Grant, ResourceTerms } from "./grant.ts";
import { requirePermission } from "./narrow.ts";

/** @throws Failure `permission_denied` for a grant that allows no query */
export function narrowSchema(resources: readonly Resource[], grant: Grant): readonly Resource[] {
  requirePermission(grant, "query");
  if (grant.resources.length === 0) return resources;
  const granted = new Map(grant.resources.map((terms) => [terms.resource, terms]));
  return resources.flatMap((resource) => {
    const terms = granted.get(resource.name);
    return terms === undefined ? [] : [trimmed(resource, terms, granted)];
  });
}

function trimmed(
  resource: Resource,
  { fields, rowFilter }: ResourceTerms,
  granted: ReadonlyMap<string, ResourceTerms>,
): Resource {
  const shows = (names: readonly string[]) => coversAll(fields, names);
  return {
    ...resource,
    // How many rows there are beyond the filter is none of its business.
    estimatedRows: rowFilter === undefined ? resource.estimatedRows : undefined,
    fields: resource.fields
      .filter(({ name }) => shows([name]))
      // An expression may name others.
      .map((field) => (fields.length === 0 ? field : { ...field, defaultExpression: "" })),
    primaryKey: shows(resource.primaryKey) ? resource.primaryKey : [],
    uniqueKeys: resource.uniqueKeys.filter((key) => shows(key.fields)),
    foreignKeys: resource.foreignKeys.filter((key) => shows(key.fields) && isReached(key, granted)),
    indexes: fields.length === 0 ? resource.indexes : resource.indexes.filter((index) => isPlain(index, fields)),
    partitionOf: granted.has(resource.partitionOf) ? resource.partitionOf : "",
  };
}

function isReached({ references, referencedFields }: ForeignKey, granted: ReadonlyMap<string, ResourceTerms>): boolean {
  const terms = granted.get(references);
  return terms !== undefined && coversAll(terms.fields, referencedFields);
}

/** An index of granted fields as they are, and of all rows: expressions and conditions may name others. */
function isPlain({ keys, predicate }: Index, fields: readonly string[]): boolean {
  return predicate === "" && coversAll(fields, keys);
}

function coversAll(fields: readonly string[], names: readonly string[]): boolean {
  return fields.length === 0 || names.every((name) => fields.includes(name));
}
