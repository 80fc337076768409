import fc from "fast-check";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Failure } from "../../../src/failure.ts";
import type { Operand } from "../../../src/providers/contract.ts";
import { encodeOperand } from "../../../src/providers/query/operand.ts";
import type { ValueType } from "../../../src/providers/query/value-type.ts";
import type { FieldType } from "../../../src/rows/field.ts";
import { type FreshDatabase, freshDatabase } from "../../support/postgres.ts";

const typeOf = (type: FieldType, nativeType: string): ValueType => ({
  type,
  nativeType,
  castType: nativeType,
  comparison: "ordered",
});

function encode(operand: Operand, type: ValueType): string | undefined {
  try {
    return encodeOperand(operand, type, "query.filter.compare.values[0]");
  } catch (error) {
    if (error instanceof Failure && error.kind === "invalid_request") return undefined;
    throw error;
  }
}

describe("a text that is accepted is one that PostgreSQL reads", () => {
  let database: FreshDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    database = await freshDatabase();
    client = new pg.Client({ connectionString: database.url, options: "-c TimeZone=UTC -c IntervalStyle=iso_8601" });
    await client.connect();
  });
  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  const two = fc.integer({ min: 0, max: 62 }).map((n) => String(n).padStart(2, "0"));
  const year = fc.oneof(
    fc.integer({ min: 0, max: 9_999 }),
    fc.constantFrom(4_713, 4_714, 294_275, 294_277, 5_874_897, 5_874_898),
  );
  const date = fc
    .tuple(year, fc.integer({ min: 0, max: 13 }), fc.integer({ min: 0, max: 32 }))
    .map(([y, m, d]) => [String(y).padStart(4, "0"), String(m).padStart(2, "0"), String(d).padStart(2, "0")].join("-"));
  const era = fc.constantFrom("", "", " BC");
  const fraction = fc.constantFrom("", ".1", ".000001", ".9999999");
  const time = fc.oneof(
    fc
      .tuple(fc.integer({ min: 0, max: 24 }), two, two, fraction)
      .map(([h, m, s, f]) => `${String(h).padStart(2, "0")}:${m}:${s}${f}`),
    fc.constantFrom("24:00:00", "24:00", "23:59"),
  );
  const offset = fc.constantFrom("", "Z", "+00", "-07:30", "+15:59", "+16", "+0200", "+01:02:03");
  const joint = fc.constantFrom(" ", "T");
  const duration = fc.string({ unit: fc.constantFrom("P", "T", "1", "20", "-3", "Y", "M", "W", "D", "H", "S", ".5") });
  const number = fc.oneof(
    fc.double().map(String),
    fc.string({ unit: fc.constantFrom("1", "0", "9", ".", "-", "+", "e", "E", "NaN", "Infinity") }),
    fc.constantFrom("1e400", "1e-400", "1e39", "1e-46", "0e-999", "1e10000", "1e99999", ".", "-.5", "5."),
  );

  test.each<[string, FieldType, fc.Arbitrary<string>]>([
    ["date", "date", fc.tuple(date, era).map((parts) => parts.join(""))],
    ["time", "time", time],
    ["time with time zone", "time", fc.tuple(time, offset).map((parts) => parts.join(""))],
    ["timestamp", "timestamp", fc.tuple(date, joint, time, era).map((parts) => parts.join(""))],
    ["timestamptz", "timestamp_tz", fc.tuple(date, joint, time, offset, era).map((parts) => parts.join(""))],
    ["interval", "interval", duration.map((text) => `P${text}`)],
    ["numeric", "decimal", number],
    ["float8", "double", number],
    ["float4", "float", number],
  ])("%s", async (nativeType, type, texts) => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(texts, async (value) => {
        const text = encode({ kind: "text", value }, typeOf(type, nativeType));
        if (text === undefined) return;
        accepted++;
        await client.query(`SELECT $1::${nativeType}`, [text]);
      }),
      { numRuns: 1_500 },
    );
    expect(accepted).toBeGreaterThan(5);
  });
});

test.each<[FieldType, string[]]>([
  ["date", ["2026-11-22", "0044-03-15 BC", "infinity", "-infinity", "2024-02-29", "0001-02-29 BC"]],
  ["time", ["13:45:00.000001", "24:00:00", "13:45"]],
  ["timestamp", ["2026-11-22 13:45:00.000001", "2026-11-22T13:45:00", "infinity", "4713-12-31 23:59:59 BC"]],
  ["timestamp_tz", ["2026-11-22 13:45:00.000001+00", "2026-11-22T13:45:00Z", "2026-11-22T13:45:00-07:30", "infinity"]],
  ["interval", ["P1Y2M3DT4H5M6.000007S", "P-1D", "PT0S", "P2W"]],
  ["uuid", ["0190F3A2-7c1e-7b7a-9d2e-3f1b5c6d7e8f"]],
  ["bytes", ["\\x", "\\x00Ff"]],
  ["bool", ["t", "f", "true", "false"]],
])("the canonical texts of %s are accepted", (type, texts) => {
  for (const value of texts) expect(encode({ kind: "text", value }, typeOf(type, type))).toBeDefined();
});

test.each<[FieldType, string[]]>([
  ["date", ["2026-02-29", "2026-13-01", "22.11.2026", "tomorrow", "now", "2026-11-22 10:00", "0000-01-01"]],
  ["time", ["24:00:01", "10:00+02", "10:60", "now", "1:00"]],
  ["timestamp", ["2026-11-22T10:00:00Z", "2026-11-22", "2026-11-22 10:00:00.1234567", "epoch"]],
  ["timestamp_tz", ["2026-11-22 10:00:00", "2026-11-22 10:00:00 Europe/Berlin"]],
  ["interval", ["1 day", "P", "PT", "P1S", ""]],
  ["uuid", ["{0190f3a2-7c1e-7b7a-9d2e-3f1b5c6d7e8f}", "0190f3a27c1e7b7a9d2e3f1b5c6d7e8f"]],
  ["bytes", ["00", "\\x0", "\\xzz"]],
  ["bool", ["yes", "1", "TRUE"]],
  ["int32", ["2147483648", "1.0", "", " 1", "1e3", "9".repeat(1_000_000)]],
  ["int64", ["9223372036854775808", "-9223372036854775809"]],
  ["uint64", ["-1", "18446744073709551616"]],
])("what only looks like %s is refused", (type, texts) => {
  for (const value of texts) expect(encode({ kind: "text", value }, typeOf(type, type))).toBeUndefined();
});

test("numbers are sent exactly as they were given", () => {
  const encoded = (operand: Operand, type: FieldType) => encode(operand, typeOf(type, type));
  expect(encoded({ kind: "integer", value: -(2n ** 63n) }, "int64")).toBe("-9223372036854775808");
  expect(encoded({ kind: "integer", value: 2n ** 64n - 1n }, "uint64")).toBe("18446744073709551615");
  expect(encoded({ kind: "text", value: "+007" }, "int32")).toBe("7");
  expect(encoded({ kind: "double", value: 3 }, "int32")).toBe("3");
  expect(encoded({ kind: "double", value: 2 ** 60 }, "int64")).toBeUndefined();
  expect(encoded({ kind: "text", value: "0.10000000000000000000000000000001" }, "decimal")).toHaveLength(34);
  expect(encoded({ kind: "double", value: Number.NaN }, "double")).toBe("NaN");
});
