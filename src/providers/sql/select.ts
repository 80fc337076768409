/** A query of a resource as one SELECT. */
import type { PageRequest, Paging, ResourceQuery } from "../contract.ts";
import { fieldNamed } from "../query/field.ts";
import type { Bind, Dialect, SqlField, SqlResource } from "./dialect.ts";
import { compileFilter } from "./filter.ts";
import {
  afterCondition,
  type Continuation,
  decodeContinuation,
  encodeContinuation,
  type OrderKey,
  orderByClause,
  type PageOrder,
  pageOrder,
  requestedOrder,
} from "./paging.ts";

export interface SelectRequest {
  readonly dialect: Dialect;
  readonly resource: SqlResource;
  readonly query: ResourceQuery;
  /** Absent to read all rows. */
  readonly page?: Pick<PageRequest, "size" | "continuation">;
}

export interface CompiledSelect {
  readonly text: string;
  readonly parameters: readonly string[];
  /** The visible fields, in order: the first columns of every row. */
  readonly fields: readonly SqlField[];
  /** Columns behind the visible ones, read for the continuation only. */
  readonly hiddenKeyCount: number;
  /** For each key of a keyset order, the column of a row that holds it; empty for other pagings. */
  readonly keyColumns: readonly number[];
  readonly order: readonly OrderKey[];
  readonly paging: Paging;
  /** Rows that belong to the page; the statement may return one more, which says that more follow. */
  readonly pageRows: number | undefined;
  /** Rows of the pages before. */
  readonly served: number;
}

/**
 * Compiles a query: one page of it, in an order by which the next page is found, or
 * all of it, in the requested order only, so that the first row need not wait for a
 * sort that nobody asked for.
 *
 * @throws Failure `unknown_field`, `invalid_request` or `invalid_page_token`
 */
export function compileSelect({ dialect, resource, query, page }: SelectRequest): CompiledSelect {
  const fields = selectedFields(resource, query.fields);
  const requested = requestedOrder(resource, query.orderBy);
  const order = page === undefined ? undefined : pageOrder(resource, requested);
  const keys = order?.keys ?? requested;
  const { columns, keyColumns } = withKeys(fields, order);
  const continuation = continuationOf(page, keyColumns, order);
  const rows = rowsOf(query.limit, page?.size, continuation.served);

  const parameters: string[] = [];
  const bind: Bind = (text) => dialect.placeholder(parameters.push(text));
  const conditions: string[] = [];
  if (query.filter !== undefined) conditions.push(compileFilter(query.filter, resource, dialect, bind));
  if (continuation.keyValues !== undefined) {
    conditions.push(afterCondition(keys, continuation.keyValues, dialect, bind));
  }
  const text = [
    `SELECT ${columns.map(({ name }) => dialect.quote(name)).join(", ")}`,
    `FROM ${resource.sqlName}`,
    conditions.length > 0 ? `WHERE ${conditions.map((condition) => `(${condition})`).join(" AND ")}` : "",
    keys.length > 0 ? `ORDER BY ${orderByClause(keys, dialect)}` : "",
    rows.fetched === undefined ? "" : `LIMIT ${rows.fetched}`,
    order?.paging === "offset" && continuation.served > 0 ? `OFFSET ${continuation.served}` : "",
  ];
  return {
    text: text.filter((part) => part !== "").join(" "),
    parameters,
    fields,
    hiddenKeyCount: columns.length - fields.length,
    keyColumns,
    order: keys,
    paging: order?.paging ?? "single",
    pageRows: rows.wanted,
    served: continuation.served,
  };
}

/** All columns of the rows: the visible fields, and the hidden keys behind them. */
export function compiledColumns({ fields, order, keyColumns }: CompiledSelect): readonly SqlField[] {
  return [...fields, ...order.filter((_, i) => (keyColumns[i] ?? 0) >= fields.length).map(({ field }) => field)];
}

/**
 * What leads to the page after this one.
 *
 * @param rows rows of this page that were passed on
 * @param lastRow all columns of the last of them, as text
 */
export function nextContinuation(page: CompiledSelect, rows: number, lastRow: readonly (string | null)[]): string {
  return encodeContinuation({
    served: page.served + rows,
    keyValues: page.paging === "keyset" ? page.keyColumns.map((column) => lastRow[column] ?? null) : undefined,
  });
}

function selectedFields(resource: SqlResource, names: readonly string[]): readonly SqlField[] {
  if (names.length === 0) return resource.fields;
  return names.map((name, i) => fieldNamed(resource, name, `query.fields[${i}]`));
}

/** The visible fields, and behind them the keys that are not among them. */
function withKeys(fields: readonly SqlField[], order: PageOrder | undefined) {
  const columns = [...fields];
  if (order?.paging !== "keyset") return { columns, keyColumns: [] };
  const keyColumns = order.keys.map(({ field }) => {
    const at = columns.findIndex(({ name }) => name === field.name);
    return at >= 0 ? at : columns.push(field) - 1;
  });
  return { columns, keyColumns };
}

function continuationOf(
  page: SelectRequest["page"],
  keyColumns: readonly number[],
  order: PageOrder | undefined,
): Continuation {
  if (page?.continuation === undefined) return { served: 0, keyValues: undefined };
  return decodeContinuation(page.continuation, order?.paging === "keyset" ? keyColumns.length : undefined);
}

/** Rows that are wanted, and fetched: one more, unless the query's own limit ends there. */
function rowsOf(limit: number | undefined, size: number | undefined, served: number) {
  const left = limit === undefined ? undefined : Math.max(0, limit - served);
  if (size === undefined) return { wanted: left, fetched: left };
  if (left !== undefined && left <= size) return { wanted: left, fetched: left };
  return { wanted: size, fetched: size + 1 };
}
