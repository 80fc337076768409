/** Drives a decoder: chunks of a body in, batches of rows out. */
import { setImmediate } from "node:timers/promises";
import { Failure, withMetadata } from "../../../failure.ts";
import { type PackedBatch, PackedWriter } from "../../../rows/packed.ts";
import type { Decoder } from "./decoder.ts";
import { truncated, unreadable } from "./failures.ts";
import { Window } from "./window.ts";

/** A batch is handed on when it is this old, in milliseconds, however few rows it has. */
const flushMs = 20;

/** @throws Failure as `RowReading.batches`, and what the body throws; the rows before come first. */
export async function* pumped(
  resource: string,
  body: AsyncIterable<Uint8Array>,
  decoder: Decoder,
): AsyncGenerator<PackedBatch, undefined> {
  const chunks = body[Symbol.asyncIterator]();
  const window = new Window();
  const writer = new PackedWriter();
  const steps = decoder.decode(window, writer);
  let rows = 0;
  let isWaiting = false;
  let due = Number.POSITIVE_INFINITY;
  const take = function* () {
    const batch = writer.take();
    due = Number.POSITIVE_INFINITY;
    rows += batch?.rows ?? 0;
    if (batch !== undefined) yield batch;
  };
  try {
    for (;;) {
      const { done, value: pause } = steps.next();
      if (done) break;
      if (pause === "full") {
        yield* take();
        // Everything else in the process has its turn, however much of the body there is already.
        await setImmediate();
        continue;
      }
      if (writer.rows > 0) due = Math.min(due, performance.now() + flushMs);
      isWaiting = true;
      const coming = chunks.next();
      if (!(await isInTime(coming, due))) yield* take();
      const chunk = await coming;
      isWaiting = false;
      fill(resource, window, chunk);
    }
  } catch (error) {
    yield* take();
    throw error instanceof Failure ? withMetadata(error, { rows_before: String(rows) }) : error;
  } finally {
    const ended = chunks.return?.();
    // A generator that waits for its next chunk ends no sooner.
    if (isWaiting) ended?.catch(() => {});
    else await ended;
  }
  yield* take();
}

/** Whether it settles before the instant `due`. */
async function isInTime(coming: Promise<unknown>, due: number): Promise<boolean> {
  if (due === Number.POSITIVE_INFINITY) return true;
  const ms = due - performance.now();
  coming.catch(() => {}); // Whoever awaits it is told.
  if (ms <= 0) return false;
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, ms, false);
  try {
    return await Promise.race([coming.then(() => true), late]);
  } catch {
    return true;
  } finally {
    clearTimeout(timer);
  }
}

function fill(resource: string, window: Window, { done, value }: IteratorResult<Uint8Array>): void {
  if (done !== true) {
    if (!window.append(value)) throw unreadable(resource, "it is not UTF-8");
  } else if (!window.end()) {
    throw truncated(resource);
  }
}
