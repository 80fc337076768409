/** Reads pages ahead of whoever takes their rows: while one is taken, the next one is on its way. */
import type { PackedBatch } from "../../../rows/packed.ts";

export interface PagedBatch {
  /** The number of the source's page that it is of. */
  readonly page: number;
  readonly batch: PackedBatch;
}

/** Settles when a page may be asked for: rows of the one before it are being taken, or none wait. */
export type MayOpen = (page: number) => Promise<void>;

/**
 * The batches, of which no more wait than those of the page that is taken and of the next
 * one, and about `maxBytes`. Those before an error come first.
 *
 * @param stop called when nobody takes more: the pages must end then
 */
export async function* readAhead(
  pages: (mayOpen: MayOpen) => AsyncIterable<PagedBatch>,
  maxBytes: number,
  stop: () => void,
): AsyncGenerator<PackedBatch, undefined> {
  const waiting: PagedBatch[] = [];
  let bytes = 0;
  let isLeft = false;
  let taken = signalled();
  let came = signalled();
  const until = async (isReady: () => boolean) => {
    while (!isReady() && !isLeft) await taken.promise;
  };
  let takenPage = -1;
  const mayOpen: MayOpen = (page) => until(() => takenPage >= page - 1 || waiting.length === 0);

  const filled = (async () => {
    for await (const paged of pages(mayOpen)) {
      waiting.push(paged);
      bytes += paged.batch.size;
      came.resolve();
      await until(() => bytes < maxBytes);
      if (isLeft) return;
    }
  })();
  let end: { readonly error?: unknown } | undefined;
  void filled.then(
    () => {
      end = {};
      came.resolve();
    },
    (error) => {
      end = { error };
      came.resolve();
    },
  );
  try {
    for (;;) {
      const next = waiting.shift();
      if (next === undefined) {
        if (end !== undefined) break;
        await came.promise;
        came = signalled();
        continue;
      }
      bytes -= next.batch.size;
      takenPage = next.page;
      taken.resolve();
      taken = signalled();
      yield next.batch;
    }
    if ("error" in end) throw end.error;
  } finally {
    isLeft = true;
    taken.resolve();
    if (end === undefined) stop();
    await filled.catch(() => {}); // Whoever takes no more wants to hear of nothing.
  }
  return undefined;
}

const signalled = () => Promise.withResolvers<void>();
