/** One page of a query, made of as many of the source's pages as it takes. */
import type { PackedBatch } from "../../../rows/packed.ts";
import type { Call, Page, PageRequest } from "../../contract.ts";
import type { PagingStyle } from "../declaration.ts";
import { sizeFor } from "../paging/pager.ts";
import {
  beginning,
  type Continuation,
  decodeContinuation,
  encodeContinuation,
  type Position,
} from "../paging/position.ts";
import { pagingOf, type ReadPlan } from "../plan.ts";
import { refuseEmpty } from "./empty.ts";
import { type Layout, layoutOf, take } from "./layout.ts";
import type { OpenPage, PageSource } from "./source.ts";

/** Pages of the source that are searched for one page of rows that fit, at most, once some were found. */
const maxSearched = 20;
/** The part of a call's time after which it is answered with what there is, and goes on with the next page token. */
const longestPart = 0.6;
/** Bytes that a typed value takes beyond its packed cell, about. */
const valueOverhead = 5;

export async function readPage(source: PageSource, plan: ReadPlan, request: PageRequest, call: Call): Promise<Page> {
  const { limit, operation, fields, postFiltered } = plan;
  const from = request.continuation === undefined ? undefined : decodeContinuation(request.continuation);
  const served = from?.served ?? 0;
  const wanted = Math.min(request.size, (limit ?? Number.POSITIVE_INFINITY) - served);
  const collected = collector(layoutOf(plan), wanted, request.maxBytes);
  const end = await collect(source, plan, collected, from, call);
  const total = served + collected.rows;
  const more = end !== undefined && total !== limit;
  return {
    ...{ fields, batches: collected.batches, paging: pagingOf(operation), truncated: false, postFiltered },
    continuation: more ? encodeContinuation({ ...end, served: total }) : undefined,
  };
}

/** Reads on until the page is full, and says where that was; undefined when there is no more. */
async function collect(
  source: PageSource,
  plan: ReadPlan,
  collected: Collector,
  from: Continuation | undefined,
  call: Call,
): Promise<Omit<Continuation, "served"> | undefined> {
  const { paging } = plan.operation;
  const sizes = sizing(plan, from?.size);
  const giveUp = performance.now() + longestPart * (call.deadline - performance.now());
  let { position, skip }: Pick<Continuation, "position" | "skip"> = from ?? beginning;
  for (let searched = 1, empty = 0; ; searched++) {
    const size = sizes(collected.left, skip);
    const page = await source.open(position, size, call);
    const { rows, cut } = await readInto(collected, page, skip, call);
    if (cut) return { ...cutAt(paging, position, rows), size };
    const next = page.next(rows);
    if (next === undefined) return undefined;
    empty = rows === 0 ? empty + 1 : 0;
    refuseEmpty(plan.resource.name, empty);
    position = next;
    skip = 0;
    const isSearch = plan.matches !== undefined;
    const isEnough = isSearch && searched >= maxSearched && collected.rows > 0;
    const isLate = performance.now() > giveUp && (isSearch || collected.rows > 0);
    if (collected.left === 0 || isEnough || isLate) return { position, skip, size };
  }
}

/**
 * How many rows each of the source's pages is asked to have. Where a place is a row, as many
 * as are wanted, and one more where only that tells whether there are more; else always the
 * same, since a token may belong to pages of one size.
 */
function sizing({ operation: { paging }, matches }: ReadPlan, before: number | undefined) {
  const { size, style } = paging;
  if (matches !== undefined) return () => before ?? size?.max;
  if (style === "offset") {
    const isTold = paging.more !== undefined || paging.total !== undefined;
    return (left: number) => sizeFor(size, left + (isTold ? 0 : 1));
  }
  if (style === "after") return (left: number, skip: number) => sizeFor(size, left + skip);
  let first = before;
  return (left: number) => {
    first ??= sizeFor(size, left);
    return first;
  };
}

/** A place in the middle of a page: a row of its own where rows are counted, else so many rows behind its begin. */
function cutAt({ style }: PagingStyle, position: Position, rows: number): Pick<Continuation, "position" | "skip"> {
  if (style !== "offset") return { position, skip: rows };
  const at = position.rows + rows;
  return { position: { cursor: String(at), pages: position.pages + 1, rows: at, mark: undefined }, skip: 0 };
}

/** @returns rows of the source's page up to where the reading ended, and whether that was before its end */
async function readInto(collected: Collector, page: OpenPage, skip: number, call: Call) {
  call.enter("transfer");
  let rows = 0;
  for await (const batch of page.batches) {
    const { consumed } = collected.add(batch, Math.max(0, skip - rows));
    rows += consumed;
    if (consumed < batch.rows) return { rows, cut: true };
    if (collected.isFull) return { rows, cut: await isCut(page) };
  }
  return { rows, cut: false };

  /** A page that is full may have ended with its last row, and only then says what follows. */
  async function isCut({ batches }: OpenPage): Promise<boolean> {
    const { done } = await batches[Symbol.asyncIterator]().next();
    return !done;
  }
}

interface Collector {
  readonly batches: readonly PackedBatch[];
  readonly rows: number;
  /** Rows that are wanted still. */
  readonly left: number;
  /** It has the rows that are wanted, or as many bytes as a page may have. */
  readonly isFull: boolean;
  add(batch: PackedBatch, skip: number): { readonly consumed: number };
}

function collector(layout: Layout, wanted: number, maxBytes: number): Collector {
  const batches: PackedBatch[] = [];
  let rows = 0;
  let bytes = 0;
  return {
    batches,
    get rows() {
      return rows;
    },
    get left() {
      return bytes >= maxBytes ? 0 : wanted - rows;
    },
    get isFull() {
      return rows >= wanted || bytes >= maxBytes;
    },
    add(batch, skip) {
      const taken = take(batch, layout, skip, wanted - rows);
      if (taken.batch !== undefined) {
        batches.push(taken.batch);
        rows += taken.rows;
        bytes += taken.batch.size + taken.rows * layout.columns.length * valueOverhead;
      }
      return taken;
    },
  };
}
