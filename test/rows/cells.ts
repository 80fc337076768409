/** Batches of any cells. */
import fc from "fast-check";
import { type PackedBatch, PackedWriter } from "../../src/rows/packed.ts";

/** Rows of cells; null is null. */
export type Cells = (string | null)[][];

/** Texts of every length class of a varint, and of every length of a character. */
const text = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 3, arbitrary: fc.string({ unit: "binary", maxLength: 60 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom("x", "ü", "🦉"), fc.integer({ min: 100, max: 9_000 }))
      .map(([unit, n]) => unit.repeat(n)),
  },
);

/** Any rows of 0 to 6 fields, at least one. */
export function cellTable(cell: fc.Arbitrary<string> = text): fc.Arbitrary<{ fieldCount: number; rows: Cells }> {
  return fc.integer({ min: 0, max: 6 }).chain((fieldCount) => {
    const row = fc.array(fc.option(cell, { freq: 5 }), { minLength: fieldCount, maxLength: fieldCount });
    return fc.record({ fieldCount: fc.constant(fieldCount), rows: fc.array(row, { minLength: 1, maxLength: 30 }) });
  });
}

/** Writes rows as a source does, each out of a chunk with other bytes around it. */
export function pack(rows: Cells, writer: PackedWriter = new PackedWriter()): PackedBatch {
  for (const row of rows) {
    const chunk = Buffer.from(`<${row.map((cell) => cell ?? "").join("")}>`);
    let at = 1;
    for (const cell of row) {
      const size = Buffer.byteLength(cell ?? "");
      if (cell === null) writer.null();
      else if (size % 7 === 3) writer.text(cell);
      else writer.cell(chunk, at, at + size);
      at += size;
    }
    writer.endRow();
  }
  const batch = writer.take();
  if (batch === undefined) throw new RangeError("There are no rows.");
  return batch;
}
