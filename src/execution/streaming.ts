/** A stream on its way from its source to its reader. */
import { Failure } from "../failure.ts";
import type { Observe, Subject } from "../observability/observation.ts";
import type { Call, RowStream } from "../providers/contract.ts";
import type { PackedBatch } from "../rows/packed.ts";
import type { Answer } from "./attempt.ts";
import type { BoundedStream } from "./budget/spending.ts";
import type { OpenCall } from "./call.ts";
import type { Outcome } from "./outcome.ts";

/** A stream that has begun, with its first batch under way. */
export interface BegunStream extends Omit<RowStream, "batches"> {
  readonly batches: AsyncIterator<PackedBatch>;
  readonly first: Promise<IteratorResult<PackedBatch>>;
  /** The call needs the source no more. */
  end(): void;
}

/** A source is judged by the stream's first batch, which is asked for whether the reader wants it yet or not. */
export function beginStream({ batches, ...stream }: RowStream, call: Call): Answer<BegunStream> {
  const iterator = batches[Symbol.asyncIterator]();
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = iterator.next();
  first.catch(() => {}); // The reader gets it, too.
  // A reader that has stalled does not hear of the end: the source must not wait for it.
  call.signal.addEventListener("abort", () => resolve(), { once: true });
  if (call.signal.aborted) resolve();
  return { result: { ...stream, batches: iterator, first, end: resolve }, proof: first, end: promise };
}

export interface Reader {
  readonly call: OpenCall;
  readonly outcome: Outcome;
  /** What its caller may still read. */
  readonly bounds: Pick<BoundedStream, "admit" | "ended">;
  /** Says what an error of the source means. */
  translated<T>(work: () => Promise<T>): Promise<T>;
  /** Milliseconds that it may take nothing. */
  readonly stallMs: number;
  readonly subject: Subject;
  /** Is told how the stream goes on, and when its reader takes nothing for that long. */
  readonly observe: Observe;
}

/**
 * The batches for the reader. When the reader takes none for too long, or never begins
 * to, the call ends with `slow_reader` at once, and not only when the reader comes back
 * to hear of it: the source's connection is free then.
 */
export function readStream(stream: BegunStream, reader: Reader): AsyncIterable<PackedBatch> {
  const { call, outcome, bounds } = reader;
  const moved = { rows: 0, bytes: 0 };
  const patience = patienceWith(reader);
  const progress = tellProgress(reader);
  const ended = () => {
    patience.end();
    progress.over();
    outcome.failed(call.signal.reason, moved);
  };
  call.signal.addEventListener("abort", ended, { once: true });
  if (call.signal.aborted) ended();
  patience.begin();
  return batches();

  async function* batches(): AsyncGenerator<PackedBatch> {
    try {
      for (let next = stream.first; ; next = stream.batches.next()) {
        patience.end();
        progress.taken();
        const { done, value } = await reader.translated(() => next);
        if (done) break;
        bounds.admit(moved, value);
        moved.rows += value.rows;
        moved.bytes += value.size;
        patience.begin();
        progress.given(value);
        yield value;
        call.signal.throwIfAborted();
      }
      bounds.ended(moved);
      outcome.succeeded(moved);
    } catch (error) {
      throw outcome.failed(error, moved);
    } finally {
      progress.over();
      // A reader that left early has not ended the call itself; what runs for it stops now.
      call.end(left());
      await stream.batches.return?.();
      stream.end();
    }
  }
}

/** Tells of the stream from its beginning to its end, whichever of both sides ends it. */
function tellProgress({ subject, observe }: Reader) {
  let isOpen = true;
  let waiting: { readonly rows: number; readonly bytes: number; readonly sinceMs: number } | undefined;
  const taken = () => {
    if (waiting === undefined) return;
    const { rows, bytes, sinceMs } = waiting;
    waiting = undefined;
    observe({ kind: "stream_moved", subject, rows, bytes, waitMs: performance.now() - sinceMs });
  };
  observe({ kind: "stream_opened", subject });
  return {
    /** The reader is given a batch, which it takes when it comes back for more. */
    given({ rows, size: bytes }: PackedBatch) {
      waiting = { rows, bytes, sinceMs: performance.now() };
    },
    taken,
    over() {
      if (!isOpen) return;
      isOpen = false;
      taken();
      observe({ kind: "stream_ended", subject });
    },
  };
}

/** The time that a reader has to take the next batch. */
function patienceWith({ call, stallMs, subject, observe }: Reader) {
  let timer: NodeJS.Timeout | undefined;
  const tooSlow = () => {
    observe({ kind: "reader_too_slow", subject });
    call.end(slowReader(stallMs));
  };
  return {
    begin() {
      if (!call.signal.aborted) timer = setTimeout(tooSlow, stallMs);
    },
    end: () => clearTimeout(timer),
  };
}

function slowReader(stallMs: number): Failure {
  return new Failure("slow_reader", `The stream's reader took nothing for ${stallMs / 1_000} s.`, {
    where: "caller",
    remedy: "Read the stream faster, or ask for fewer rows at a time and go on from the last one.",
  });
}

function left(): Failure {
  return new Failure("cancelled", "The reader has left the stream.", { where: "caller" });
}
