/** DataRow, the message that holds one row of a result. */
import type { PackedWriter } from "../../rows/packed.ts";
import { malformedRow } from "./protocol.ts";

/**
 * Adds a row to those that were packed.
 *
 * @param chunk `chunk[start, end)` is the message's body: a count of cells, then each one's size and bytes
 * @returns Whether a cell begins in the middle of a character, which does not show when
 *   the cells are looked at as one text.
 * @throws Failure `upstream_lost` when the body is not as long as it says
 */
export function packRow(writer: PackedWriter, columns: number, chunk: Buffer, start: number, end: number): boolean {
  if ((((chunk[start] as number) << 8) | (chunk[start + 1] as number)) !== columns) throw malformedRow();
  let cut = false;
  let at = start + 2;
  for (let i = 0; i < columns; i++) {
    const size =
      ((chunk[at] as number) << 24) |
      ((chunk[at + 1] as number) << 16) |
      ((chunk[at + 2] as number) << 8) |
      (chunk[at + 3] as number);
    at += 4;
    if (size < 0) {
      if (size !== -1) throw malformedRow();
      writer.null();
    } else {
      // What lies behind the row in memory is somebody else's.
      if (size > end - at) throw malformedRow();
      if (((chunk[at] as number) & 0xc0) === 0x80) cut = true;
      writer.cell(chunk, at, at + size);
      at += size;
    }
  }
  if (at !== end) throw malformedRow();
  writer.endRow();
  return cut;
}
