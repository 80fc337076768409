/**
 * Pages by keyset: a page begins behind the last row of the page before, found by
 * that row's own values of a unique order, so rows that come and go elsewhere move
 * nothing. Without a unique key pages are cut by position.
 */
import { Failure, invalidRequest } from "../../failure.ts";
import type { ResourceQuery } from "../contract.ts";
import { fieldNamed } from "../query/field.ts";
import type { Bind, ComparedColumn, ComparisonSymbol, Dialect, SqlField, SqlResource } from "./dialect.ts";

export interface OrderKey {
  readonly field: SqlField;
  readonly descending: boolean;
}

export interface PageOrder {
  readonly keys: readonly OrderKey[];
  readonly paging: "keyset" | "offset";
}

/** Where a page ended. */
export interface Continuation {
  /** Rows in all pages so far. */
  readonly served: number;
  /** The last row's values of the order's keys, as text; undefined for paging by position. */
  readonly keyValues: readonly (string | null)[] | undefined;
}

/**
 * The keys that a query asks to be ordered by, each field once.
 *
 * @throws Failure `unknown_field`, or `invalid_request` for a field whose type has no
 *   order
 */
export function requestedOrder(resource: SqlResource, orderBy: ResourceQuery["orderBy"]): OrderKey[] {
  const keys = new Map<string, OrderKey>();
  for (const [i, { field: name, descending }] of orderBy.entries()) {
    const path = `query.order_by[${i}].field`;
    const field = fieldNamed(resource, name, path);
    if (field.comparison !== "ordered") {
      const description = `\`${name}\` can't be ordered by: values of ${field.nativeType} have no order.`;
      throw invalidRequest({ field: path, description });
    }
    if (!keys.has(name)) keys.set(name, { field, descending });
  }
  return [...keys.values()];
}

/**
 * The order that pages are cut by: the requested one, made unique by the key that
 * adds the fewest fields. They run in the direction of the last requested one, so
 * that an order in one direction stays one.
 */
export function pageOrder(resource: SqlResource, requested: readonly OrderKey[]): PageOrder {
  const named = requested.map(({ field }) => field.name);
  const missing = resource.keys.map((key) => key.filter((name) => !named.includes(name)));
  const shortest = missing.reduce<readonly string[] | undefined>(
    (best, key) => (best === undefined || key.length < best.length ? key : best),
    undefined,
  );
  if (shortest === undefined) return { keys: requested, paging: "offset" };
  const descending = requested.at(-1)?.descending ?? false;
  const added = shortest.map((name) => ({ field: fieldNamed(resource, name, "query.resource"), descending }));
  return { keys: upToUnique([...requested, ...added], resource.keys), paging: "keyset" };
}

/** What follows a whole unique key decides nothing. */
function upToUnique(order: readonly OrderKey[], keys: SqlResource["keys"]): OrderKey[] {
  const end = order.findIndex((_, i) => {
    const names = order.slice(0, i + 1).map(({ field }) => field.name);
    return keys.some((key) => key.every((name) => names.includes(name)));
  });
  return order.slice(0, end + 1);
}

/** The keys as ORDER BY takes them. */
export function orderByClause(keys: readonly OrderKey[], dialect: Dialect): string {
  return keys
    .map(({ field, descending }) => dialect.orderKey(dialect.quote(field.name), descending, field.nullable))
    .join(", ");
}

/**
 * The condition of the rows that come after the given values in an order.
 *
 * One row comparison where an index can serve it: all keys in one direction, none
 * nullable. Otherwise, for each key, the rows that are equal before it and come after
 * at it; nulls come last, so nothing comes after a null.
 */
export function afterCondition(
  keys: readonly OrderKey[],
  values: readonly (string | null)[],
  dialect: Dialect,
  bind: Bind,
): string {
  const terms = keys.map((key, i) => termOf(key, values[i] ?? null, dialect, bind));
  const [first] = terms;
  if (first === undefined) return "TRUE";
  const row = terms.flatMap(({ compared, symbol, nullable }) =>
    compared === undefined || nullable || symbol !== first.symbol ? [] : [compared],
  );
  const whole = row.length === terms.length ? dialect.compareRow(row, first.symbol, bind) : undefined;
  if (whole !== undefined) return whole;
  // Implied by what follows, and the part of it that an index on the first key can serve.
  const bound = first.atOrAfter?.();
  const alternatives = terms.flatMap(({ after }, i) =>
    after === undefined ? [] : [[...terms.slice(0, i).map((term) => term.equal()), after()].join(" AND ")],
  );
  const chain = alternatives.length === 0 ? "FALSE" : alternatives.map((part) => `(${part})`).join(" OR ");
  return bound === undefined ? chain : `${bound} AND (${chain})`;
}

/** One key's parts of the condition; each is written, and binds its value, when it is called. */
interface Term {
  readonly symbol: "<" | ">";
  readonly nullable: boolean;
  equal(): string;
  // What a null has none of.
  readonly compared?: ComparedColumn;
  after?(): string;
  /** Only without nulls, which come after everything. */
  atOrAfter?(): string;
}

function termOf({ field, descending }: OrderKey, value: string | null, dialect: Dialect, bind: Bind): Term {
  const column = dialect.quote(field.name);
  const symbol = descending ? "<" : ">";
  const isNull = () => dialect.isNull(column, field);
  const { nullable } = field;
  if (value === null) return { symbol, nullable, equal: isNull };
  const compared: ComparedColumn = { column, type: field, value };
  const by = (written: ComparisonSymbol) => dialect.compare(compared, written, bind);
  return {
    symbol,
    nullable,
    compared,
    equal: () => by("="),
    after: () => (nullable ? `(${by(symbol)} OR ${isNull()})` : by(symbol)),
    ...(nullable ? {} : { atOrAfter: () => by(descending ? "<=" : ">=") }),
  };
}

export function encodeContinuation({ served, keyValues }: Continuation): string {
  return JSON.stringify(keyValues === undefined ? [served] : [served, keyValues]);
}

/**
 * @param keyCount how many keys the order has; undefined for paging by position
 * @throws Failure `invalid_page_token` when it is not one of such an order, as after a
 *   change of the resource's keys
 */
export function decodeContinuation(text: string, keyCount: number | undefined): Continuation {
  const [served, keyValues, ...more] = parseList(text);
  const ofPosition = keyCount === undefined && keyValues === undefined;
  if (Number.isSafeInteger(served) && (served as number) >= 0 && more.length === 0) {
    if (ofPosition || (isTexts(keyValues) && keyValues.length === keyCount)) {
      return { served: served as number, keyValues: keyValues as readonly (string | null)[] | undefined };
    }
  }
  throw new Failure("invalid_page_token", "The page token does not fit the resource as it is now.", {
    where: "request",
    remedy: "Begin again with an empty page_token.",
    fields: [{ field: "page_token", description: "It does not fit the resource as it is now." }],
  });
}

function parseList(text: string): unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function isTexts(value: unknown): value is readonly (string | null)[] {
  return Array.isArray(value) && value.every((item) => item === null || typeof item === "string");
}
