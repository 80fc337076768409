/** Pages made of packed batches. */
import { forEachCell, type PackedBatch, PackedWriter } from "./packed.ts";

/** The first rows of a batch with the first of their fields only. */
export function trimmed(batch: PackedBatch, fieldCount: number, keptFields: number, keptRows: number): PackedBatch {
  if (keptFields === fieldCount && keptRows === batch.rows) return batch;
  const writer = new PackedWriter(batch.size + 64);
  forEachCell(batch, fieldCount, (row, field, start, end) => {
    if (row >= keptRows || field >= keptFields) return;
    if (start < 0) writer.null();
    else writer.cell(batch.buffer, start, end);
  });
  // Not with their last cells: rows without fields have none.
  for (let row = 0; row < keptRows; row++) writer.endRow();
  const kept = writer.take();
  if (kept === undefined) throw new RangeError("a batch has at least one row");
  return kept;
}

/** The rows of a batch as text. */
export function textRows(batch: PackedBatch, fieldCount: number): (string | null)[][] {
  const rows = Array.from({ length: batch.rows }, (): (string | null)[] => []);
  forEachCell(batch, fieldCount, (row, _field, start, end) => {
    rows[row]?.push(start < 0 ? null : batch.buffer.toString("utf8", start, end));
  });
  return rows;
}
