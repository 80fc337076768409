/** Rows as lines of JSON: whatever a cell holds, a reader of JSON finds it again. */
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { PackedBatchSchema } from "../../../src/gen/connector/v1/stream_pb.js";
import { type Field, FieldSchema, FieldType } from "../../../src/gen/connector/v1/value_pb.js";
import { RowLines } from "../../../src/server/rest/row-lines.ts";

const fieldOf = (type: FieldType, name = "a"): Field => create(FieldSchema, { name, type });

function textOf(fields: readonly Field[], rows: readonly (readonly (string | null)[])[]): string {
  const cells = rows.flat();
  const batch = create(PackedBatchSchema, {
    rows: rows.length,
    cells: Buffer.concat(cells.map((cell) => Buffer.from(cell ?? ""))),
    lengths: cells.map((cell) => (cell === null ? 0 : Buffer.byteLength(cell) + 1)),
  });
  return Buffer.from(new RowLines(fields).encode(batch)).toString();
}

const lineOf = (type: FieldType, cell: string | null) => textOf([fieldOf(type)], [[cell]]);

test("any text, name and null is read back from its line", () => {
  const text = fc.string({ unit: "binary" });
  const table = fc
    .uniqueArray(text, { minLength: 1, maxLength: 5 })
    .chain((names) =>
      fc.tuple(
        fc.constant(names),
        fc.array(fc.array(fc.option(text), { minLength: names.length, maxLength: names.length })),
      ),
    );
  fc.assert(
    fc.property(table, ([names, rows]) => {
      const lines = textOf(
        names.map((name) => fieldOf(FieldType.STRING, name)),
        rows,
      ).split("\n");
      expect(lines.pop()).toBe("");
      expect(lines.map((line) => Object.entries(JSON.parse(line)).sort())).toEqual(
        rows.map((row) => names.map((name, i) => [name, row[i]]).sort()),
      );
    }),
  );
});

test.each<[keyof typeof FieldType, string, unknown]>([
  ["BOOL", "t", true],
  ["BOOL", "f", false],
  ["INT32", "-7", -7],
  ["INT32", "0042", 42],
  ["INT64", "-9223372036854775808", "-9223372036854775808"],
  ["UINT64", "18446744073709551615", "18446744073709551615"],
  ["DECIMAL", "1.10", "1.10"],
  ["DOUBLE", "1e+300", 1e300],
  ["DOUBLE", "-0", -0],
  ["FLOAT", ".5", 0.5],
  ["DOUBLE", "NaN", "NaN"],
  ["DOUBLE", "-Infinity", "-Infinity"],
  ["BYTES", "\\xff00", "/wA="],
  ["BYTES", "\\x", ""],
  ["JSON", '{"a": "b\n"}', '{"a": "b\n"}'],
  ["JSON", "null", "null"],
])("a cell %s of %s is %o", (type, cell, value) => {
  expect(JSON.parse(lineOf(FieldType[type], cell))).toEqual({ a: value });
});

test.each<[keyof typeof FieldType, string]>([
  ["BOOL", "true"],
  ["INT32", ""],
  ["INT32", "1,2"],
  ["DOUBLE", "nan"],
  ["BYTES", "\\xf"],
  ["BYTES", "ff"],
])("a cell of %s that is none ends the stream: %s", (type, cell) => {
  expect(() => lineOf(FieldType[type], cell)).toThrow(expect.objectContaining({ kind: "upstream_lost" }));
});

test("names that are repeated are told apart, whatever others are called", () => {
  const fields = ["a", "a", "a_2", "a", "__proto__"].map((name) => fieldOf(FieldType.STRING, name));
  const { keys } = new RowLines(fields);
  expect(keys).toEqual(["a", "a_3", "a_2", "a_4", "__proto__"]);
  expect(textOf(fields, [["1", "2", "3", "4", "5"]])).toBe('{"a":"1","a_3":"2","a_2":"3","a_4":"4","__proto__":"5"}\n');
});

test("rows without a field are empty objects", () => {
  expect(textOf([], [[], []])).toBe("{}\n{}\n");
});
