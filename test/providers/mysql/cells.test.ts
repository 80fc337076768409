/** Rows of the binary protocol that no server at hand sends: of other servers, and malformed ones. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRowPacker } from "../../../src/providers/mysql/cells.ts";
import { type Column, flags, readColumn, types } from "../../../src/providers/mysql/column.ts";
import { fieldOf } from "../../../src/providers/mysql/types.ts";
import { PackedWriter } from "../../../src/rows/packed.ts";
import { textRows } from "../../../src/rows/page.ts";

const column = (type: number, more: Partial<Column> = {}): Column => ({
  ...{ name: "c", schema: "", table: "", originalTable: "", originalName: "", type, flags: 0, collation: 63 },
  ...{ length: 0, decimals: 0, extendedType: "", extendedFormat: "", ...more },
});
const text = column(types.varString, { collation: 45 });
const unsignedBig = column(types.longlong, { flags: flags.unsigned });

/** A row of cells as they are sent; null is NULL. */
function row(...cells: (readonly number[] | Buffer | null)[]): Buffer {
  const nulls = Buffer.alloc((cells.length + 9) >> 3);
  for (const [i, cell] of cells.entries()) {
    const byte = (i + 2) >> 3;
    if (cell === null) nulls[byte] = (nulls[byte] as number) | (1 << ((i + 2) & 7));
  }
  return Buffer.concat([Buffer.from([0]), nulls, ...cells.map((cell) => Buffer.from(cell ?? []))]);
}

/** The cells' texts; what stands around the row in memory is somebody else's. */
function packed(columns: readonly Column[], bytes: Buffer): (string | null)[] {
  const writer = new PackedWriter();
  const around = Buffer.concat([Buffer.alloc(3, 0x41), bytes, Buffer.alloc(40, 0x41)]);
  createRowPacker(columns)(around, 3, 3 + bytes.length, writer);
  const batch = writer.take();
  return batch === undefined ? [] : (textRows(batch, columns.length)[0] ?? []);
}

const sized = (content: string | Buffer) => {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
};
const eight = (write: (buffer: Buffer) => void) => {
  const buffer = Buffer.alloc(8);
  write(buffer);
  return buffer;
};
const four = (value: number) => {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return buffer;
};

describe("numbers", () => {
  test("every integer of 64 bits is written as BigInt writes it", () => {
    const edges = [0n, 1n, 10n ** 9n, 2n ** 32n, 2n ** 53n, 10n ** 18n, 2n ** 63n, 2n ** 64n - 1n];
    const near = fc.tuple(fc.constantFrom(...edges), fc.bigInt(-20n, 20n)).map(([edge, by]) => edge + by);
    fc.assert(
      fc.property(fc.oneof(near, fc.bigInt(-(2n ** 63n), 2n ** 64n - 1n)), (value) => {
        const bits = eight((buffer) => buffer.writeBigUInt64LE(BigInt.asUintN(64, value)));
        expect(packed([unsignedBig], row(bits))).toEqual([String(BigInt.asUintN(64, value))]);
        expect(packed([column(types.longlong)], row(bits))).toEqual([String(BigInt.asIntN(64, value))]);
      }),
    );
  });

  test("every integer of 32 bits is written as JavaScript writes it", () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer(), fc.integer({ min: -1_100, max: 1_100 })), (value) => {
        const bits = eight((buffer) => buffer.writeInt32LE(value)).subarray(0, 4);
        expect(packed([column(types.long)], row(bits))).toEqual([String(value)]);
        expect(packed([column(types.int24, { flags: flags.unsigned })], row(bits))).toEqual([String(value >>> 0)]);
      }),
    );
  });

  test("a DOUBLE reads back to the same bits, with an exponent where PostgreSQL has one", () => {
    const short = fc.tuple(fc.integer(), fc.integer({ min: 0, max: 9 })).map(([n, digits]) => n / 10 ** digits);
    fc.assert(
      fc.property(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), short), (value) => {
        const [cell = ""] = packed([column(types.double)], row(eight((buffer) => buffer.writeDoubleLE(value))));
        expect(Object.is(Number(cell), value)).toBe(true);
        const size = Math.abs(value);
        expect(cell).toMatch(
          size !== 0 && (size < 1e-4 || size >= 1e15) ? /^-?\d(\.\d*[1-9])?e[+-]\d\d+$/ : /^-?\d+(\.\d*[1-9])?$/,
        );
        // JavaScript's own is the shortest.
        expect(digitsOf(cell as string)).toBe(digitsOf(String(value)));
      }),
      { numRuns: 1_000 },
    );
  });

  test("a FLOAT reads back to the same bits, in the fewest digits that do", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const [cell] = packed([column(types.float)], row(four(value)));
        expect(Object.is(Math.fround(Number(cell)), value)).toBe(true);
        const digits = digitsOf(cell as string);
        const shorter = Number(value.toPrecision(Math.max(1, digits.length - 1)));
        if (digits.length > 1) expect(Math.fround(shorter)).not.toBe(value);
      }),
      { numRuns: 1_000 },
    );
  });

  test("a negative zero keeps its sign", () => {
    const cells = row(
      four(-0),
      eight((buffer) => buffer.writeDoubleLE(-0)),
    );
    expect(packed([column(types.float), column(types.double)], cells)).toEqual(["-0", "-0"]);
  });

  test.each([Number.NaN, Infinity, -Infinity])("no column holds %s", (value) => {
    expect(() => packed([column(types.float)], row(four(value)))).toThrow("not what its columns promise");
  });
});

/** The digits of a number without its zeros in front and behind. */
const digitsOf = (cell: string) => cell.replace(/e.*$|[-.]/g, "").replace(/^0+|0+$/g, "");

describe("what no server of MariaDB sends", () => {
  test("MySQL's JSON, though it is said to be of no character set", () => {
    const json = column(types.json);
    expect([fieldOf(json).type, packed([json], row(sized('{"a": "ü"}')))]).toEqual(["json", ['{"a": "ü"}']]);
  });

  test.each([
    ["MySQL's", column(types.vector)],
    ["MariaDB's", column(types.varString, { extendedType: "vector" })],
  ])("%s vectors, each number in the fewest digits", (_, vector) => {
    const numbers = Buffer.concat([1, -2.5, 0.1, 1e-45, 3.4028234663852886e38].map(four));
    expect(fieldOf(vector)).toMatchObject({ type: "other", nativeType: "vector" });
    expect(packed([vector, vector], row(sized(numbers), [0]))).toEqual(["[1,-2.5,0.1,1e-45,3.4028235e+38]", "[]"]);
    expect(() => packed([vector], row(sized(Buffer.alloc(5))))).toThrow("not what its columns promise");
  });

  test("types that are not known yet, as bytes", () => {
    const later = column(0x7f);
    expect([fieldOf(later).type, packed([later], row(sized("ab")))]).toEqual(["bytes", ["\\x6162"]]);
  });
});

describe("malformed rows are refused", () => {
  const big = [column(types.longlong), text, column(types.datetime), column(types.time), column(types.date)];
  const good = row(
    eight((buffer) => buffer.writeBigInt64LE(-5n)),
    sized("text"),
    [11, 0xea, 7, 11, 22, 13, 45, 0, 1, 0, 0, 0],
    [12, 1, 34, 0, 0, 0, 22, 59, 59, 0x3f, 0x42, 0x0f, 0],
    [4, 0xea, 7, 0, 0],
  );

  test("a good one is none of them", () => {
    const cells = ["-5", "text", "2026-11-22 13:45:00.000001", "-838:59:59.999999", "2026-00-00"];
    expect(packed(big, good)).toEqual(cells);
    expect(packed(big, row(null, null, null, null, null))).toEqual([null, null, null, null, null]);
  });

  test("cut off anywhere, or with something behind", () => {
    for (let size = 0; size < good.length; size++) expect(() => packed(big, good.subarray(0, size))).toThrow();
    expect(() => packed(big, Buffer.concat([good, Buffer.from([0])]))).toThrow("not what its columns promise");
  });

  test("of any bytes: either a row or a refusal, and nothing read of what lies behind", () => {
    const kinds = [...big, column(types.bit, { length: 70 }), column(types.geometry), column(types.float), unsignedBig];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        let cells: (string | null)[] = [];
        try {
          cells = packed(kinds, Buffer.concat([Buffer.from([0, 0, 0]), bytes]));
        } catch (error) {
          expect(error).toMatchObject({ kind: expect.stringMatching(/^(upstream_lost|configuration_rejected)$/) });
        }
        expect(cells.join("")).not.toContain("AAA");
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ["a length that stands for NULL", [0xfb]],
    ["a length that is none", [0xff]],
    ["a length that is cut off", [0xfc, 1]],
    ["a length beyond the row's end", [3, 0x61, 0x62]],
    ["a length of 2⁶³", [0xfe, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x61]],
  ])("%s", (_, cell) => {
    expect(() => packed([text], row(cell))).toThrow("not what its columns promise");
  });

  test.each([
    ["a header that is none", text, Buffer.from([1, 0, 0])],
    ["a date of three bytes", column(types.date), row([3, 0xea, 7, 11])],
    ["a year of five digits", column(types.date), row([4, 0xff, 0xff, 1, 1])],
    ["a minute of three digits", column(types.datetime), row([7, 0xea, 7, 1, 1, 1, 200, 1])],
    ["more than a second's microseconds", column(types.time), row([12, 0, 0, 0, 0, 0, 1, 1, 1, 0xff, 0xff, 0xff, 0])],
    ["a geometry without one", column(types.geometry), row(sized("1234"))],
    ["a geometry of another order of bytes", column(types.geometry), row(sized(Buffer.alloc(25)))],
  ])("%s", (_, type, bytes) => {
    expect(() => packed([type], bytes)).toThrow("not what its columns promise");
  });

  test("a text that begins in the middle of a character, which two texts together would hide", () => {
    const named = { ...text, name: "second" };
    expect(() => packed([text, named], row(sized(Buffer.from([0xc3])), sized(Buffer.from([0xbc]))))).toThrow(
      "`second`",
    );
  });
});

describe("descriptions of columns", () => {
  const words = ["def", "shop", "c", "cities", "naïve", "name"].map((word) => sized(word));
  const fixed = Buffer.from([12, 45, 0, 40, 0, 0, 0, 0xfe, 1, 0, 0, 0, 0]);

  test("name everything, in UTF-8", () => {
    const bytes = Buffer.concat([...words, fixed]);
    expect(readColumn(bytes, 0, bytes.length, { extendedMetadata: false })).toEqual(
      column(types.string, {
        ...{ schema: "shop", table: "c", originalTable: "cities", name: "naïve", originalName: "name" },
        ...{ collation: 45, length: 40, flags: 1 },
      }),
    );
  });

  test("tell MariaDB's own types, beside what is not known yet", () => {
    const extension = sized(Buffer.concat([[0], sized("uuid"), [7], sized("?"), [1], sized("json")].map(Buffer.from)));
    const bytes = Buffer.concat([...words, extension, fixed]);
    const read = readColumn(bytes, 0, bytes.length, { extendedMetadata: true });
    expect(read).toMatchObject({ extendedType: "uuid", extendedFormat: "json", type: types.string });
  });

  test("are refused when they are cut off anywhere", () => {
    const bytes = Buffer.concat([...words, fixed]);
    for (let size = 0; size < bytes.length; size++) {
      expect(() => readColumn(bytes, 0, size, { extendedMetadata: false })).toThrow("can't be read");
    }
  });
});
