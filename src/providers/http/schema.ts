/** Resources of an API as GetSchema shows them. */
import type { Resource, ResourceField } from "../contract/resource.ts";
import type { DeclaredField, FilterRule, HttpResource, ReadOperation } from "./declaration.ts";

export function describe(resource: HttpResource): Resource {
  const { name, description, fields, primaryKey } = resource;
  return {
    ...{ name, namespace: "", localName: name, kind: "collection", comment: description, estimatedRows: undefined },
    fields: fields.map((field) => describeField(field, resource)),
    ...{ primaryKey, uniqueKeys: [], foreignKeys: [], indexes: [], partitionOf: "" },
  };
}

function describeField(field: DeclaredField, resource: HttpResource): ResourceField {
  const { name, type, nativeType, nullable, readOnly, enumLabels, description } = field;
  const able = abilitiesOf(field, resource);
  return {
    ...{ name, type, nativeType, nullable, defaultExpression: "", generated: readOnly, enumLabels },
    comment: [description, able].filter((part) => part !== "").join(" "),
  };
}

/** What the source itself can do with a field, as the end of its comment: `[filter: eq, in; order]`. */
function abilitiesOf({ name, parameter }: DeclaredField, { reads }: HttpResource): string {
  const rules = reads.flatMap(({ filters }) => filters.filter(({ field }) => field === name));
  const operators = [...new Set(rules.map(({ operator }) => operator))];
  const isOrdered = reads.some(({ order }) => order !== undefined && Object.hasOwn(order.names, name));
  const isNeeded = reads.every((read) => needs(read, rules));
  const parts = [
    ...(operators.length > 0 ? [`filter: ${operators.join(", ")}`] : []),
    ...(isOrdered ? ["order"] : []),
    ...(isNeeded ? ["required"] : []),
    ...(parameter ? ["parameter"] : []),
  ];
  return parts.length === 0 ? "" : `[${parts.join("; ")}]`;
}

const needs = ({ path }: ReadOperation, rules: readonly FilterRule[]) =>
  rules.some(({ slot }) => slot.in === "path" && path.includes(`{${slot.name}}`));
