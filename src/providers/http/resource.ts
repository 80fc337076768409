/** A declared resource, made ready to be queried. */
import type { FieldType } from "../../rows/field.ts";
import type { ComparedField } from "../query/comparison.ts";
import type { DeclaredField, HttpResource } from "./declaration.ts";
import { comparabilityOf } from "./values.ts";

/** A field that a query may name. */
export interface QueriedField extends ComparedField, Omit<DeclaredField, "type" | "enumLabels"> {
  readonly type: DeclaredField["type"];
  /** Undefined when they are not known. */
  readonly enumLabels?: readonly string[];
}

export interface QueriedResource extends Omit<HttpResource, "fields"> {
  readonly fields: readonly QueriedField[];
}

/** Dates of APIs have four digits for the year (RFC 3339). */
const calendar = { zeros: false };
const dated: ReadonlySet<FieldType> = new Set(["date", "timestamp", "timestamp_tz"]);

/** @param resource with its fields, declared or inferred */
export function queriedResource(resource: HttpResource): QueriedResource {
  return { ...resource, fields: resource.fields.map(queriedField) };
}

function queriedField({ enumLabels: declared, ...field }: DeclaredField): QueriedField {
  const enumLabels = declared.length > 0 ? { enumLabels: declared } : {};
  return {
    ...field,
    ...enumLabels,
    comparison: comparabilityOf(field.type, declared.length > 0),
    // A JSON text may hold any character.
    holdsNul: true,
    ...(dated.has(field.type) ? { calendar } : {}),
    ...(field.type === "decimal" ? { finite: true } : {}),
  };
}
