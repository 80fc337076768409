/** A table that holds the hard values of every type of PostgreSQL, and arrays of each. */
import { FieldType } from "../../src/gen/connector/v1/value_pb.js";

export interface TortureColumn {
  readonly name: string;
  /** As it is declared. */
  readonly type: string;
  /** What the contract calls it. */
  readonly fieldType: FieldType;
  /** Each distinct to the type's own `=`. */
  readonly values: readonly string[];
  /** Whether EQ can be asked of it. */
  readonly comparable: boolean;
}

const { BOOL, INT32, INT64, UINT64, FLOAT, DOUBLE, DECIMAL, STRING, BYTES, DATE, TIME, TIMESTAMP } = FieldType;
const { TIMESTAMP_TZ, INTERVAL, UUID, JSON: DOCUMENT, STRUCT, ENUM, OTHER } = FieldType;

const digits = "1234567890".repeat(10);
const allBytes = `\\x${Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0")).join("")}`;
const texts = [
  "",
  "plain",
  "Zürich, 東京",
  "🦉 四 𝄞",
  "two\nlines\r\n\ttab",
  `quotes " ' \\ {} , ()`,
  "NULL",
  " \u0001\u007f ",
];

const comparable = (type: string, fieldType: FieldType, ...values: string[]): TortureColumn => ({
  name: type.replace(/\W+/g, "_"),
  ...{ type, fieldType, values, comparable: true },
});
const incomparable = (type: string, fieldType: FieldType, ...values: string[]): TortureColumn => ({
  ...comparable(type, fieldType, ...values),
  comparable: false,
});

export const scalarColumns: readonly TortureColumn[] = [
  comparable("bool", BOOL, "t", "f"),
  comparable("int2", INT32, "-32768", "32767", "0"),
  comparable("int4", INT32, "-2147483648", "2147483647", "0"),
  comparable("int8", INT64, "-9223372036854775808", "9223372036854775807", "0", "9007199254740993", "999999999999999"),
  comparable("oid", INT64, "0", "4294967295"),
  comparable("xid8", UINT64, "0", "18446744073709551615", "9223372036854775808"),
  comparable(
    "float4",
    FLOAT,
    "3.4028235e+38",
    "-3.4028235e+38",
    "1e-45",
    "NaN",
    "Infinity",
    "-Infinity",
    "-0",
    "0.1",
    "1.6777216e+07",
  ),
  comparable(
    "float8",
    DOUBLE,
    "1.7976931348623157e+308",
    "5e-324",
    "NaN",
    "Infinity",
    "-Infinity",
    "-0",
    "0.1",
    "1e-05",
    "1.2345678901234568e+17",
  ),
  comparable(
    "numeric",
    DECIMAL,
    digits,
    `-0.${digits}`,
    `${digits}.${digits}`,
    "NaN",
    "Infinity",
    "-Infinity",
    "0.10",
    `0.${"0".repeat(100)}1`,
  ),
  comparable("numeric(10,2)", DECIMAL, "12345678.90", "-0.01", "0.00", "NaN"),
  comparable("numeric(5,-2)", DECIMAL, "1234500", "-100"),
  comparable("text", STRING, ...texts),
  comparable("varchar(30)", STRING, ...texts),
  comparable("varchar", STRING, "without a length"),
  comparable("char(12)", STRING, " ".repeat(12), "twelve chars", "東京          "),
  comparable("name", STRING, "", "a name", "n".repeat(63)),
  comparable('"char"', STRING, "a", ""),
  comparable("citext", STRING, "MiXed", "other"),
  comparable("bytea", BYTES, allBytes, "\\x", "\\x00", "\\x5c78"),
  comparable("date", DATE, "4714-11-24 BC", "0044-03-15 BC", "2026-11-22", "5874897-12-31", "infinity", "-infinity"),
  comparable(
    "timestamp",
    TIMESTAMP,
    "4714-11-24 00:00:00 BC",
    "0001-12-31 23:59:59.999999 BC",
    "2026-11-22 13:45:00.000001",
    "294276-12-31 23:59:59.999999",
    "infinity",
    "-infinity",
  ),
  comparable("timestamp(3)", TIMESTAMP, "2026-11-22 13:45:00.12"),
  comparable(
    "timestamptz",
    TIMESTAMP_TZ,
    "4714-11-24 00:00:00+00 BC",
    "0044-03-15 12:00:00+00 BC",
    "2026-11-22 13:45:00.000001+00",
    "294276-12-31 23:59:59.999999+00",
    "infinity",
    "-infinity",
  ),
  comparable("time", TIME, "00:00:00", "13:45:00.000001", "24:00:00"),
  comparable("time(0)", TIME, "13:45:00"),
  comparable("timetz", TIME, "00:00:00-15:59:59", "13:45:00.000001+02", "13:45:00+05:30", "24:00:00+15:59"),
  comparable(
    "interval",
    INTERVAL,
    "P1Y2M3DT4H5M6.000007S",
    "P-1Y-2M3DT-4H-5M-6.000007S",
    "PT0S",
    "PT-0.000001S",
    "P178956970Y7M2147483647DT2562047788H54.775806S",
    "P-178956970Y-8M-2147483648DT-2562047788H-54.775807S",
    "infinity",
    "-infinity",
  ),
  comparable("interval day to second(2)", INTERVAL, "P1DT0.12S"),
  comparable("uuid", UUID, "0190f3a2-7c1e-7b7a-9d2e-3f1b5c6d7e8f", "00000000-0000-0000-0000-000000000000"),
  incomparable("json", DOCUMENT, '{"a" :  1,\n "a":2 , "big": 12345678901234567890.10}', "null", ' "ü" ', "[1e400]"),
  comparable(
    "jsonb",
    DOCUMENT,
    '{"a": 1, "b": [null, true, "🦉"]}',
    "null",
    "12345678901234567890.10",
    '"text"',
    `1${"0".repeat(400)}`,
  ),
  comparable("mood", ENUM, "sad", 'very "happy", {ü}', "o'k \\ NULL"),
  comparable("positive", INT32, "1", "2147483647"),
  comparable("at_noon", TIME, "12:00:00+02"),
  comparable("numbers", FieldType.ARRAY, "{1,2,3}", "{}"),
  incomparable("place", STRUCT, '(1,"a ""b"", (c)",)', "(,,)", '(-1,"",2026-11-22)'),
  comparable("int4range", OTHER, "[1,5)", "empty", "(,)"),
  comparable("tstzrange", OTHER, '["2026-11-22 13:45:00.000001+00",infinity)'),
  comparable("int4multirange", OTHER, "{[1,3),[5,9)}", "{}"),
  comparable("inet", OTHER, "192.168.0.1/24", "::1", "2001:db8::/32"),
  comparable("cidr", OTHER, "10.0.0.0/8", "::/0"),
  comparable("macaddr", OTHER, "08:00:2b:01:02:03"),
  comparable("macaddr8", OTHER, "08:00:2b:01:02:03:04:05"),
  comparable("bit(8)", OTHER, "10101010", "00000000"),
  comparable("varbit", OTHER, "", "101", "1".repeat(200)),
  incomparable("xml", OTHER, "<a>ü &amp; x</a>", "content <b/> only", '<?xml version="1.0" standalone="yes"?><a/>'),
  comparable("tsvector", OTHER, "'a':1A 'fat':2B,4C 'it''s':5", ""),
  comparable("tsquery", OTHER, "'fat' & ( 'rat' | !'cat' )"),
  comparable("money", OTHER, "-$92,233,720,368,547,758.08", "$1,234.56"),
  incomparable("point", OTHER, "(1.5,-2)", "(NaN,Infinity)"),
  incomparable("box", OTHER, "(2,2),(1,1)"),
  incomparable("path", OTHER, "[(0,0),(1,1)]", "((0,0),(1,1))"),
  incomparable("circle", OTHER, "<(1,2),3>"),
  comparable("pg_lsn", OTHER, "16/B374D848", "FFFFFFFF/FFFFFFFF"),
  comparable("tid", OTHER, "(1,2)"),
  comparable("regclass", OTHER, "pg_class", "-"),
  incomparable("jsonpath", OTHER, '$."a"[*]?(@ > 1)'),
  comparable("hstore", OTHER, '"a"=>"1", "ü"=>NULL', ""),
];

/** Arrays of each scalar: with a null, empty, of two dimensions, and with a lower bound of its own. */
const arrayColumns: readonly TortureColumn[] = scalarColumns
  .filter(({ fieldType }) => fieldType !== FieldType.ARRAY)
  .map((column) => ({
    ...column,
    name: `${column.name}_array`,
    type: `${column.type}[]`,
    fieldType: FieldType.ARRAY,
    values: arraysOf(column),
  }));

/** The fields of the table `torture`, but for its key `n`. */
export const columns: readonly TortureColumn[] = [...scalarColumns, ...arrayColumns];

const rowCount = Math.max(...columns.map(({ values }) => values.length)) + 1;

/** Makes the types and the table; its last row is null but for `n`. */
export function tortureTable(): string {
  const definitions = columns.map(({ name, type }) => `${quoted(name)} ${type}`).join(", ");
  const names = columns.map(({ name }) => quoted(name)).join(", ");
  const rows = Array.from({ length: rowCount }, (_, row) => {
    const cells = columns.map(({ values, type }) =>
      row < values.length ? `${literal(values[row])}::${type}` : "NULL",
    );
    return `(${row}, ${cells.join(", ")})`;
  });
  return `
    CREATE EXTENSION citext; CREATE EXTENSION hstore;
    CREATE TYPE mood AS ENUM ('sad', 'very "happy", {ü}', 'o''k \\ NULL');
    CREATE DOMAIN positive AS int4 CHECK (VALUE > 0);
    CREATE DOMAIN at_noon AS timetz;
    CREATE DOMAIN numbers AS int4[];
    CREATE TYPE place AS (id int4, "the name" text, day date);
    SET TimeZone = 'UTC';
    CREATE TABLE torture (n int4 PRIMARY KEY, ${definitions});
    INSERT INTO torture (n, ${names}) VALUES ${rows.join(",\n")}`;
}

function arraysOf({ values }: TortureColumn): string[] {
  const [first = "", last = first] = [values[0], values.at(-1)];
  const element = (value: string) => `"${value.replace(/["\\]/g, "\\$&")}"`;
  const separator = values.some((value) => value === "(2,2),(1,1)") ? ";" : ",";
  return [
    `{${[...values.map(element), "NULL"].join(separator)}}`,
    "{}",
    `{{${element(first)}${separator}NULL}${separator}{${element(last)}${separator}${element(first)}}}`,
    `[0:1]={${element(last)}${separator}${element(first)}}`,
  ];
}

const quoted = (name: string) => `"${name}"`;
const literal = (text = "") => ` E'${text.replace(/\\/g, "\\\\").replace(/'/g, "''")}'`;

/** Settings of a server that would spoil every value, were they not overridden. */
export const hostileSettings: Readonly<Record<string, string>> = {
  DateStyle: "SQL, DMY",
  TimeZone: "Asia/Kolkata",
  IntervalStyle: "sql_standard",
  bytea_output: "escape",
  extra_float_digits: "-15",
  xmloption: "document",
  lc_monetary: "C.UTF-8",
  array_nulls: "off",
  standard_conforming_strings: "off",
  quote_all_identifiers: "on",
  client_encoding: "LATIN1",
};
