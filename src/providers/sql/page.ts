/** Pages, made of a statement's rows. */
import type { PackedBatch } from "../../rows/packed.ts";
import { textRows, trimmed } from "../../rows/page.ts";
import type { Explanation, Page, PageRequest, Paging, ReadQuery } from "../contract.ts";
import { type CompiledSelect, nextContinuation } from "./select.ts";

/** Rows of a running statement. */
export interface Batches {
  /** The next batch, or undefined after the last one. */
  next(): Promise<PackedBatch | undefined>;
}

/** What is sent for a query, and how its rows become pages. */
export interface SqlPlan {
  readonly text: string;
  readonly parameters: readonly (string | null)[];
  /** The fields that the caller sees: the first columns of every row. */
  readonly fields: Page["fields"];
  readonly paging: Paging;
  /** How the pages are cut; absent for a native statement. */
  readonly select: CompiledSelect | undefined;
}

/** Columns of the rows that a plan's statement gives. */
export function columnsOf({ fields, select }: SqlPlan): number {
  return fields.length + (select?.hiddenKeyCount ?? 0);
}

/**
 * Reads one page. A native statement's rows are expected to end with one more than the
 * page takes, as a compiled one's do by themselves.
 *
 * @returns The page, and whether the statement has rows that were not read.
 */
export async function readPage(
  rows: Batches,
  plan: SqlPlan,
  request: Pick<PageRequest, "size" | "maxBytes">,
): Promise<{ readonly page: Page; readonly cut: boolean }> {
  const { fields, paging, select } = plan;
  const columns = columnsOf(plan);
  const read = await collect(rows, columns, request.maxBytes);
  const wanted = Math.min(read.rows, select === undefined ? request.size : (select.pageRows ?? read.rows));
  const more = read.cut || read.rows > wanted;
  const kept = firstRows(read.batches, wanted, columns, fields.length);
  const page: Page = {
    fields,
    batches: kept.batches,
    continuation: more && select !== undefined ? nextContinuation(select, wanted, kept.lastRow) : undefined,
    paging,
    truncated: more && select === undefined,
  };
  return { page, cut: read.cut };
}

/** Bytes that a typed value takes beyond its packed cell, about: tags and sizes, which can be most of a small one. */
const valueOverhead = 5;

/** Whole batches up to a size; the first always. */
async function collect(source: Batches, columns: number, maxBytes: number) {
  const batches: PackedBatch[] = [];
  let rows = 0;
  let bytes = 0;
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    batches.push(batch);
    rows += batch.rows;
    bytes += batch.size + batch.rows * columns * valueOverhead;
    if (bytes >= maxBytes) return { batches, rows, cut: true };
  }
  return { batches, rows, cut: false };
}

/** The first rows with the first fields of each, and all cells of the last of them as text. */
function firstRows(batches: readonly PackedBatch[], count: number, columns: number, fieldCount: number) {
  const kept: PackedBatch[] = [];
  let lastRow: readonly (string | null)[] = [];
  let left = count;
  for (const batch of batches) {
    const rows = Math.min(left, batch.rows);
    if (rows === 0) break;
    left -= rows;
    if (left === 0) lastRow = textRows(batch, columns)[rows - 1] ?? [];
    kept.push(trimmed(batch, columns, fieldCount, rows));
  }
  return { batches: kept, lastRow };
}

/** What is an EXPLAIN, a DESCRIBE or a SHOW itself, behind spaces and comments, has no plan of its own. */
export function hasPlan(text: string): boolean {
  return !/^(?:\s|--.*|#.*|\/\*[\s\S]*?\*\/)*(?:explain|describe|desc|show)\b/i.test(text);
}

/** What the source says of a plan, as far as it does. */
export type SourcePlan = Partial<Pick<Explanation, "plan" | "estimatedRows" | "estimatedCost">>;

/** An SQL database carries out every part of a query. */
export function explanationOf(query: ReadQuery, sent: SqlPlan, read: SourcePlan = {}): Explanation {
  const { text, parameters, paging } = sent;
  return {
    statement: text,
    parameters: parameters.map((parameter) => parameter ?? "NULL"),
    pushedDown: query.kind === "native" ? [] : pushedDown(query, paging !== "single"),
    paging,
    plan: read.plan,
    estimatedRows: read.estimatedRows,
    estimatedCost: read.estimatedCost,
  };
}

function pushedDown(query: Extract<ReadQuery, { kind: "resource" }>, paged: boolean): string[] {
  return [
    ...(query.fields.length > 0 ? ["fields"] : []),
    ...(query.filter !== undefined ? ["filter"] : []),
    ...(query.orderBy.length > 0 ? ["order_by"] : []),
    ...(query.limit !== undefined ? ["limit"] : []),
    ...(paged ? ["page_token"] : []),
  ];
}
