import { fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type PackedBatch as Message,
  PackedBatchSchema,
  StreamQueryResponseSchema,
} from "../../src/gen/connector/v1/stream_pb.js";
import { forEachCell, type PackedBatch, PackedWriter, varintSize, writeVarint } from "../../src/rows/packed.ts";
import { textRows, trimmed } from "../../src/rows/page.ts";
import { type Cells, cellTable, pack } from "./cells.ts";

/** What the generated class reads of it. */
function cellsOf({ rows, cells, lengths }: Message, fieldCount: number): Cells {
  const bytes = Buffer.from(cells);
  let at = 0;
  const texts = lengths.map((length) => {
    if (length === 0) return null;
    const start = at;
    at += length - 1;
    return bytes.toString("utf8", start, at);
  });
  expect([at, texts.length]).toEqual([bytes.length, rows * fieldCount]);
  return Array.from({ length: rows }, (_, row) => texts.slice(row * fieldCount, (row + 1) * fieldCount));
}

function visited(batch: PackedBatch, fieldCount: number): Cells {
  const rows: Cells = Array.from({ length: batch.rows }, () => []);
  forEachCell(batch, fieldCount, (row, field, start, end) => {
    if (rows[row]?.length !== field) throw new Error(`Cell ${field} of row ${row} comes out of order.`);
    rows[row]?.push(start < 0 ? null : batch.buffer.toString("utf8", start, end));
  });
  return rows;
}

describe("any cells", () => {
  test("are what the generated class reads, and what forEachCell visits", () => {
    fc.assert(
      fc.property(cellTable(), ({ fieldCount, rows }) => {
        const batch = pack(rows);
        expect(cellsOf(fromBinary(PackedBatchSchema, batch.message), fieldCount)).toEqual(rows);
        expect(visited(batch, fieldCount)).toEqual(rows);
        expect(textRows(batch, fieldCount)).toEqual(rows);
        expect(batch.size).toBe(batch.message.length);
      }),
    );
  });

  test("are written as the generated class writes them", () => {
    fc.assert(
      fc.property(cellTable(), ({ rows }) => {
        const { message } = pack(rows);
        const decoded = fromBinary(PackedBatchSchema, message);
        // A field that is empty may stand there all the same.
        if (decoded.cells.length > 0 && decoded.lengths.length > 0) {
          expect(Buffer.from(toBinary(PackedBatchSchema, decoded)).equals(message)).toBe(true);
        }
      }),
    );
  });

  test("make an envelope of every protocol", () => {
    fc.assert(
      fc.property(cellTable(), ({ fieldCount, rows }) => {
        const envelope = Buffer.from(pack(rows).envelope(StreamQueryResponseSchema.field.packed.number));
        expect([envelope[0], envelope.readUInt32BE(1)]).toEqual([0, envelope.length - 5]);
        const { part } = fromBinary(StreamQueryResponseSchema, envelope.subarray(5));
        expect(part.case).toBe("packed");
        expect(cellsOf(part.value as Message, fieldCount)).toEqual(rows);
      }),
    );
  });

  test("are trimmed to the first fields of the first rows", () => {
    const trimming = cellTable().chain((table) =>
      fc.record({
        table: fc.constant(table),
        fields: fc.integer({ min: 0, max: table.fieldCount }),
        count: fc.integer({ min: 1, max: table.rows.length }),
      }),
    );
    fc.assert(
      fc.property(trimming, ({ table, fields, count }) => {
        const kept = trimmed(pack(table.rows), table.fieldCount, fields, count);
        expect(visited(kept, fields)).toEqual(table.rows.slice(0, count).map((row) => row.slice(0, fields)));
      }),
    );
  });
});

describe("one writer", () => {
  test("gives batch after batch, none of which the next one touches", () => {
    fc.assert(
      fc.property(fc.array(cellTable(), { minLength: 2, maxLength: 6 }), (tables) => {
        const writer = new PackedWriter();
        const batches = tables.map(({ rows }) => pack(rows, writer));
        expect(batches.map((batch, i) => visited(batch, tables[i]?.fieldCount ?? 0))).toEqual(
          tables.map(({ rows }) => rows),
        );
      }),
    );
  });

  test("gives a released batch's memory to a later one only", () => {
    const writer = new PackedWriter();
    const first = pack([["first"]], writer);
    const second = pack([["second"]], writer);
    first.release();
    first.release();
    const later = Array.from({ length: 5 }, (_, i) => pack([[`later ${i}`]], writer));
    expect(visited(second, 1)).toEqual([["second"]]);
    expect(later.map((batch) => visited(batch, 1))).toEqual(later.map((_, i) => [[`later ${i}`]]));
    expect(new Set(later.map(({ buffer }) => buffer)).size).toBe(later.length);
  });

  test("drops the cells of a row that never ended", () => {
    const writer = new PackedWriter();
    const chunk = Buffer.from("abcdef");
    for (const [start, end] of [
      [0, 1],
      [1, 3],
    ] as const) {
      writer.cell(chunk, start, end);
    }
    writer.endRow();
    writer.cell(chunk, 3, 6);
    const batch = writer.take() as PackedBatch;
    expect(cellsOf(fromBinary(PackedBatchSchema, batch.message), 2)).toEqual([["a", "bc"]]);
    expect(visited(pack([["next", null]], writer), 2)).toEqual([["next", null]]);
  });

  test("gives none without rows", () => {
    expect(new PackedWriter().take()).toBeUndefined();
  });

  test.each([127, 128, 16_383, 16_384, 125_000, 2_097_151, 2_097_152, 20_000_000])(
    "takes a cell of %i bytes",
    (size) => {
      const text = "x".repeat(size);
      const rows = [
        ["before", text, null],
        [null, text.slice(1), "after"],
      ];
      expect(visited(pack(rows), 3)).toEqual(rows);
      expect(cellsOf(fromBinary(PackedBatchSchema, pack(rows).message), 3)).toEqual(rows);
    },
  );

  test("takes very many cells of no bytes", () => {
    const rows = Array.from({ length: 300 }, (_, row) =>
      Array.from({ length: 1_600 }, (_, i) => (i % 2 === row % 2 ? null : "")),
    );
    expect(visited(pack(rows), 1_600)).toEqual(rows);
  });
});

test("numbers below 2³² are varints as Protobuf writes them", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        fc.constantFrom(0, 127, 128, 2 ** 14, 2 ** 21, 2 ** 28, 2 ** 32 - 1),
      ),
      (value) => {
        const bytes = Buffer.alloc(8);
        const end = writeVarint(bytes, 0, value);
        expect(end).toBe(varintSize(value));
        // `rows` is field 1 of the batch.
        expect(fromBinary(PackedBatchSchema, Buffer.concat([Buffer.of(0x08), bytes.subarray(0, end)])).rows).toBe(
          value,
        );
      },
    ),
  );
});
