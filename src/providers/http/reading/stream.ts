/** All rows of a query, page after page of the source. */
import { Failure } from "../../../failure.ts";
import type { Call, RowStream } from "../../contract.ts";
import { sizeFor } from "../paging/pager.ts";
import { type Position, start } from "../paging/position.ts";
import type { ReadPlan } from "../plan.ts";
import { type MayOpen, type PagedBatch, readAhead } from "./ahead.ts";
import { refuseEmpty } from "./empty.ts";
import { layoutOf, take } from "./layout.ts";
import type { OpenPage, PageSource } from "./source.ts";

/** Bytes of rows that wait for the reader, about. */
const aheadBytes = 500_000;

/** Settles when the source has begun to answer. */
export async function openStream(source: PageSource, plan: ReadPlan, outer: Call): Promise<RowStream> {
  const left = new AbortController();
  // What is read ahead ends with the reader, too.
  const call: Call = { ...outer, signal: AbortSignal.any([outer.signal, left.signal]) };
  const size = sizeOfPages(plan);
  const first = await source.open(start, size, call);
  const pages = (mayOpen: MayOpen) => rowsOf(source, plan, { first, size, mayOpen, call });
  const stop = () => left.abort(new Failure("cancelled", "The reader has left the stream.", { where: "caller" }));
  return { fields: plan.fields, postFiltered: plan.postFiltered, batches: readAhead(pages, aheadBytes, stop) };
}

/** As large as the source makes them, but for what a limit needs. */
function sizeOfPages({ operation, limit, matches }: ReadPlan): number | undefined {
  const { size } = operation.paging;
  return sizeFor(size, matches === undefined ? (limit ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY);
}

interface Reading {
  readonly first: OpenPage;
  readonly size: number | undefined;
  readonly mayOpen: MayOpen;
  readonly call: Call;
}

async function* rowsOf(
  source: PageSource,
  plan: ReadPlan,
  { first, size, mayOpen, call }: Reading,
): AsyncGenerator<PagedBatch, undefined> {
  const layout = layoutOf(plan);
  let left = plan.limit ?? Number.POSITIVE_INFINITY;
  let position: Position = start;
  let open = first;
  for (let page = 0, empty = 0; ; page++) {
    let rows = 0;
    for await (const batch of open.batches) {
      rows += batch.rows;
      const taken = take(batch, layout, 0, left);
      left -= taken.rows;
      if (taken.batch !== undefined) yield { page, batch: taken.batch };
      if (left === 0) return undefined;
    }
    const next = open.next(rows);
    if (next === undefined) return undefined;
    empty = rows === 0 ? empty + 1 : 0;
    refuseEmpty(plan.resource.name, empty);
    position = next;
    await mayOpen(page + 1);
    call.signal.throwIfAborted();
    open = await source.open(position, size, call).catch((error: unknown) => {
      throw lostBetween(error);
    });
  }
}

/** Who has given rows and can't be reached any more was lost, wherever its pages end. */
function lostBetween(error: unknown): unknown {
  if (!(error instanceof Failure) || error.kind !== "upstream_unreachable") return error;
  const { upstream, metadata } = error;
  return new Failure("upstream_lost", "The source was lost between two pages: it can't be reached any more.", {
    ...{ where: "upstream", metadata, cause: error, remedy: "Try again; if it goes on, look at the source's own log." },
    ...(upstream === undefined ? {} : { upstream }),
  });
}
