/**
 * The SQL of MySQL and MariaDB, for a session with the settings below.
 *
 * What a value is compared with has always the column's own kind: by itself a server
 * compares an integer with a text as two DOUBLEs.
 */

import { digitsOf } from "../query/decimal.ts";
import { instantInUtc } from "../query/temporal.ts";
import {
  type Bind,
  type ComparedColumn,
  type Dialect,
  dialectWith,
  type NarrowText,
  type ValueType,
} from "../sql/dialect.ts";

/** What a dialect needs to know of the server. */
export interface Server {
  readonly isMariaDb: boolean;
  /** Major, minor and patch level. */
  readonly version: readonly [major: number, minor: number, patch: number];
}

/**
 * Settings of the session that compiled SQL relies on, besides a clock in UTC and
 * utf8mb4.
 *
 * A zero that is stored stays one, and is not the next number of those that the server
 * counts itself.
 *
 * A date that a row holds must be one that a page can begin behind: `0000-00-00`, and
 * what ALLOW_INVALID_DATES let in once. Texts are sorted by as many bytes only as
 * `max_sort_length` says, 1,024 by default, but compared by all of them: a page would
 * begin elsewhere than the page before has ended. These hold whatever a VARCHAR or a
 * TEXT can hold, and MySQL wants room for fifteen of them.
 */
export const sessionSettings = {
  sql_mode: "'STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'",
  max_sort_length: "262144",
  sort_buffer_size: "8388608",
} as const;

export function mysqlDialect({ isMariaDb, version: [major, minor] }: Server): Dialect {
  const json = !isMariaDb ? "typed" : major > 10 || minor >= 7 ? "function" : "text";
  const typed = (text: string, type: ValueType) => typedText(isMariaDb ? text : asText(text), type) ?? text;
  const operand = operandsWith(typed);
  return dialectWith({
    quote: quoteIdentifier,
    placeholder: () => "?",
    typed,
    operand,
    compare(compared, symbol, bind) {
      const { column, type, value } = compared;
      if (symbol === "=" || symbol === "<>") {
        const equal = equalityOf(compared, { json, operand }, bind);
        return symbol === "=" ? equal : `NOT (${equal})`;
      }
      // By their places, as they are sorted; compared with a text, they are texts.
      if (type.type === "enum") return `${column} ${symbol} ${placeOf(type, value, bind)}`;
      return `${column} ${symbol} ${operand(value, type, bind)}`;
    },
    // An index serves a row comparison in neither, but one written out in both.
    compareRow: () => undefined,
    oneOf: (column, type, values, bind) =>
      needsOwnEquality(type, values, json)
        ? values.map((value) => `(${equalityOf({ column, type, value }, { json, operand }, bind)})`).join(" OR ")
        : `${column} IN (${values.map((value) => operand(value, type, bind)).join(", ")})`,
    contains: (column, _type, value, bind) => `LOCATE(CAST(${bind(value)} AS BINARY), ${bytesOf(column)}) > 0`,
    startsWith(column, type, value, bind) {
      const exact = () => `LEFT(${bytesOf(column)}, ${Buffer.byteLength(value)}) = CAST(${bind(value)} AS BINARY)`;
      const pattern = isBeyond(type, value) ? undefined : indexedPattern(value);
      return pattern === undefined ? exact() : `${column} LIKE ${bind(pattern)} ESCAPE '|' AND ${exact()}`;
    },
    // `IS NULL` is also true of 0000-00-00 in a column that is NOT NULL.
    isNull: (column) => `${column} <=> NULL`,
    // Nulls come before everything: last in a descending order, and first in the other.
    orderKey: (column, descending, nullable) =>
      descending ? `${column} DESC` : nullable ? `${column} <=> NULL, ${column}` : column,
  });
}

export function quoteIdentifier(identifier: string): string {
  return `\`${identifier.replaceAll("`", "``")}\``;
}

/**
 * A pattern of all that begins with the text, and of more: by the column's collation, and
 * without the text's end. With an index, servers look for `ab%` between `ab` filled up with
 * spaces and `ab` filled up with the last character that a collation knows. They miss `ab`
 * and a line break, and `ab` and a character of more than 16 bits; and Thai vowels, which
 * are sorted together with what follows them. The letters of `between` lie where they look.
 */
function indexedPattern(value: string): string | undefined {
  const characters = [...value];
  const end = characters.findLastIndex((character) => character.length === 1 && between.test(character));
  return end > 0 ? `${characters.slice(0, end).join("").replace(/[|%_]/g, "|$&")}%` : undefined;
}

const between = /[0-9\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Han}]/u;

/** The column's text as bytes of UTF-8, whatever its character set and collation. */
function bytesOf(column: string): string {
  return `CAST(CONVERT(${column} USING utf8mb4) AS BINARY)`;
}

/**
 * MySQL gives a parameter the type that it is cast to, and then reads its text by other rules
 * than the cast has: no integer beyond 2⁶³ - 1, and 24:00:00.5 as 05:00:00. So it is made a
 * text first.
 */
function asText(expression: string): string {
  return `CONVERT(${expression} USING utf8mb4)`;
}

/** A text as a value of another type; undefined for a type that a text stands for itself. */
function typedText(expression: string, type: ValueType): string | undefined {
  switch (type.type) {
    case "bool":
    case "uint64":
      return `CAST(${expression} AS UNSIGNED)`;
    case "int32":
    case "int64":
      return `CAST(${expression} AS SIGNED)`;
    case "float":
    case "double":
      // A DOUBLE on every server: MySQL has a cast to it since 8.0.17 only.
      return `(${expression} + 0e0)`;
    case "bytes":
      return `UNHEX(${expression})`;
    case "date":
      return `CAST(${expression} AS DATE)`;
    case "time":
      return `CAST(${expression} AS TIME(6))`;
    case "timestamp":
    case "timestamp_tz":
      return `CAST(${expression} AS DATETIME(6))`;
    case "other":
      if (type.castType === "bit") return `CAST(CONV(${expression}, 2, 10) AS UNSIGNED)`;
      return type.castType === "" ? undefined : `CAST(${expression} AS ${type.castType})`;
    case "json":
    case "uuid":
      return type.castType === "" ? undefined : `CAST(${expression} AS ${type.castType})`;
    default:
      // A text takes the character set and the collation of what it is compared with.
      return undefined;
  }
}

type Operands = (value: string, type: ValueType, bind: Bind) => string;

function operandsWith(typed: Dialect["typed"]): Operands {
  return (value, type, bind) => {
    if (type.type !== "decimal") return typed(bind(parameterOf(value, type)), type);
    const { negative, whole, fraction } = digitsOf(value);
    const plain = `${negative ? "-" : ""}${whole || "0"}.${fraction}`;
    // As many digits behind the point as it has: a fixed number would leave too few before it.
    return `CAST(${bind(plain)} AS DECIMAL(65,${fraction.length}))`;
  };
}

/** The text by which a server takes the value, from the canonical one. */
function parameterOf(value: string, type: ValueType): string {
  switch (type.type) {
    case "bool":
      return value === "t" ? "1" : "0";
    case "float":
      // A FLOAT is compared as the DOUBLE that it is.
      return String(Math.fround(Number(value)));
    case "bytes":
      return value.slice(2);
    case "timestamp_tz":
      return instantInUtc(value);
    default:
      return value;
  }
}

/** By JSON's own type, by MariaDB's function for its texts, or before MariaDB 10.7 as the texts that they are. */
type JsonEquality = "typed" | "function" | "text";

interface Equality {
  readonly json: JsonEquality;
  readonly operand: Operands;
}

/** An equality that may need more than an operator. */
function equalityOf({ column, type, value }: ComparedColumn, { json, operand }: Equality, bind: Bind): string {
  // Where it is null, WHERE takes it for true by itself.
  if (type.type === "json" && json === "function") return `JSON_EQUALS(${column}, ${bind(value)}) = 1`;
  // The place of what was no label, and let in nevertheless, shown as an empty text.
  if (type.type === "enum" && value === "") {
    return type.enumLabels === undefined
      ? `CAST(${column} AS CHAR) = ${bind(value)}`
      : `${column} = ${placeOf(type, value, bind)}`;
  }
  if (isBeyond(type, value))
    return representable(column, value, type.narrowText as NarrowText, (each) => asText(bind(each)));
  return `${column} = ${operand(value, type, bind)}`;
}

function needsOwnEquality(type: ValueType, values: readonly string[], json: JsonEquality): boolean {
  if (type.type === "json") return json === "function";
  return type.type === "enum" ? values.includes("") : values.some((value) => isBeyond(type, value));
}

/** The number of an enum's label; 0 is the empty text that stands for none of them. */
function placeOf({ enumLabels = [] }: ValueType, label: string, bind: Bind): string {
  return `CAST(${bind(String(enumLabels.indexOf(label) + 1))} AS UNSIGNED)`;
}

/** The text may hold what the column's character set does not, which a server refuses to compare. */
function isBeyond({ type, narrowText }: ValueType, value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII is what every character set holds.
  return type === "string" && narrowText !== undefined && !/^[\x00-\x7f]*$/.test(value);
}

/** Whether the column is equal to a text: never to one that its character set can't hold. */
function representable(column: string, value: string, { characterSet, collation }: NarrowText, bind: Bind): string {
  const converted = () => `CONVERT(${bind(value)} USING ${characterSet})`;
  const equal = `${column} = ${converted()} COLLATE ${collation}`;
  const same = `CAST(CONVERT(${converted()} USING utf8mb4) AS BINARY) = CAST(${bind(value)} AS BINARY)`;
  return `${equal} AND (${same} OR ${column} <=> NULL)`;
}
