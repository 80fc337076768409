/** The types of MySQL and MariaDB, as the tests of the shared SQL know them. */
import fc from "fast-check";
import mysql from "mysql2/promise";
import { lookUpResource } from "../../../src/providers/mysql/catalogue.ts";
import { SourceConnection } from "../../../src/providers/mysql/connection.ts";
import { mysqlDialect, sessionSettings } from "../../../src/providers/mysql/dialect.ts";
import type { Run } from "../../../src/providers/sql/run.ts";
import { freshMysqlDatabase } from "../../support/mariadb.ts";
import { isMariadb } from "../../support/mysql-server.ts";
import {
  byBytes,
  byInteger,
  byNumber,
  byPlace,
  bytes,
  type Column,
  type Engine,
  equalOnly,
  integer,
  number,
  plain,
  strangeTexts,
  text,
  textual,
} from "../sql/engine.ts";
import { dial, loginOf, timeoutMs } from "./opened.ts";

/** Most collations take a text for one that is followed by spaces. */
const padded = (a: string, b: string) => {
  const length = Math.max(a.length, b.length);
  return byBytes(a.padEnd(length), b.padEnd(length));
};
const folded = (cell: string) => cell.toUpperCase().replaceAll("É", "E");
const moods = ["sad", "ok", "happy"];
const instant = (cell: string) => (cell.startsWith("0000") ? cell : cell.replace("+00", "Z").replace(" ", "T"));

const columns: Record<string, Column> = {
  i: {
    sql: "bigint",
    cells: ["-9223372036854775808", "-1", "0", "1", "9223372036854775807"],
    random: fc.bigInt({ min: -100n, max: 100n }).map(String),
    operand: (cell) => (cell.length % 2 ? integer(cell) : text(cell)),
    compare: byInteger,
    operators: plain,
  },
  u: {
    sql: "bigint unsigned",
    cells: ["0", "1", "9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551615"],
    operand: integer,
    compare: byInteger,
    operators: plain,
  },
  n: {
    sql: "tinyint(1)",
    cells: ["-128", "0", "1", "2", "127"],
    operand: integer,
    compare: byInteger,
    operators: plain,
  },
  y: {
    sql: "year",
    cells: ["0", "1901", "1970", "2000", "2155"],
    operand: integer,
    compare: byInteger,
    operators: plain,
  },
  d: {
    sql: "decimal(65,30)",
    cells: [
      "-99999999999999999999999999999999999.999999999999999999999999999999",
      "0",
      "0.000000000000000000000000000001",
      "1",
      "1.000000000000000000000000000001",
      "99999999999999999999999999999999999.999999999999999999999999999999",
    ],
    operandsOnly: [
      "1e64",
      "-1e64",
      "99999999999999999999999999999999999999999999999999999999999999999",
      "1e-30",
      "10e-1",
    ],
    compare: byDecimal,
    operators: plain,
  },
  f: {
    sql: "float",
    cells: ["-3.4028235e+38", "0", "0.1", "1e-45", "16777216", "3.4028235e+38"],
    random: fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => String(value === 0 ? 0 : value)),
    operand: (cell) => (cell.length % 2 ? number(cell) : text(cell)),
    compare: (a, b) => byNumber(String(Math.fround(Number(a))), String(Math.fround(Number(b)))),
    operators: plain,
  },
  x: {
    sql: "double",
    cells: ["-1.7976931348623157e+308", "0", "5e-324", "0.1", "0.30000000000000004"],
    random: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => String(value === 0 ? 0 : value)),
    operand: number,
    compare: byNumber,
    operators: plain,
  },
  s: {
    sql: "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    cells: ["", "a", "a ", "a\n", "A", "ab", "%", "_b", "a\\", "NULL", "𝒳"],
    random: strangeTexts,
    compare: padded,
    operators: textual,
  },
  c: {
    sql: "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
    cells: ["", "a", "A", "a ", "A  ", "ab", "AB", "b", "é", "E", "e"],
    random: fc.string({ unit: fc.constantFrom("a", "A", "é", "É", "e", "%", " "), maxLength: 4 }),
    compare: (a, b) => padded(folded(a), folded(b)),
    operators: textual,
  },
  p: {
    // A `ch` comes after an `h`.
    sql: "varchar(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_czech_ci",
    cells: ["", "c", "ch", "cha", "chb", "Ch", "cz", "h", "c\n", "c\u0001h", "c𝒳a"],
    random: strangeTexts,
    compare: byBytes,
    operators: ["contains", "starts_with", "is_null"],
    unordered: true,
  },
  th: {
    // A vowel that is written before a consonant comes after it, in newer collations together with it.
    sql: `varchar(20) CHARACTER SET utf8mb4 COLLATE ${isMariadb ? "uca1400_ai_ci" : "utf8mb4_0900_ai_ci"}`,
    cells: ["", "ไ", "ไก", "ไกa", "ก", "กa", "aไก"],
    compare: byBytes,
    operators: ["contains", "starts_with", "is_null"],
    unordered: true,
  },
  l: {
    sql: "text CHARACTER SET latin1 COLLATE latin1_bin",
    cells: ["", "a", "A", "é", "é ", "aé", "?", "%"],
    compare: padded,
    operators: textual,
    keyless: true,
  },
  o: {
    sql: "varchar(20) CHARACTER SET latin1 COLLATE latin1_bin",
    cells: ["", "a", "é", "?", "??", "é?"],
    // What the character set can't hold, and would turn into question marks.
    operandsOnly: ["𝒳", "é𝒳", "Ω"],
    compare: padded,
    operators: [...equalOnly, "contains", "starts_with"],
    keyless: true,
    unordered: true,
  },
  g: {
    sql: "text CHARACTER SET utf16 COLLATE utf16_bin",
    cells: ["", "a", "é", "𝒳", "a𝒳", "\u{ff5e}"],
    compare: padded,
    operators: textual,
    keyless: true,
  },
  h: {
    sql: "char(4) CHARACTER SET ascii COLLATE ascii_bin",
    cells: ["", "a", "b", "ab"],
    operandsOnly: ["é", "aé"],
    compare: padded,
    operators: [...equalOnly, "contains", "starts_with"],
  },
  b: {
    sql: "varbinary(20)",
    cells: ["\\x", "\\x00", "\\x61", "\\x6100", "\\x80ff", "\\xff"],
    operand: bytes,
    compare: byBytes,
    operators: plain,
  },
  k: {
    sql: "binary(3)",
    cells: ["\\x000000", "\\x610000", "\\xffffff"],
    operand: bytes,
    compare: byBytes,
    operators: plain,
  },
  a: {
    sql: "date",
    cells: ["0000-00-00", "2026-00-00", "2026-11-00", "1000-01-01", "2024-02-29", "9999-12-31"],
    compare: byBytes,
    operators: plain,
  },
  e: {
    sql: "datetime(6)",
    cells: [
      "0000-00-00 00:00:00",
      "2026-11-00 00:00:00",
      "2026-11-22 13:45:00.000001",
      "2026-11-22 13:45:00",
      "9999-12-31 23:59:59.999999",
    ],
    operand: (cell) => text(cell.replace(" ", "T")),
    compare: padded,
    operators: plain,
  },
  t: {
    sql: "timestamp(6)",
    cells: [
      "0000-00-00 00:00:00+00",
      "1970-01-01 00:00:01+00",
      "2026-11-22 13:45:00.000001+00",
      "2026-11-22 13:45:00+00",
      "2038-01-19 03:14:07.999999+00",
    ],
    operandsOnly: [
      "2026-11-22 14:45:00.000001+01:00",
      "2026-11-22 08:15:00-05:30",
      "9999-12-31 23:59:59+00",
      "0001-01-01 00:00:00-10",
    ],
    operand: (cell) => text(instant(cell)),
    compare: (a, b) => byBytes(utc(a), utc(b)),
    operators: plain,
  },
  q: {
    sql: "time(6)",
    cells: ["-838:59:59", "-00:00:00.000001", "00:00:00", "13:45:00.5", "24:00:00", "838:59:59"],
    compare: byPlace(["-838:59:59", "-00:00:00.000001", "00:00:00", "13:45:00.5", "24:00:00", "838:59:59"]),
    operators: plain,
  },
  m: {
    sql: "enum('sad','ok','happy') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    cells: moods,
    compare: byPlace(moods),
    operators: plain,
  },
  w: {
    sql: "set('x','y','z') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    cells: ["", "x", "y", "x,z", "x,y,z"],
    compare: padded,
    operators: [...equalOnly, "contains", "starts_with"],
    keyless: true,
    unordered: true,
  },
  v: { sql: "bit(10)", cells: ["0000000000", "0000000001", "1111111111"], compare: byBytes, operators: plain },
  j: {
    sql: "json",
    cells: ['{"a": 1, "b": [true]}', "[]", "1", '"x"'],
    operandsOnly: ['{"b":[true],"a":1}'],
    compare: (a, b) => byBytes(normal(a), normal(b)),
    operators: equalOnly,
    keyless: true,
    unordered: true,
  },
  z: {
    sql: "inet6",
    cells: ["::", "::1", "2001:db8::1", "ffff::"],
    compare: byPlace(["::", "::1", "2001:db8::1", "ffff::"]),
    operators: plain,
  },
  r: {
    sql: "uuid",
    cells: [
      "00000000-0000-0000-0000-000000000000",
      "0190f3a2-7c1e-7b7a-9d2e-3f1b5c6d7e8f",
      "0190f3a2-7c1e-7b7a-9d2e-3f1b5c6d7e90",
    ],
    operand: (cell) => text(cell.toUpperCase()),
    compare: (a, b) => byBytes(a.toLowerCase(), b.toLowerCase()),
    operators: plain,
  },
};

/** A document whatever the order and the spaces of its parts. */
const normal = (json: string) => json.replace('{"b":[true],"a":1}', '{"a": 1, "b": [true]}');

function byDecimal(a: string, b: string): number {
  const [x, y] = [scaled(a), scaled(b)];
  return x === y ? 0 : x < y ? -1 : 1;
}

/** Units of the thirtieth digit behind the point. */
function scaled(text: string): bigint {
  const [number = "", exponent = "0"] = text.split("e");
  const [whole = "", fraction = ""] = number.split(".");
  return BigInt(`${whole}${fraction}`) * 10n ** BigInt(30 + Number(exponent) - fraction.length);
}

const offsets: Record<string, string> = {
  "2026-11-22 14:45:00.000001+01:00": "2026-11-22 13:45:00.000001",
  "2026-11-22 08:15:00-05:30": "2026-11-22 13:45:00",
  "0001-01-01 00:00:00-10": "0001-01-01 10:00:00",
};
const utc = (cell: string) => (offsets[cell] ?? cell.replace("+00", "")).padEnd(20, ".").padEnd(26, "0");

/** Types that MySQL does not have. */
const ofMariaDb = ["r", "z"];

export const mariadb: Engine = {
  columns: Object.fromEntries(Object.entries(columns).filter(([name]) => isMariadb || !ofMariaDb.includes(name))),
  async open() {
    const { url, drop } = await freshMysqlDatabase();
    const [login, password] = loginOf(url);
    const writer = await mysql.createConnection({ uri: url, charset: "utf8mb4_bin" });
    const settings = Object.entries({ ...sessionSettings, sql_mode: "'ALLOW_INVALID_DATES'", time_zone: "'+00:00'" });
    await writer.query(`SET ${settings.map(([name, value]) => `${name} = ${value}`).join(", ")}`);
    const reader = await SourceConnection.open(login, password, dial, AbortSignal.timeout(timeoutMs));
    const select: Run = (text, parameters) => reader.rows({ text, parameters }, timeoutMs);
    const { server } = reader;
    return {
      dialect: mysqlDialect(server),
      async run(text, parameters) {
        if (/^(?:SELECT|EXPLAIN) /.test(text)) return select(text, parameters);
        await writer.execute(text, [...parameters]);
        return [];
      },
      resource: (name) => lookUpResource(select, name, { database: login.database, server }),
      async close() {
        reader.close();
        await writer.end();
        await drop();
      },
    };
  },
};
