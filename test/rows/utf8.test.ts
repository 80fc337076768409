import { isUtf8 } from "node:buffer";
import fc from "fast-check";
import { expect, test } from "vitest";
import { PackedWriter } from "../../src/rows/packed.ts";
import { areUtf8Together, fieldNotUtf8 } from "../../src/rows/utf8.ts";

/** A text cut into cells anywhere, in the middle of a character, too, and now and then a byte that fits nowhere. */
const cells = fc
  .tuple(fc.string({ unit: "binary", minLength: 1, maxLength: 12 }), fc.infiniteStream(fc.integer({ min: 0, max: 5 })))
  .chain(([text, sizes]) => {
    const bytes = Buffer.from(text.toWellFormed());
    const cut: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = sizes.next().value as number;
      cut.push(bytes.subarray(at, at + size));
      at += size;
    }
    return fc.tuple(fc.constant(cut), fc.option(fc.uint8Array({ minLength: 1, maxLength: 2 }), { freq: 1 }));
  })
  .map(([cut, odd]) => (odd === null ? cut : [...cut, Buffer.from(odd)]));

test("cells are UTF-8 when they are so together and none begins in the middle of a character", () => {
  fc.assert(
    fc.property(cells, (row) => {
      const writer = new PackedWriter();
      for (const cell of row) writer.cell(cell, 0, cell.length);
      writer.endRow();
      const batch = writer.take();
      if (batch === undefined) throw new Error("There is no batch.");
      const cut = row.some((cell) => cell.length > 0 && ((cell[0] as number) & 0xc0) === 0x80);
      const wrong = row.findIndex((cell) => !isUtf8(cell));
      expect(fieldNotUtf8(batch, row.length)).toBe(wrong);
      expect(areUtf8Together(batch) && !cut).toBe(wrong < 0);
    }),
    { numRuns: 1_000 },
  );
});
