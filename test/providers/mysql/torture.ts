/** A table that holds the hard values of every type of MySQL and MariaDB. */
import { FieldType } from "../../../src/gen/connector/v1/value_pb.js";
import { isMariadb, keepsNegativeZero, versionNumbers } from "../../support/mysql-server.ts";
import { shapes } from "./shapes.ts";
import { column, type Given, literal, named, type TortureColumn } from "./torture-column.ts";

const { INT32, INT64, UINT64, FLOAT, DOUBLE, DECIMAL, STRING, BYTES, DATE, TIME, TIMESTAMP } = FieldType;
const { TIMESTAMP_TZ, UUID, JSON: DOCUMENT, ENUM, OTHER } = FieldType;

const nines = (count: number) => "9".repeat(count);
const allBytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0")).join("");
const bytes = (hex: string): Given => [hex === "" ? "''" : `X'${hex}'`, `\\x${hex}`];
const texts = ["", "plain", "two\nlines\r\n\ttab", `quotes " ' \\ {} , ()`, "NULL", "a\0b \u0001\u007f", "%_|"];
const unicode = [...texts, "Zürich, 東京", "🦉 四 𝄞", "trailing  "];

/** What MySQL keeps of a document is its values. */
const documents: readonly Given[] = [
  ['{"a" :  1,\n "a":2 , "big": 12345678901234567890.10}', '{"a": 2, "big": 1.2345678901234567e19}'],
  ["null", "null"],
  [' "ü🦉" ', '"ü🦉"'],
].map(([text = "", kept = ""]) => (isMariadb ? text : [literal(text), kept]));

/** A TIMESTAMP of MySQL's begins a second later. */
const firstInstant = isMariadb ? "1970-01-01 00:00:00.000001" : "1970-01-01 00:00:01.000001";

/** And a TIME of it ends sooner. */
const longestTime = isMariadb ? "838:59:59.999999" : "838:59:59";

const integers = [
  column("tinyint", INT32, "-128", "127", "0"),
  column("tinyint(1)", INT32, "-128", "2", "1", "0"),
  column("tinyint unsigned", INT32, "255", "0"),
  column("smallint", INT32, "-32768", "32767", "0"),
  column("smallint unsigned", INT32, "65535", "0"),
  column("mediumint", INT32, "-8388608", "8388607", "-1"),
  column("mediumint unsigned", INT32, "16777215", "0"),
  column("int", INT32, "-2147483648", "2147483647", "-10", "10", "99", "100", "1000000000"),
  column("int unsigned", INT64, "4294967295", "0", "2147483648", "999999999"),
  column("int(5) unsigned zerofill", INT64, "4294967295", "0", "42"),
  column(
    "bigint",
    INT64,
    "-9223372036854775808",
    "9223372036854775807",
    "0",
    "-1",
    "9007199254740993",
    "-4294967296",
    "4294967296",
    "1000000000000000000",
    "-1000000000",
  ),
  column("bigint unsigned", UINT64, "18446744073709551615", "0", "9223372036854775808", "10000000000000000000"),
  column("year", INT32, ["0", "0"], "1901", "2155", "1970"),
];

const numbers = [
  column("decimal(10,2)", DECIMAL, "99999999.99", "-99999999.99", "0.00", "-0.01"),
  column(
    "decimal(65,30)",
    DECIMAL,
    `${nines(35)}.${nines(30)}`,
    `-${nines(35)}.${nines(30)}`,
    `0.${"0".repeat(29)}1`,
    `0.${"0".repeat(30)}`,
  ),
  column("decimal(65,0)", DECIMAL, nines(65), `-${nines(65)}`, "0"),
  column("decimal(10,2) unsigned", DECIMAL, "99999999.99", "0.00"),
  column("decimal(10,2) unsigned zerofill", DECIMAL, "99999999.99", "0.00", "12.30"),
  column(
    "float",
    FLOAT,
    ["3.4028234663852886e38", "3.4028235e+38"],
    ["-3.4028234663852886e38", "-3.4028235e+38"],
    ["1.401298464324817e-45", "1e-45"],
    ["1.1754943508222875e-38", "1.1754944e-38"],
    ["'-0'", keepsNegativeZero ? "-0" : "0"],
    "0.1",
    ["16777216", "1.6777216e+07"],
    "123456.79",
    ["0.00001", "1e-05"],
    "0",
    "-999999",
  ),
  named("float_7_3", "float(7,3)", column("float(7,3)", FLOAT, "1234.567", "-0.001", "0")),
  column(
    "double",
    DOUBLE,
    ["1.7976931348623157e308", "1.7976931348623157e+308"],
    "5e-324",
    "2.2250738585072014e-308",
    ["'-0'", keepsNegativeZero ? "-0" : "0"],
    "0.1",
    ["0.00001", "1e-05"],
    ["-0.00000015", "-1.5e-07"],
    ["123456789012345678", "1.2345678901234568e+17"],
    "999999999999999",
    ["1e15", "1e+15"],
    "-1234567.000001",
    "0",
    "0.30000000000000004",
  ),
  column("double(10,2)", DOUBLE, "12345678.5", "-0.25"),
];

const times = [
  column("date", DATE, "1000-01-01", "9999-12-31", "0000-00-00", "2026-00-00", "2026-11-00", "0001-01-01"),
  column(
    "datetime(6)",
    TIMESTAMP,
    "1000-01-01 00:00:00",
    "9999-12-31 23:59:59.999999",
    "0000-00-00 00:00:00",
    "2026-00-00 01:02:03.000004",
    "2026-11-22 13:45:00.5",
    "2026-11-22 00:00:00.000001",
  ),
  column("datetime", TIMESTAMP, "9999-12-31 23:59:59", "2026-11-22 00:00:00"),
  column("datetime(3)", TIMESTAMP, "2026-11-22 13:45:00.12", "2026-11-22 13:45:00.001"),
  column(
    "timestamp(6)",
    TIMESTAMP_TZ,
    [`'${firstInstant}'`, `${firstInstant}+00`],
    ["'2038-01-19 03:14:07.999999'", "2038-01-19 03:14:07.999999+00"],
    ["'2026-11-22 13:45:00'", "2026-11-22 13:45:00+00"],
    ["'0000-00-00 00:00:00'", "0000-00-00 00:00:00+00"],
  ),
  column("timestamp", TIMESTAMP_TZ, ["'2026-11-22 13:45:01'", "2026-11-22 13:45:01+00"]),
  column(
    "time(6)",
    TIME,
    `-${longestTime}`,
    longestTime,
    "00:00:00",
    "-00:00:00.000001",
    "13:45:00.0001",
    "24:00:00",
    "100:00:01",
  ),
  column("time", TIME, "-838:59:59", "23:59:59"),
];

const strings = [
  column("char(12)", STRING, "", "plain", "Zürich 東京🦉"),
  column("varchar(60)", STRING, ...unicode),
  column("tinytext", STRING, ...unicode),
  column("text", STRING, ...unicode, "東".repeat(100), "x".repeat(65_535)),
  column("mediumtext", STRING, "", ["REPEAT('🦉', 70000)", "🦉".repeat(70_000)]),
  column("longtext", STRING, "", "long", ["REPEAT('aé', 100000)", "aé".repeat(100_000)]),
  column("varchar(40) CHARACTER SET latin1", STRING, ...texts, "Zürich ÿ €"),
  column("varchar(40) CHARACTER SET utf8mb3", STRING, ...texts, "Zürich, 東京"),
  column("varchar(40) CHARACTER SET ucs2", STRING, ...texts, "Zürich, 東京"),
  column("varchar(40) CHARACTER SET utf16", STRING, ...unicode),
  column("varchar(40) CHARACTER SET utf16le", STRING, ...unicode),
  column("varchar(40) CHARACTER SET utf32", STRING, ...unicode),
  column("varchar(40) CHARACTER SET cp1251", STRING, "Привет, Ёж № 1"),
  column("varchar(40) CHARACTER SET koi8r", STRING, "Привет"),
  column("varchar(40) CHARACTER SET sjis", STRING, "日本語ｶﾅ"),
  column("varchar(40) CHARACTER SET cp932", STRING, "日本語 ①"),
  column("varchar(40) CHARACTER SET ujis", STRING, "日本語"),
  column("varchar(40) CHARACTER SET gbk", STRING, "简体中文"),
  column("varchar(40) CHARACTER SET big5", STRING, "繁體中文"),
  column("varchar(40) CHARACTER SET euckr", STRING, "한국어"),
  column("varchar(40) CHARACTER SET greek", STRING, "Ελλάδα"),
  column("varchar(40) CHARACTER SET ascii", STRING, ...texts),
  column("text CHARACTER SET utf16", STRING, "", "Zürich, 東京 🦉"),
  column("enum('a','it''s','b\\\\s','','東京','🦉')", ENUM, "a", "it's", "b\\s", "", "東京", "🦉"),
  column("enum('é','x') CHARACTER SET latin1", ENUM, "é", "x", ["0", ""]),
  column("set('a','b','é')", STRING, "", "a", "a,b", "a,b,é"),
];

/** A point's coordinates, each of eight bytes. */
const [oneHex, otherHex] = ["000000000000f03f", "00000000000004c0"];
const pointHex = `${oneHex}${otherHex}`;
/** On the globe MySQL takes the latitude first, and keeps it last. */
const globalHex = isMariadb ? pointHex : `${otherHex}${oneHex}`;

const members = Array.from({ length: 64 }, (_, i) => `m${i}`);

const rest = [
  named(
    "set_64",
    `set(${members.map((member) => `'${member}'`).join(",")})`,
    column(`set(${members.map((member) => `'${member}'`).join(",")})`, STRING, members.join(","), "", "m0,m63"),
  ),
  column("binary(4)", BYTES, bytes("00ff5c78"), ["'ab'", "\\x61620000"]),
  column("varbinary(300)", BYTES, bytes(""), bytes(allBytes), bytes("00"), bytes("5c78")),
  column("tinyblob", BYTES, bytes(""), bytes("ff00")),
  column("blob", BYTES, bytes(""), bytes(allBytes)),
  column("mediumblob", BYTES, ["REPEAT(X'c3', 70000)", `\\x${"c3".repeat(70_000)}`]),
  column("longblob", BYTES, bytes("80"), bytes("")),
  named("char_binary", "binary(4)", column("char(4) CHARACTER SET binary", BYTES, bytes("fffe0080"))),
  column("bit(1)", OTHER, ["b'1'", "1"], ["b'0'", "0"]),
  column("bit(8)", OTHER, ["b'10101010'", "10101010"], ["0", "00000000"]),
  column("bit(10)", OTHER, ["b'1000000001'", "1000000001"], ["1", "0000000001"]),
  column("bit(64)", OTHER, ["X'ffffffffffffffff'", "1".repeat(64)], ["1", `${"0".repeat(63)}1`]),
  column("json", DOCUMENT, ...documents, "[]"),
  column("geometry", BYTES, point("POINT(1 -2.5)", 0), point("POINT(1 -2.5)", 4326)),
  column("point", BYTES, point("POINT(1 -2.5)", 0), point("POINT(1 -2.5)", 3857)),
  named(
    "geometrycollection",
    isMariadb ? "geometrycollection" : "geomcollection",
    column(
      "geometrycollection",
      BYTES,
      ["ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 -2.5))', 0)", `\\x0107000000010000000101000000${pointHex}`],
      [
        "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 -2.5))', 4326)",
        `\\x0107000020e6100000010000000101000000${globalHex}`,
      ],
    ),
  ),
  ...shapes.map(({ type, text, hex }) => column(type, BYTES, [`ST_GeomFromText('${text}', 0)`, `\\x${hex}`])),
];

/** MySQL has neither these types nor so many digits behind a point. */
const ofMariaDb = [
  column("decimal(38,38)", DECIMAL, `0.${nines(38)}`, `-0.${nines(38)}`),
  column("uuid", UUID, "0190f3a2-7c1e-7b7a-9d2e-3f1b5c6d7e8f", "00000000-0000-0000-0000-000000000000"),
  column("inet4", OTHER, "0.0.0.0", "255.255.255.255", "192.168.0.1"),
  column("inet6", OTHER, "::", "::1", "2001:db8::ff00:42:8329", "::ffff:192.0.2.128"),
];

const [major = 0, minor = 0] = versionNumbers;
const hasVectors = isMariadb ? major > 11 || (major === 11 && minor >= 7) : major >= 9;

/** MariaDB's results tell nothing of it but the bytes. */
const vectors = isMariadb
  ? [column("vector(3)", BYTES, ["VEC_FromText('[1,2.5,-3]')", "\\x0000803f00002040000040c0"])]
  : [column("vector(3)", OTHER, ["STRING_TO_VECTOR('[1,2.5,-3]')", "[1,2.5,-3]"])];

/** The fields of the table `torture`, but for its key `n`. */
export const columns: readonly TortureColumn[] = [
  ...[
    ...integers,
    ...numbers,
    ...times,
    ...strings,
    ...rest,
    ...(isMariadb ? ofMariaDb : []),
    ...(hasVectors ? vectors : []),
  ],
  { ...column("int", INT32, "7"), name: "unseen", type: "int INVISIBLE" },
];

/** Computed from `n`, in every row. */
export const generated = [
  { name: "virtual_sum", type: "bigint AS (n * 2) VIRTUAL", fieldType: INT64, nativeType: "bigint" },
  {
    name: "stored_text",
    type: "varchar(20) AS (CONCAT('no. ', n)) STORED",
    fieldType: STRING,
    nativeType: "varchar(20)",
  },
] as const;

const rowCount = Math.max(...columns.map(({ values }) => values.length)) + 1;

/** What every row must be, in the order of `n`: the key, the columns, and those that are computed. */
export function tortureRows(): (string | null)[][] {
  return Array.from({ length: rowCount }, (_, n) => [
    String(n),
    ...columns.map(({ values }) => values[n]?.text ?? null),
    String(n * 2),
    `no. ${n}`,
  ]);
}

/** Makes the table; its last row is null but for `n` and what is computed of it. */
export function tortureTable(): string {
  const definitions = [
    ...columns.map(({ name, type }) => `\`${name}\` ${type}${type.startsWith("timestamp") ? " NULL" : ""}`),
    ...generated.map(({ name, type }) => `\`${name}\` ${type}`),
  ];
  const names = columns.map(({ name }) => `\`${name}\``).join(", ");
  const rows = Array.from(
    { length: rowCount },
    (_, n) => `(${[n, ...columns.map(({ values }) => values[n]?.sql ?? "NULL")].join(", ")})`,
  );
  return `SET sql_mode = '', time_zone = '+00:00';
    CREATE TABLE torture (n int PRIMARY KEY, ${definitions.join(", ")}) CHARACTER SET utf8mb4;
    SET sql_mode = 'ALLOW_INVALID_DATES';
    INSERT INTO torture (n, ${names}) VALUES ${rows.join(",\n")}`;
}

function point(text: string, srid: number): Given {
  const hex = srid === 4326 ? globalHex : pointHex;
  const sql = `ST_GeomFromText('${text}', ${srid})`;
  const id = Buffer.alloc(4);
  id.writeUInt32LE(srid);
  return [sql, srid === 0 ? `\\x0101000000${hex}` : `\\x0101000020${id.toString("hex")}${hex}`];
}
