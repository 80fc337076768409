import fc from "fast-check";
import mysql from "mysql2/promise";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Failure } from "../../../src/failure.ts";
import { mysqlDialect, sessionSettings } from "../../../src/providers/mysql/dialect.ts";
import { valueTypeOf } from "../../../src/providers/mysql/value-type.ts";
import { encodeOperand } from "../../../src/providers/query/operand.ts";
import type { ValueType } from "../../../src/providers/sql/dialect.ts";
import { isMariadb, versionNumbers } from "../../support/mysql-server.ts";

const [major = 0, minor = 0, patch = 0] = versionNumbers;
const dialect = mysqlDialect({ isMariaDb: isMariadb, version: [major, minor, patch] });

const typeOf = (columnType: string): ValueType =>
  valueTypeOf({
    dataType: columnType.split("(")[0] ?? "",
    columnType,
    characterSet: null,
    collation: null,
    isJson: false,
    isMariaDb: isMariadb,
  });

function encode(value: string, type: ValueType): string | undefined {
  try {
    return encodeOperand({ kind: "text", value }, type, "query.filter.compare.values[0]");
  } catch (error) {
    if (error instanceof Failure && error.kind === "invalid_request") return undefined;
    throw error;
  }
}

describe("a text that is accepted is one that the server reads as it is", () => {
  let connection: mysql.Connection;
  beforeAll(async () => {
    connection = await mysql.createConnection({ uri: inject("mariadbUrl"), charset: "utf8mb4_bin", rowsAsArray: true });
    await connection.query(`SET time_zone = '+00:00', sql_mode = ${sessionSettings.sql_mode}`);
  });
  afterAll(() => connection.end());

  const digits = (most: number, size = 2) =>
    fc.integer({ min: 0, max: most }).map((n) => String(n).padStart(size, "0"));
  const date = fc.tuple(digits(9_999, 4), digits(13), digits(32)).map((parts) => parts.join("-"));
  const fraction = fc.constantFrom("", ".1", ".000001", ".9999999");
  const clock = (hours: number) =>
    fc.tuple(digits(hours), digits(61), digits(61), fraction).map(([h, m, s, f]) => `${h}:${m}:${s}${f}`);
  const offset = fc.constantFrom("", "Z", "+00", "-07:30", "+15:59", "+16", "+0200", "+01:02:03");
  const joint = fc.constantFrom(" ", "T");
  const number = fc.oneof(
    fc.double().map(String),
    fc.string({ unit: fc.constantFrom("1", "0", "9", ".", "-", "+", "e", "NaN", "Infinity") }),
    fc.constantFrom(
      "1e64",
      "1e65",
      "1e-30",
      "1e-31",
      "1e400",
      "1e39",
      "-.5",
      "5.",
      "0e-999",
      `${"9".repeat(35)}.${"9".repeat(30)}`,
    ),
  );

  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.constantFrom("::ffff:10.0.0.1", "06e9:f9ed:0a3:57:49cb:d2:254.254.149.129", "fe80::1%eth0", ":::"),
  );

  test.each<[string, fc.Arbitrary<string>]>([
    ["date", date],
    ["time(6)", fc.tuple(fc.constantFrom("", "-"), clock(900)).map((parts) => parts.join(""))],
    ["datetime(6)", fc.tuple(date, joint, clock(24)).map((parts) => parts.join(""))],
    ["timestamp(6)", fc.tuple(date, joint, clock(24), offset).map((parts) => parts.join(""))],
    ["decimal(65,30)", number],
    ["double", number],
    ["float", number],
    ["bit(5)", fc.string({ unit: fc.constantFrom("0", "1", "2"), maxLength: 6 })],
    ...(isMariadb ? [["inet6", address] as [string, fc.Arbitrary<string>]] : []),
  ])("%s", async (columnType, texts) => {
    let accepted = 0;
    const type = typeOf(columnType);
    await fc.assert(
      fc.asyncProperty(texts, async (value) => {
        const operand = encode(value, type);
        if (operand === undefined) return;
        accepted++;
        const sent: string[] = [];
        const read = dialect.operand(operand, type, (text) => dialect.placeholder(sent.push(text)));
        // A statement that reads from nothing leaves the warnings of the one before it.
        const sql = `SELECT ${read} IS NULL FROM (SELECT 1) AS one`;
        const [[row]] = (await connection.execute(sql, sent)) as unknown as [[unknown[]]];
        const [[warning]] = (await connection.query("SHOW WARNINGS")) as unknown as [unknown[][]];
        expect([row, warning], value).toEqual([[0], undefined]);
      }),
      { numRuns: 400 },
    );
    expect(accepted).toBeGreaterThan(5);
  });
});

test.each<[string, string[]]>([
  ["date", ["0000-00-00", "2026-00-00", "2026-11-00", "0001-01-01", "9999-12-31", "2024-02-29"]],
  ["time(6)", ["-838:59:59", "838:59:59", "00:00:00", "13:45", "24:00:00.000001"]],
  ["datetime(6)", ["0000-00-00 00:00:00", "2026-00-00 00:00:00", "2026-11-22T13:45:00.000001"]],
  ["timestamp(6)", ["0000-00-00 00:00:00+00", "2026-11-22T13:45:00-07:30"]],
  ["decimal(5,2)", ["1e64", "0.000000000000000000000000000001", "1e-30", "1".repeat(65)]],
  ["bit(3)", ["0", "101"]],
])("the values of %s are accepted", (columnType, texts) => {
  for (const value of texts) expect(encode(value, typeOf(columnType)), value).toBeDefined();
});

test.each([true, false])("the longest time has a fraction at MariaDB only: %s", (isMariaDb) => {
  const described = { columnType: "time(6)", dataType: "time", characterSet: null, collation: null, isJson: false };
  const type = valueTypeOf({ ...described, isMariaDb });
  for (const value of ["838:59:59", "-838:59:59.000", "838:59:58.999999"]) expect(encode(value, type)).toBe(value);
  for (const value of ["838:59:59.5", "-838:59:59.000001"]) {
    expect(encode(value, type)).toBe(isMariaDb ? value : undefined);
  }
});

test("an instant is told in UTC, across days and years", () => {
  const sent = (value: string) => {
    const type = typeOf("timestamp(6)");
    const parameters: string[] = [];
    dialect.operand(encode(value, type) ?? "", type, (text) => dialect.placeholder(parameters.push(text)));
    return parameters[0];
  };
  expect(sent("2026-12-31T23:30:00.000001-01:00")).toBe("2027-01-01 00:30:00.000001");
  expect(sent("2026-01-01 00:15+00:30")).toBe("2025-12-31 23:45:00");
  expect(sent("0099-03-01 00:00:00+01")).toBe("0099-02-28 23:00:00");
  expect(sent("2026-11-22 13:45:00Z")).toBe("2026-11-22 13:45:00");
});

test("MySQL gets every operand as a text, which it would read by other rules than those of the cast", () => {
  const { operand } = mysqlDialect({ isMariaDb: false, version: [9, 7, 4] });
  const bind = () => "?";
  expect(operand("18446744073709551615", { ...typeOf("bigint"), type: "uint64" }, bind)).toBe(
    "CAST(CONVERT(? USING utf8mb4) AS UNSIGNED)",
  );
  expect(operand("24:00:00.5", typeOf("time(6)"), bind)).toBe("CAST(CONVERT(? USING utf8mb4) AS TIME(6))");
  // A text has the character set of what it is compared with.
  expect(operand("a", { ...typeOf("text"), type: "string" }, bind)).toBe("?");
});
