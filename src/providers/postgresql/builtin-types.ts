/**
 * PostgreSQL's own types, whose OIDs never change (src/include/catalog/pg_type.dat):
 * what is known about them without asking the server.
 */
import type { FieldType } from "../../rows/field.ts";
import type { Comparability } from "../query/value-type.ts";

export interface BuiltinType {
  readonly name: string;
  readonly type: FieldType;
  readonly comparison: Comparability;
  /** What an operand is cast to. */
  readonly castType: string;
  /** As `format_type` writes it; a `*` stands where a modifier would go. */
  readonly native: string;
  readonly range?: readonly [bigint, bigint];
}

type Row = [oid: number, arrayOid: number, name: string, type: FieldType, comparison: Comparability, native?: string];

const rows: readonly Row[] = [
  [16, 1000, "bool", "bool", "ordered", "boolean"],
  [17, 1001, "bytea", "bytes", "ordered"],
  // Its order is by byte, while it is compared as text.
  [18, 1002, '"char"', "string", "equal"],
  [19, 1003, "name", "string", "ordered"],
  [20, 1016, "int8", "int64", "ordered", "bigint"],
  [21, 1005, "int2", "int32", "ordered", "smallint"],
  [23, 1007, "int4", "int32", "ordered", "integer"],
  [25, 1009, "text", "string", "ordered"],
  [26, 1028, "oid", "int64", "ordered"],
  [27, 1010, "tid", "other", "ordered"],
  [28, 1011, "xid", "int64", "equal"],
  [29, 1012, "cid", "int64", "equal"],
  [114, 199, "json", "json", "none"],
  [142, 143, "xml", "other", "none"],
  [600, 1017, "point", "other", "none"],
  [601, 1018, "lseg", "other", "none"],
  [602, 1019, "path", "other", "none"],
  [603, 1020, "box", "other", "none"],
  [604, 1027, "polygon", "other", "none"],
  [628, 629, "line", "other", "none"],
  [650, 651, "cidr", "other", "ordered"],
  [700, 1021, "float4", "float", "ordered", "real"],
  [701, 1022, "float8", "double", "ordered", "double precision"],
  [718, 719, "circle", "other", "none"],
  [774, 775, "macaddr8", "other", "ordered"],
  [790, 791, "money", "other", "ordered"],
  [829, 1040, "macaddr", "other", "ordered"],
  [869, 1041, "inet", "other", "ordered"],
  [1042, 1014, "bpchar", "string", "ordered", "character*"],
  [1043, 1015, "varchar", "string", "ordered", "character varying*"],
  [1082, 1182, "date", "date", "ordered"],
  [1083, 1183, "time", "time", "ordered", "time* without time zone"],
  [1114, 1115, "timestamp", "timestamp", "ordered", "timestamp* without time zone"],
  [1184, 1185, "timestamptz", "timestamp_tz", "ordered", "timestamp* with time zone"],
  [1186, 1187, "interval", "interval", "ordered", "interval*"],
  [1266, 1270, "timetz", "time", "ordered", "time* with time zone"],
  // Unquoted it would mean bit(1).
  [1560, 1561, '"bit"', "other", "ordered", "bit*"],
  [1562, 1563, "varbit", "other", "ordered", "bit varying*"],
  [1700, 1231, "numeric", "decimal", "ordered", "numeric*"],
  [2205, 2210, "regclass", "other", "equal"],
  [2206, 2211, "regtype", "other", "equal"],
  [2950, 2951, "uuid", "uuid", "ordered"],
  [3220, 3221, "pg_lsn", "other", "ordered"],
  [3614, 3643, "tsvector", "other", "ordered"],
  [3615, 3645, "tsquery", "other", "ordered"],
  // It has an order, which says nothing to a reader.
  [3802, 3807, "jsonb", "json", "equal"],
  [5069, 271, "xid8", "uint64", "ordered"],
];

const ranges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int2: [-32_768n, 32_767n],
  oid: [0n, 2n ** 32n - 1n],
  xid: [0n, 2n ** 32n - 1n],
  cid: [0n, 2n ** 32n - 1n],
};

/** Types compared as text: a cast to themselves would cut a longer operand off. */
const asText = new Set(["name", '"char"']);

/** By OID. */
export const builtinTypes: ReadonlyMap<number, BuiltinType> = new Map(
  rows.map(([oid, , name, type, comparison, native = name]) => [
    oid,
    {
      name,
      type,
      comparison,
      native,
      castType: asText.has(name) ? "text" : name,
      ...(ranges[name] === undefined ? {} : { range: ranges[name] }),
    },
  ]),
);

/** The OID of an array type to that of its elements. */
export const builtinElements: ReadonlyMap<number, number> = new Map(rows.map(([oid, arrayOid]) => [arrayOid, oid]));

const numericOid = 1700;
const intervalOid = 1186;
const bpcharOid = 1042;
const varcharOid = 1043;
const bitOid = 1560;

/**
 * A built-in type, or array of one, in the words of `format_type(oid, typmod)`; or
 * undefined when only the server can say.
 */
export function formatBuiltin(oid: number, typmod: number): string | undefined {
  const elementOid = builtinElements.get(oid);
  const { native } = builtinTypes.get(elementOid ?? oid) ?? {};
  if (native === undefined) return undefined;
  const brackets = elementOid === undefined ? "" : "[]";
  if (typmod < 0 || !native.includes("*")) return unmodified(elementOid ?? oid, native) + brackets;
  if ((elementOid ?? oid) === intervalOid) return undefined;
  return native.replace("*", `(${modifier(elementOid ?? oid, typmod)})`) + brackets;
}

/** Without a length, `character` and `bit` would mean a length of one. */
function unmodified(oid: number, native: string): string {
  if (oid === bpcharOid) return "bpchar";
  return oid === bitOid ? '"bit"' : native.replace("*", "");
}

/** The inverses of the types' `typmodin` functions. */
function modifier(oid: number, typmod: number): string {
  if (oid === numericOid) {
    const scale = (typmod - 4) & 0x7ff;
    return `${((typmod - 4) >> 16) & 0xffff},${scale > 1_023 ? scale - 2_048 : scale}`;
  }
  return String(oid === bpcharOid || oid === varcharOid ? typmod - 4 : typmod);
}
