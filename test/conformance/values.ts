/** The values that every source must hold, whatever it is: in their canonical text. */
import type { FieldType } from "../../src/rows/field.ts";
import type { Fixture } from "./fixture.ts";

export interface TypeValues {
  /** In ascending order, by which filters and orders are judged. */
  readonly ascending: readonly string[];
  /** More that must come back to the letter. */
  readonly extremes?: readonly string[];
  /** False for a type that sources order each in its own way, or not at all. */
  readonly ordered?: false;
}

const allBytes = `\\x${Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0")).join("")}`;

/** All types but STRUCT and OTHER, which have no values that two sources share. */
export const valuesOf: Partial<Record<FieldType, TypeValues>> = {
  bool: { ascending: ["f", "t"] },
  int32: { ascending: ["-2147483648", "-1", "0", "7", "2147483647"] },
  int64: {
    ascending: ["-9223372036854775808", "-9007199254740993", "0", "9007199254740993", "9223372036854775807"],
  },
  uint64: { ascending: ["0", "9007199254740993", "9223372036854775808", "18446744073709551615"] },
  float: {
    ascending: ["-3.4028235e+38", "-0.1", "0", "1.5", "16777216", "3.4028235e+38"],
    extremes: ["1.1754944e-38"],
  },
  double: {
    ascending: ["-1.7976931348623157e+308", "-1e-05", "0", "2.2250738585072014e-308", "0.1", "1.7976931348623157e+308"],
    extremes: ["0.30000000000000004", "123456789012345680", "9007199254740993.5"],
  },
  decimal: {
    ascending: [
      "-12345678901234567890.1234567890",
      "-0.0000000001",
      "0.0000000000",
      "0.1000000000",
      "12345678901234567890.1234567890",
    ],
    extremes: ["99999999999999999999.9999999999"],
  },
  string: {
    ascending: ["", "0 apples", "Bern", "Chur", "zoo"],
    extremes: [
      "Zürich, 東京",
      "🦉 四 𝄞",
      "two\nlines\r\n\ttab",
      `quotes " ' \` \\ {} , ()`,
      "NULL",
      "%_[a-z]$1 ?",
      "\u0001\u007f\u0085\u2028\ufeff",
      "long ".repeat(20),
    ],
  },
  bytes: { ascending: ["\\x", "\\x00", "\\x0001", "\\x5c78", "\\xff"], extremes: [allBytes] },
  date: { ascending: ["1000-01-01", "1970-01-01", "2000-02-29", "2026-11-22", "9999-12-31"] },
  time: { ascending: ["00:00:00", "00:00:00.1", "13:45:00.000001", "23:59:59.999999"] },
  timestamp: {
    ascending: [
      "1000-01-01 00:00:00",
      "2026-11-22 13:45:00.000001",
      "2026-11-22 13:45:00.12",
      "9999-12-31 23:59:59.999999",
    ],
  },
  timestamp_tz: {
    ascending: [
      "1970-01-02 00:00:00+00",
      "2026-03-29 01:30:00+00",
      "2026-11-22 13:45:00.000001+00",
      "2038-01-18 03:14:07.5+00",
    ],
  },
  interval: { ascending: ["P-1Y-2M3DT-4H-5M-6.000007S", "PT0S", "PT0.000001S", "P1DT2H", "P1Y2M3DT4H5M6.000007S"] },
  uuid: {
    ascending: [
      "00000000-0000-0000-0000-000000000000",
      "0190f3a2-7c1e-7b7a-9d2e-3f1b5c6d7e8f",
      "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ],
    ordered: false,
  },
  json: { ascending: ["[]", "null", '"ü 🦉"', '{"a": 1, "b": [null, true]}', "9007199254740993"], ordered: false },
  array: { ascending: ["{}", "{1,2,3}", "{1,NULL}"], ordered: false },
  enum: { ascending: ["sad", "ok", "happy"] },
};

/** The types that a source has and the suite has values of, in the suite's order. */
export function typesOf({ types, lacks = {} }: Fixture): readonly (readonly [FieldType, TypeValues])[] {
  const all = Object.entries(valuesOf) as [FieldType, TypeValues][];
  return all
    .filter(([type]) => type in types)
    .map(([type, { ascending, ...more }]) => {
      return [type, { ...more, ascending: ascending.filter((value) => lacks[type]?.includes(value) !== true) }];
    });
}
