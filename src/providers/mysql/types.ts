/** What a column's type is to the contract, by a result's description. */
import type { Field, FieldType } from "../../rows/field.ts";
import { binaryCollation, type Column, flags, types } from "./column.ts";
import { nativeTypeOf } from "./native-type.ts";

/**
 * A field of a result, in the server's own words for its type.
 *
 * Any field may be null: the server marks a column of a table as NOT NULL where the
 * statement makes nulls of it, under ROLLUP for example.
 */
export function fieldOf(column: Column): Field {
  return { name: column.name, type: fieldTypeOf(column), nullable: true, nativeType: nativeTypeOf(column) };
}

/** By the code alone; the texts and the integers depend on more. */
const fieldTypes = new Map<number, FieldType>([
  [types.decimal, "decimal"],
  [types.newDecimal, "decimal"],
  [types.float, "float"],
  [types.double, "double"],
  // As PostgreSQL takes a NULL that nothing gives a type to.
  [types.null, "string"],
  [types.year, "int32"],
  [types.date, "date"],
  [types.newDate, "date"],
  [types.time, "time"],
  [types.datetime, "timestamp"],
  [types.timestamp, "timestamp_tz"],
  [types.bit, "other"],
  [types.vector, "other"],
  [types.json, "json"],
  [types.geometry, "bytes"],
]);

const textTypes = new Map<string, FieldType>([
  ["uuid", "uuid"],
  ["inet4", "other"],
  ["inet6", "other"],
  ["vector", "other"],
]);

export function fieldTypeOf(column: Column): FieldType {
  const known = fieldTypes.get(column.type) ?? integerType(column);
  if (known !== undefined) return known;
  if (column.extendedFormat === "json") return "json";
  const extended = textTypes.get(column.extendedType);
  if (extended !== undefined) return extended;
  if (column.collation === binaryCollation) return "bytes";
  return column.flags & flags.enum ? "enum" : "string";
}

/** TINYINT(1) is no boolean: it holds 2, too, which a boolean would lose. */
function integerType({ type, flags: set }: Column): FieldType | undefined {
  const unsigned = (set & flags.unsigned) !== 0;
  switch (type) {
    case types.tiny:
    case types.short:
    case types.int24:
      return "int32";
    case types.long:
      return unsigned ? "int64" : "int32";
    case types.longlong:
      return unsigned ? "uint64" : "int64";
    default:
      return undefined;
  }
}
