/** Whether cells are text: a source that does not know may hold any bytes in them. */
import { isUtf8 } from "node:buffer";
import { forEachCell, type PackedBatch } from "./packed.ts";

/**
 * Whether the cells are UTF-8 when taken as one text, which costs some microseconds a
 * batch. Each one is UTF-8, too, unless it begins in the middle of a character.
 */
export function areUtf8Together({ buffer, cellsStart, cellsEnd }: PackedBatch): boolean {
  return isUtf8(buffer.subarray(cellsStart, cellsEnd));
}

/** The first field that holds a cell which is not UTF-8, by its place; -1 when all cells are. */
export function fieldNotUtf8(batch: PackedBatch, fieldCount: number): number {
  let found = -1;
  forEachCell(batch, fieldCount, (_row, field, start, end) => {
    if (found < 0 && start >= 0 && !isUtf8(batch.buffer.subarray(start, end))) found = field;
  });
  return found;
}
