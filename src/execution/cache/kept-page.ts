/**
 * A page that stays as it is. The batches of a page stand in memory that another batch
 * gets once whoever sent them has released them: what is kept has bytes of its own, and
 * whoever gets it again gets a copy.
 */
import type { Page } from "../../providers/contract.ts";
import { Bytes, slack } from "../../rows/copy.ts";
import { PackedBatch } from "../../rows/packed.ts";

export interface KeptPage extends Omit<Page, "batches"> {
  readonly batches: readonly KeptBatch[];
  readonly readTime: Date;
  /** When its reading began, in milliseconds since 1970: its age counts from there. */
  readonly began: number;
}

/** A batch's encoded bytes, and where they and their parts stand in the batch's memory. */
export interface KeptBatch {
  readonly bytes: Uint8Array;
  readonly rows: number;
  readonly start: number;
  readonly cellsStart: number;
  readonly cellsEnd: number;
  readonly lengthsStart: number;
}

/** Copies a page, to be called before anybody else gets it. */
export function keptPage({ batches, ...rest }: Page, readTime: Date, began: number): KeptPage {
  return { ...rest, batches: batches.map(keptBatch), readTime, began };
}

function keptBatch(batch: PackedBatch): KeptBatch {
  const { rows, cellsStart, cellsEnd, lengthsStart, message, end } = batch;
  const bytes = Buffer.allocUnsafeSlow(message.length);
  bytes.set(message);
  return { bytes, rows, start: end - message.length, cellsStart, cellsEnd, lengthsStart };
}

/** The page again, with batches of its own. */
export function pageOf({ readTime: _, began: __, batches, ...page }: KeptPage): Page {
  return { ...page, batches: batches.map(batchOf) };
}

/** Everything stands where it stood, so that there is as much room in front of it. */
function batchOf({ bytes, rows, start, cellsStart, cellsEnd, lengthsStart }: KeptBatch): PackedBatch {
  const end = start + bytes.length;
  const memory = Bytes.ofSize(end + slack);
  memory.buffer.set(bytes, start);
  return new PackedBatch(rows, memory, start, cellsStart, cellsEnd, lengthsStart, end);
}

/** Bytes that objects take beside what they hold, about. */
const objectBytes = 200;

/** Bytes of memory, about. */
export function sizeOf({ fields, batches, continuation = "" }: KeptPage): number {
  let size = objectBytes * (4 + fields.length + batches.length) + 2 * continuation.length;
  for (const { name, nativeType } of fields) size += 2 * (name.length + nativeType.length);
  for (const { bytes } of batches) size += bytes.length;
  return size;
}
