import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import type { Filter } from "../gen/connector/v1/filter_pb.js";
import { type Query, QuerySchema } from "../gen/connector/v1/query_pb.js";
import { type Parameter, valueFrom } from "./value.ts";

/** What to read: a resource, or a native statement. */
export type QueryInput = ResourceQuery | NativeQuery;

export interface ResourceQuery {
  /** A table, view, collection or endpoint as `getSchema` names it. */
  readonly resource: string;
  /** The fields to return, in this order. Default: all. */
  readonly fields?: readonly string[];
  /** Short form of a filter: every field equals its value (a list: is one of them; null: is null). */
  readonly where?: Readonly<Record<string, Parameter | readonly Parameter[]>>;
  /** The rows to return, built by `field`, `and`, `or` and `not`. Default: all. */
  readonly filter?: Filter;
  /** Field names; a `-` in front orders from the greatest to the least. Or objects, for a name that begins so. */
  readonly orderBy?: readonly (string | { readonly field: string; readonly descending?: boolean })[];
  /** Rows at most, over all pages. Default: no limit. */
  readonly limit?: number | bigint;
  /** Let the service itself filter by what the source can't. Default: that is refused. */
  readonly allowPostFilter?: boolean;
}

export interface NativeQuery {
  /** A statement in the source's own language: `select * from cities where country = $1`. */
  readonly native: string;
  /** The values of its parameters, in order. */
  readonly parameters?: readonly Parameter[];
  /** Rows at most, over all pages. Default: no limit. */
  readonly limit?: number | bigint;
}

/** A query as the contract's message. */
export function queryOf(input: QueryInput): Query {
  const limit = BigInt(input.limit ?? 0);
  if ("native" in input) {
    const parameters = (input.parameters ?? []).map(valueFrom);
    return create(QuerySchema, { source: { case: "native", value: { text: input.native, parameters } }, limit });
  }
  return create(QuerySchema, {
    source: { case: "resource", value: input.resource },
    fields: [...(input.fields ?? [])],
    orderBy: (input.orderBy ?? []).map(orderOf),
    limit,
    allowPostFilter: input.allowPostFilter ?? false,
    ...(input.filter && { filter: input.filter }),
    ...(input.where && { where: whereOf(input.where) }),
  });
}

function orderOf(order: string | { readonly field: string; readonly descending?: boolean }) {
  if (typeof order !== "string") return { field: order.field, descending: order.descending ?? false };
  return order.startsWith("-") ? { field: order.slice(1), descending: true } : { field: order, descending: false };
}

/** The short form of a filter. */
export function whereOf(where: NonNullable<ResourceQuery["where"]>): JsonObject {
  return Object.fromEntries(
    Object.entries(where).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(jsonOf) : jsonOf(value as Parameter),
    ]),
  );
}

/** A number that JSON can't hold exactly goes as text, which the contract takes for any type. */
function jsonOf(value: Parameter): JsonValue {
  switch (typeof value) {
    case "bigint":
      return value.toString();
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "object":
      if (value === null) return null;
      if (value instanceof Uint8Array) return `\\x${hexadecimal(value)}`;
      return value instanceof Date ? value.toISOString() : value.toString();
    default:
      return value;
  }
}

function hexadecimal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
