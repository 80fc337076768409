/** Rows that are handed out one after the other, in this process, as batches. */
import { setImmediate } from "node:timers/promises";
import { batchBytes, type PackedBatch, PackedWriter } from "../../rows/packed.ts";
import type { Row } from "./run.ts";

/** Milliseconds after which a batch is handed on, however few rows it has. */
const flushMs = 20;

/**
 * Packs rows as they come. After each batch everything else in the process has its turn,
 * and the rows are ended when nobody wants more of them. Those before an error come first.
 *
 * @throws The signal's reason, and what the rows throw.
 */
export async function* packedRows(rows: Iterable<Row>, signal: AbortSignal): AsyncGenerator<PackedBatch, undefined> {
  signal.throwIfAborted();
  const writer = new PackedWriter();
  let due = performance.now() + flushMs;
  let failed: { readonly error: unknown } | undefined;
  try {
    for (const row of rows) {
      for (const cell of row) {
        if (cell === null) writer.null();
        else writer.text(cell);
      }
      writer.endRow();
      if (writer.size < batchBytes && performance.now() < due) continue;
      const batch = writer.take();
      if (batch !== undefined) yield batch;
      await setImmediate();
      signal.throwIfAborted();
      due = performance.now() + flushMs;
    }
  } catch (error) {
    signal.throwIfAborted();
    failed = { error };
  }
  const last = writer.take();
  if (last !== undefined) yield last;
  if (failed !== undefined) throw failed.error;
}
