import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { ValueBatchSchema } from "../../src/gen/connector/v1/stream_pb.js";
import type { Value } from "../../src/gen/connector/v1/value_pb.js";
import type { Field, FieldType } from "../../src/rows/field.ts";
import { ValueEncoder } from "../../src/rows/values.ts";
import { type Cells, cellTable, pack } from "./cells.ts";

const { number: rowsField } = ValueBatchSchema.field.rows;

const fieldsOf = (...types: FieldType[]): Field[] =>
  types.map((type, i) => ({ name: `f${i}`, type, nullable: true, nativeType: type }));

/** What the generated class reads of the encoded rows. */
function decoded(encoder: ValueEncoder, rows: Cells): Value["kind"][][] {
  const batch = fromBinary(ValueBatchSchema, new Uint8Array(encoder.encode(pack(rows))));
  return batch.rows.map(({ values }) => values.map(({ kind }) => kind));
}

/** One row for each text, and a neighbour on each side that shows a wrong size. */
function column(type: FieldType, texts: readonly string[]): Value["kind"][] {
  const encoder = new ValueEncoder(fieldsOf("string", type, "int32"), rowsField);
  const rows = decoded(
    encoder,
    texts.map((text) => ["«", text, "-7"]),
  );
  for (const [before, , after] of rows) {
    expect([before, after]).toEqual([
      { case: "string", value: "«" },
      { case: "int64", value: -7n },
    ]);
  }
  return rows.map((row) => row[1] as Value["kind"]);
}

describe("a cell of", () => {
  const signed = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.integer().map(BigInt),
    powers(63, true),
  );
  const unsigned = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), powers(64, false));

  test.each(["int32", "int64"] as const)("%s is its integer", (type) => {
    fc.assert(
      fc.property(fc.array(signed, { minLength: 1, maxLength: 20 }), (values) => {
        expect(column(type, values.map(String))).toEqual(values.map((value) => ({ case: "int64", value })));
      }),
      { numRuns: 300 },
    );
  });

  test("uint64 is its integer", () => {
    fc.assert(
      fc.property(fc.array(unsigned, { minLength: 1, maxLength: 20 }), (values) => {
        expect(column("uint64", values.map(String))).toEqual(values.map((value) => ({ case: "uint64", value })));
      }),
      { numRuns: 300 },
    );
  });

  test.each(["float", "double"] as const)("%s is its number", (type) => {
    fc.assert(
      fc.property(fc.array(fc.double(), { minLength: 1, maxLength: 20 }), (values) => {
        const texts = values.map((value) => (Object.is(value, -0) ? "-0" : String(value)));
        expect(column(type, texts)).toEqual(values.map((value) => ({ case: "double", value })));
      }),
    );
  });

  test("bool is true or false", () => {
    expect(column("bool", ["t", "f"])).toEqual([
      { case: "bool", value: true },
      { case: "bool", value: false },
    ]);
  });

  test("bytes is its bytes", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.uint8Array({ minLength: 16_300, maxLength: 16_500, size: "max" }),
    );
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 1, maxLength: 5 }), (values) => {
        const texts = values.map((value) => `\\x${Buffer.from(value).toString("hex")}`);
        expect(column("bytes", texts)).toEqual(values.map((value) => ({ case: "bytes", value })));
      }),
      { numRuns: 30 },
    );
  });

  test("any other type is its text", () => {
    const others: FieldType[] = [
      "decimal",
      "date",
      "time",
      "timestamp",
      "timestamp_tz",
      "interval",
      "uuid",
      "json",
      "array",
      "struct",
      "enum",
      "other",
    ];
    for (const type of others)
      expect(column(type, ["{a,ü}", ""])).toEqual([
        { case: "text", value: "{a,ü}" },
        { case: "text", value: "" },
      ]);
  });

  test("each type can be null", () => {
    const types: FieldType[] = [
      "bool",
      "int32",
      "int64",
      "uint64",
      "float",
      "double",
      "string",
      "bytes",
      "json",
      "array",
    ];
    const encoder = new ValueEncoder(fieldsOf(...types), rowsField);
    expect(decoded(encoder, [types.map(() => null)])).toEqual([types.map(() => ({ case: "null", value: 0 }))]);
  });
});

describe("a cell that is no value of its field's type is refused, and the field named:", () => {
  const wrong: Partial<Record<FieldType, readonly string[]>> = {
    bool: ["", "true", "T", "x"],
    int32: ["", "-", "abc", "1.5", "1e5", " 1", "+1", "0x10", "12\u0000"],
    int64: ["--1", "1234567890123456x", "9223372036854775808", "-9223372036854775809", "9".repeat(100_000)],
    uint64: ["-1", "-1234567890123456789", "18446744073709551616"],
    float: ["", "one", "1,5", "nan"],
    double: ["", "1.5x", "infinity"],
    bytes: ["", "x", "\\x0", "\\xzz", "00ff", "\\x00zz00", "Zürich"],
  };
  test.each(Object.entries(wrong) as [FieldType, readonly string[]][])("%s", (type, texts) => {
    const encoder = new ValueEncoder(fieldsOf("string", type), rowsField);
    for (const text of texts) {
      const refusal = () => decoded(encoder, [["before", text]]);
      expect(refusal, text).toThrow(Failure);
      expect(refusal, text).toThrow(expect.objectContaining({ kind: "upstream_lost", metadata: { field: "f1" } }));
    }
    // It goes on with the next batch.
    expect(decoded(encoder, [["before", null]])).toHaveLength(1);
  });
});

test("any texts are what the generated class reads, batch after batch of one encoder", () => {
  fc.assert(
    fc.property(cellTable(), cellTable(), (one, other) => {
      const encoder = new ValueEncoder(fieldsOf(...Array<FieldType>(one.fieldCount).fill("string")), rowsField);
      const second = other.rows.map((row) => Array.from({ length: one.fieldCount }, (_, i) => row[i] ?? null));
      for (const rows of [one.rows, second]) {
        expect(decoded(encoder, rows)).toEqual(
          rows.map((row) =>
            row.map((value) => (value === null ? { case: "null", value: 0 } : { case: "string", value })),
          ),
        );
      }
    }),
  );
});

test.each([0, 1, 120, 127, 128, 16_370, 16_384, 2_097_140, 2_097_152, 20_000_000])(
  "a row of about %i bytes keeps its neighbours",
  (size) => {
    const encoder = new ValueEncoder(fieldsOf("string", "string"), rowsField);
    const rows: [string, string][] = [
      ["a", "b"],
      ["x".repeat(size), "y"],
      ["c", "d"],
      ["z".repeat(size), ""],
      ["e", "f"],
    ];
    expect(decoded(encoder, rows)).toEqual(rows.map((row) => row.map((value) => ({ case: "string", value }))));
  },
);

/** The numbers around each power of two and of ten, where another byte or digit begins. */
function powers(bits: number, negative: boolean): fc.Arbitrary<bigint> {
  const [least, most] = [negative ? -(2n ** 63n) : 0n, 2n ** BigInt(bits) - 1n];
  const near = [...Array(bits + 1).keys()].flatMap((i) => [2n ** BigInt(i), 10n ** BigInt(i % 20)]);
  const values = near.flatMap((value) => [value - 1n, value, value + 1n]).flatMap((value) => [value, -value]);
  return fc.constantFrom(...values.filter((value) => value >= least && value <= most));
}
