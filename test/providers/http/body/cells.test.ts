/** Values as APIs write them, in the canonical form of their field's type. */

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FieldFormat, HttpFieldType } from "../../../../src/providers/http/body/format.ts";
import { doubleText } from "../../../../src/rows/double.ts";
import { failureOf, field, json, rowsOf } from "./reading.ts";

type Case = [type: HttpFieldType, sent: string, cell: string | null, format?: FieldFormat];

const cell = async (type: HttpFieldType, sent: string, format?: FieldFormat) => {
  const rows = await rowsOf({ format: json(""), fields: [field("v", type, "/v", format)] }, `[{"v":${sent}}]`);
  return rows[0]?.[0];
};

test.each([
  ["bool", "true", "t"],
  ["bool", '"False"', "f"],
  ["bool", "1", "t"],
  ["int32", "-2147483648", "-2147483648"],
  ["int64", "9223372036854775807", "9223372036854775807"],
  ["int64", '"-9223372036854775808"', "-9223372036854775808"],
  ["int64", "1e3", "1000"],
  ["int64", "12.00", "12"],
  ["int64", "-0", "0"],
  ["uint64", "18446744073709551615", "18446744073709551615"],
  ["double", "0.1", "0.1"],
  ["double", "0.10", "0.1"],
  ["double", "1E2", "100"],
  ["double", "-0.0", "-0"],
  ["double", "123456789012345678", "1.2345678901234568e+17"],
  ["double", '"+Inf"', "Infinity"],
  ["double", '"NaN"', "NaN"],
  ["float", "0.1", "0.1"],
  ["decimal", "12.340", "12.340"],
  ["decimal", '"-0.00"', "0.00"],
  ["decimal", "1.5e3", "1500"],
  ["decimal", "1.5e-3", "0.0015"],
  ["decimal", "-1e400", `-1${"0".repeat(400)}`],
  ["string", '"a\\u0000\\ud83d\\ude00\\ud83d\\/"', "a\0😀\ufffd/"],
  ["string", "1.50", "1.50"],
  ["string", "false", "false"],
  ["string", '""', ""],
  ["enum", '"open"', "open"],
  ["other", '[1, "a"]', '[1, "a"]'],
  ["json", '"a\\u00e9"', '"a\\u00e9"'],
  ["json", '{"a": 1e5}', '{"a": 1e5}'],
  ["json", "null", null],
  ["bytes", '"AP+A"', "\\x00ff80"],
  ["bytes", '"AP-_"', "\\x00ffbf"],
  ["bytes", '"AA=="', "\\x00"],
  ["bytes", '"00Ff"', "\\x00ff", "hex"],
  ["date", '"2024-02-29"', "2024-02-29"],
  ["date", "86400", "1970-01-02", "epoch_seconds"],
  ["time", '"13:45"', "13:45:00"],
  ["time", '"13:45:00.500+0530"', "13:45:00.5+05:30"],
  ["time", '"13:45:00Z"', "13:45:00+00"],
  ["timestamp", '"2026-11-22T13:45:00.120"', "2026-11-22 13:45:00.12"],
  ["timestamp_tz", '"2026-11-22T13:45:00Z"', "2026-11-22 13:45:00+00"],
  ["timestamp_tz", '"2026-11-22T13:45:00.100Z"', "2026-11-22 13:45:00.1+00"],
  ["timestamp_tz", '"2026-11-22T13:45:00.000Z"', "2026-11-22 13:45:00+00"],
  ["timestamp_tz", '"2026-11-22T13:45:00.123456789Z"', "2026-11-22 13:45:00.123456+00"],
  ["timestamp_tz", '"2026-12-31T23:45:00.5-01:30"', "2027-01-01 01:15:00.5+00"],
  ["timestamp_tz", '"2026-11-22 13:45:00+02"', "2026-11-22 11:45:00+00"],
  ["timestamp_tz", '"2016-12-31T23:59:60Z"', "2017-01-01 00:00:00+00"],
  ["timestamp_tz", '"0001-01-01T00:00:00Z"', "0001-01-01 00:00:00+00"],
  ["timestamp_tz", '"2026-11-22T13:45:00"', "2026-11-22 13:45:00+00", "utc"],
  ["timestamp_tz", "1763819100", "2025-11-22 13:45:00+00", "epoch_seconds"],
  ["timestamp_tz", '"1763819100.25"', "2025-11-22 13:45:00.25+00", "epoch_seconds"],
  ["timestamp_tz", "1.7638191e9", "2025-11-22 13:45:00+00", "epoch_seconds"],
  ["timestamp_tz", "-0.5", "1969-12-31 23:59:59.5+00", "epoch_seconds"],
  ["timestamp_tz", "1763819100001", "2025-11-22 13:45:00.001+00", "epoch_ms"],
  ["timestamp", "1", "1970-01-01 00:00:00.001", "epoch_ms"],
  ["interval", '"P1Y2M3DT4H5M6.000007S"', "P1Y2M3DT4H5M6.000007S"],
  ["uuid", '"6F9619FF-8B86-D011-B42D-00CF4FC964FF"', "6f9619ff-8b86-d011-b42d-00cf4fc964ff"],
  ["uuid", '"6f9619ff8b86d011b42d00cf4fc964ff"', "6f9619ff-8b86-d011-b42d-00cf4fc964ff"],
] as Case[])("a field of type %s that is sent as %s reads %s", async (type, sent, want, format) => {
  expect(await cell(type, sent, format)).toBe(want);
});

test.each([
  ["bool", '"yes"', "a text"],
  ["bool", "2", "a number"],
  ["int32", "2147483648", "a number out of range"],
  ["int64", "9223372036854775808", "a number out of range"],
  ["int64", "1e400", "a number out of range"],
  ["int64", "1.5", "a fraction"],
  ["int64", '"secret"', "a text"],
  ["int64", '""', "a text"],
  ["uint64", "-1", "a number out of range"],
  ["double", "1e400", "a number out of range"],
  ["float", "1e39", "a number out of range"],
  ["decimal", "1e100000", "a number out of range"],
  ["decimal", '"1,5"', "a text"],
  ["string", "{}", "an object"],
  ["string", "[]", "an array"],
  ["bytes", '"a"', "a text"],
  ["bytes", '"a$=="', "a text"],
  ["bytes", '"abc"', "a text", "hex"],
  ["date", '"2026-02-29"', "a text"],
  ["date", "1", "a number"],
  ["time", '"24:00"', "a text"],
  ["timestamp", '"2026-11-22T13:45:00Z"', "a text"],
  ["timestamp_tz", '"2026-11-22T13:45:00"', "a text"],
  ["timestamp_tz", '"2026-13-22T13:45:00Z"', "a text"],
  ["timestamp_tz", '"2026-11-22T24:45:00Z"', "a text"],
  ["timestamp_tz", '"2026-11-22T13:45:00.Z"', "a text"],
  ["timestamp_tz", '"0001-01-01T00:00:00+01:00"', "a text"],
  ["timestamp_tz", "1763819100", "a number"],
  ["timestamp_tz", "1e30", "a number out of range", "epoch_seconds"],
  ["timestamp_tz", '"soon"', "a text", "epoch_ms"],
  ["interval", '"1 day"', "a text"],
  ["uuid", '"6f9619ff"', "a text"],
] as Case[])(
  "a field of type %s that is sent as %s is refused as %s, and the value is not told",
  async (type, sent, found, format) => {
    const failure = await failureOf(
      { format: json(""), fields: [field("price", type, "/v", format)] },
      `[{"v":${sent}}]`,
    );
    expect(failure).toMatchObject({ kind: "configuration_rejected", final: true, metadata: { field: "price", found } });
    expect(failure.message).toContain("`price` of `things`");
    expect(failure.message).not.toContain("secret");
  },
);

describe("any number", () => {
  test("of double precision is the shortest text that reads back the same", async () => {
    const numbers = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.nat(100_000).map((n) => n / 100),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(numbers), async (sent) => {
        const spellings = sent.flatMap((value) => [String(value), value.toExponential(), doubleText(value)]);
        const rows = await rowsOf({ format: json(""), fields: [field("v", "double", "")] }, `[${spellings.join()}]`);
        expect(rows.flat()).toEqual(spellings.map((text) => doubleText(Number(text))));
      }),
    );
  });

  test("of 64 bits is the same as sent", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), async (sent) => {
        const rows = await rowsOf({ format: json(""), fields: [field("v", "int64", "")] }, `[${sent.join()}]`);
        expect(rows.flat()).toEqual(sent.map(String));
      }),
    );
  });
});

test("any instant is the same, however it is written", async () => {
  const instants = fc.date({
    min: new Date("0001-01-02T00:00:00Z"),
    max: new Date("9999-12-30T00:00:00Z"),
    noInvalidDate: true,
  });
  const fields = [
    field("rfc", "timestamp_tz"),
    field("offset", "timestamp_tz"),
    field("s", "timestamp_tz", "/s", "epoch_seconds"),
    field("ms", "timestamp_tz", "/ms", "epoch_ms"),
  ];
  await fc.assert(
    fc.asyncProperty(instants, fc.integer({ min: -1_439, max: 1_439 }), async (instant, minutes) => {
      const ahead = Math.abs(minutes);
      const two = (value: number) => String(Math.floor(value)).padStart(2, "0");
      const local = new Date(instant.getTime() + minutes * 60_000).toISOString();
      fc.pre(/^\d{4}-/.test(local));
      const offset = `${local.slice(0, -1)}${minutes < 0 ? "-" : "+"}${two(ahead / 60)}:${two(ahead % 60)}`;
      const row = { rfc: instant, offset, s: instant.getTime() / 1_000, ms: instant.getTime() };
      const [cells = []] = await rowsOf({ format: json(""), fields }, JSON.stringify(row));
      expect(new Set(cells).size).toBe(1);
      expect(new Date(String(cells[0]).replace(" ", "T").replace("+00", "Z")).getTime()).toBe(instant.getTime());
    }),
  );
});
