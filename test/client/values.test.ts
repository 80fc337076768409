import { describe, expect, test } from "vitest";
import type { Cell } from "../../src/client/decode/scalar.ts";
import { Format } from "../../src/gen/connector/v1/stream_pb.js";
import { type Field, FieldType } from "../../src/gen/connector/v1/value_pb.js";
import {
  clientOf,
  collect,
  connectorId,
  fieldOf,
  header,
  packed,
  streaming,
  trailer,
  type ValueKind,
  values,
} from "./service.ts";

const { BOOL, INT32, INT64, UINT64, FLOAT, DOUBLE, DECIMAL, STRING, BYTES, DATE, TIME, TIMESTAMP } = FieldType;
const { TIMESTAMP_TZ, INTERVAL, UUID, JSON: JSON_, ARRAY, STRUCT, ENUM, OTHER } = FieldType;

const nullKind: ValueKind = { case: "null", value: 0 };

interface Case {
  readonly field: Field;
  /** As PACKED carries it. */
  readonly text: string;
  /** As VALUES carries it; by default the text. */
  readonly kind?: ValueKind;
  readonly cell: Cell;
}

const one = (type: FieldType, text: string, cell: Cell = text, kind?: ValueKind): Case => ({
  field: fieldOf("x", type),
  text,
  cell,
  ...(kind && { kind }),
});
const array = (elementType: FieldType, text: string, cell: Cell[], nativeType = ""): Case => ({
  field: fieldOf("x", ARRAY, elementType, nativeType),
  text,
  cell,
});
const int64 = (type: FieldType, value: bigint, cell: Cell): Case =>
  one(type, `${value}`, cell, { case: "int64", value });
const double = (type: FieldType, text: string): Case => {
  const value = Number(text);
  return one(type, text, value, { case: "double", value });
};
const string = (type: FieldType, value: string): Case => one(type, value, value, { case: "string", value });

const cases: readonly Case[] = [
  one(BOOL, "t", true, { case: "bool", value: true }),
  one(BOOL, "f", false, { case: "bool", value: false }),
  ...[0n, 7n, -1n, 2n ** 31n - 1n, -(2n ** 31n)].map((value) => int64(INT32, value, Number(value))),
  ...[
    0n,
    -1n,
    127n,
    128n,
    2n ** 53n + 1n,
    -(2n ** 53n) - 1n,
    2n ** 63n - 1n,
    -(2n ** 63n),
    10n ** 15n - 1n,
    -(10n ** 15n),
  ].map((value) => int64(INT64, value, value)),
  ...[0n, 2n ** 49n, 2n ** 64n - 1n].map((value) => one(UINT64, `${value}`, value, { case: "uint64", value })),
  ...["0", "-0", "0.1", "-12.5", "1e-300", "1.7976931348623157e+308", "5e-324", "NaN", "Infinity", "-Infinity"].map(
    (text) => double(DOUBLE, text),
  ),
  double(FLOAT, "0.1"),
  one(DECIMAL, "-12345678901234567890.123456789012345678900"),
  one(DECIMAL, "NaN"),
  string(STRING, ""),
  string(STRING, "plain text of some length"),
  string(STRING, "Zürich, 東京, 🦉"),
  string(STRING, `\uFEFF${"long ".repeat(60)}ü`),
  one(BYTES, "\\x00ff80fe", Uint8Array.of(0, 255, 128, 254), { case: "bytes", value: Uint8Array.of(0, 255, 128, 254) }),
  one(BYTES, "\\x", new Uint8Array(), { case: "bytes", value: new Uint8Array() }),
  one(DATE, "0044-03-15 BC"),
  one(TIME, "13:45:00.000001+02"),
  one(TIMESTAMP, "infinity"),
  one(TIMESTAMP_TZ, "2026-11-22 13:45:00.000001+00"),
  one(INTERVAL, "P1Y2M3DT4H5M6.000007S"),
  one(UUID, "0b8f0f2e-6f0a-4d3e-9a55-0b6b2ad1c3f7"),
  one(JSON_, '{"n": 12345678901234567890, "ü": 1.0}'),
  one(STRUCT, '(1,"a b",)'),
  one(ENUM, "zwölf"),
  one(OTHER, "[1,5)"),
  array(INT32, "{1,NULL,-3}", [1, null, -3]),
  array(INT64, "{{1,2},{3,9223372036854775807}}", [
    [1n, 2n],
    [3n, 9223372036854775807n],
  ]),
  array(INT32, "[0:1]={7,8}", [7, 8]),
  array(BOOL, "{t,f}", [true, false]),
  array(DOUBLE, "{1.5,NaN}", [1.5, Number.NaN]),
  array(BYTES, '{"\\\\x01ff"}', [Uint8Array.of(1, 255)]),
  array(STRING, '{"a b","",NULL,"NULL","q\\"\\\\","{}",ü}', ["a b", "", null, "NULL", 'q"\\', "{}", "ü"]),
  array(STRING, "{}", []),
  array(OTHER, "{(1,1),(0,0);(2,2),(1,1)}", ["(1,1),(0,0)", "(2,2),(1,1)"], "box[]"),
];

describe.each(["packed", "values"] as const)("%s", (format) => {
  test.each(cases)("$field.type $text reads as it is", async ({ field, text, kind, cell }) => {
    // Neighbours with many bytes and none show a cell that is cut in the wrong place.
    const fields = [fieldOf("before", STRING), field, fieldOf("null", field.type, field.elementType)];
    const messages =
      format === "packed"
        ? [header(fields), packed(["«", text, null], [null, text, null]), trailer(2n)]
        : [
            header(fields, Format.VALUES),
            values(
              [{ case: "string", value: "«" }, kind ?? { case: "text", value: text }, nullKind],
              [nullKind, kind ?? { case: "text", value: text }, nullKind],
            ),
            trailer(2n),
          ];
    const client = await clientOf(streaming(...messages));

    const rows = await collect(client.stream(connectorId, { resource: "x" }, { format }));

    expect(rows.map((row) => row.toArray())).toEqual([
      ["«", cell, null],
      [null, cell, null],
    ]);
  });
});
