/**
 * A column's type in the server's own words, as CREATE TABLE takes it: those of a table out of
 * information_schema, those of a result out of its description, which tells no labels of an
 * ENUM or SET.
 *
 * Integers have no display width, as in MySQL from 8.0.19 on, but for TINYINT(1), which many
 * take for a boolean, and under ZEROFILL, which fills up to it.
 */
import { binaryCollation, type Column, flags, types } from "./column.ts";

const displayWidth = /^(tinyint|smallint|mediumint|int|bigint|year)\(\d+\)/;

/** @param columnType COLUMN_TYPE of information_schema.columns */
export function nativeTypeIn(columnType: string): string {
  // MariaDB says of old tables in which of its versions they were made.
  const type = columnType.replace(/ \/\*.*?\*\//, "");
  return type.startsWith("tinyint(1)") || type.endsWith("zerofill") ? type : type.replace(displayWidth, "$1");
}

export function nativeTypeOf(column: Column): string {
  const named = column.extendedFormat || column.extendedType || plainWords.get(column.type);
  if (named !== undefined) return named;
  const { flags: set } = column;
  if (set & flags.enum) return "enum";
  if (set & flags.set) return "set";
  const number = numberWord(column);
  if (number === undefined)
    return temporalWord(column) ?? (column.type === types.bit ? `bit(${column.length})` : textWord(column));
  if (set & flags.zerofill) return `${number} unsigned zerofill`;
  return set & flags.unsigned ? `${number} unsigned` : number;
}

const plainWords = new Map<number, string>([
  [types.null, "null"],
  [types.year, "year"],
  [types.date, "date"],
  [types.newDate, "date"],
  [types.json, "json"],
  [types.geometry, "geometry"],
  [types.vector, "vector"],
]);

const integerWords = new Map<number, string>([
  [types.tiny, "tinyint"],
  [types.short, "smallint"],
  [types.int24, "mediumint"],
  [types.long, "int"],
  [types.longlong, "bigint"],
]);

/** More digits behind the point than any column has: as many as there are. */
const unlimitedDecimals = 31;

function numberWord({ type, flags: set, length, decimals }: Column): string | undefined {
  const integer = integerWords.get(type);
  if (integer !== undefined) {
    const shown = set & flags.zerofill || (type === types.tiny && length === 1);
    return shown ? `${integer}(${length})` : integer;
  }
  if (type === types.float || type === types.double) {
    const word = type === types.float ? "float" : "double";
    return decimals < unlimitedDecimals ? `${word}(${length},${decimals})` : word;
  }
  if (type !== types.newDecimal && type !== types.decimal) return undefined;
  // The length is that of a text, with a point and a sign where there may be one.
  const precision = length - (decimals > 0 ? 1 : 0) - (set & flags.unsigned ? 0 : 1);
  return `decimal(${precision},${decimals})`;
}

const temporalWords = new Map<number, string>([
  [types.time, "time"],
  [types.datetime, "datetime"],
  [types.timestamp, "timestamp"],
]);

function temporalWord({ type, decimals }: Column): string | undefined {
  const word = temporalWords.get(type);
  return word !== undefined && decimals > 0 && decimals < unlimitedDecimals ? `${word}(${decimals})` : word;
}

/** In the character set of the connection, utf8mb4, which counts four bytes for every character. */
const characterBytes = 4;

/** Characters, and bytes, up to which a text is a tiny one, one without a size, a medium one. */
const largeSizes: readonly (readonly [bytes: number, size: string])[] = [
  [255, "tiny"],
  [65_535, ""],
  // Functions say 16 MiB to the byte.
  [16_777_216, "medium"],
];

function textWord({ type, collation, length }: Column): string {
  const binary = collation === binaryCollation;
  const size = binary ? length : Math.floor(length / characterBytes);
  if (type === types.string) return `${binary ? "binary" : "char"}(${size})`;
  if (type === types.varString || type === types.varchar) return `${binary ? "varbinary" : "varchar"}(${size})`;
  const [, prefix] = largeSizes.find(([most]) => size <= most) ?? [0, "long"];
  return `${prefix}${binary ? "blob" : "text"}`;
}
