/** What a table's column is to the contract, by its catalogue: what its operands are, too. */
import { isIPv4, isIPv6 } from "node:net";
import type { FieldType } from "../../rows/field.ts";
import type { Comparability } from "../query/value-type.ts";
import type { ValueType } from "../sql/dialect.ts";
import { nativeTypeIn } from "./native-type.ts";

/** A column as information_schema.columns has it. */
export interface CatalogueColumn {
  /** DATA_TYPE: `bigint`. */
  readonly dataType: string;
  /** COLUMN_TYPE: `bigint(20) unsigned`. */
  readonly columnType: string;
  /** CHARACTER_SET_NAME. */
  readonly characterSet: string | null;
  /** COLLATION_NAME. */
  readonly collation: string | null;
  /** It is MariaDB's JSON: a text that a constraint holds to it. */
  readonly isJson: boolean;
  /** It is a column of MariaDB's. */
  readonly isMariaDb: boolean;
}

type Facts = Omit<ValueType, "nativeType">;

export function valueTypeOf(column: CatalogueColumn): ValueType {
  return { ...factsOf(column), nativeType: column.isJson ? "json" : nativeTypeIn(column.columnType) };
}

function factsOf(column: CatalogueColumn): Facts {
  const { dataType, columnType, characterSet, collation } = column;
  if (column.isJson) return jsonText;
  // Its results tell nothing but the bytes.
  if (dataType === "vector" && column.isMariaDb) return unordered;
  if (dataType === "time" && !column.isMariaDb) return timeOfMysql;
  const integer = integers.get(columnType.includes("unsigned") ? `${dataType} unsigned` : dataType);
  if (integer !== undefined) return { ...integer, castType: "signed", comparison: "ordered" };
  if (dataType === "decimal") return decimalOf(columnType);
  if (dataType === "bit") return bitsOf(columnType);
  // Its bytes need not be text.
  if (characterSet === "binary") return plain.get("blob") as Facts;
  if (dataType === "enum") return enumOf(columnType);
  // A set is compared as a text, and sorted by the numbers of its members.
  if (dataType === "set") return textOf(characterSet, collation, "equal");
  return plain.get(dataType) ?? (characterSet === null ? unknown : textOf(characterSet, collation, "ordered"));
}

const signed = (bits: number) => [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n] as const;
const unsigned = (bits: number) => [0n, 2n ** BigInt(bits) - 1n] as const;

/** TINYINT(1) is no boolean: it holds 2, too, which a boolean would lose. */
const integers = new Map<string, { type: FieldType; range?: readonly [bigint, bigint] }>([
  ["tinyint", { type: "int32", range: signed(8) }],
  ["smallint", { type: "int32", range: signed(16) }],
  ["mediumint", { type: "int32", range: signed(24) }],
  ["int", { type: "int32" }],
  ["bigint", { type: "int64" }],
  ["tinyint unsigned", { type: "int32", range: unsigned(8) }],
  ["smallint unsigned", { type: "int32", range: unsigned(16) }],
  ["mediumint unsigned", { type: "int32", range: unsigned(24) }],
  ["int unsigned", { type: "int64", range: unsigned(32) }],
  ["bigint unsigned", { type: "uint64" }],
]);

const facts = (type: FieldType, comparison: Comparability, castType = "", more: Partial<Facts> = {}): Facts => ({
  type,
  comparison,
  castType,
  ...more,
});

/** Bytes that hold a value of no text form that an operand could have. */
const unordered = facts("bytes", "none");
const unknown = facts("other", "none");
const jsonText = facts("json", "equal");
const dates = { calendar: { zeros: true } } as const;

/** MariaDB reads no zone, and no more than the 39 characters of eight full groups. */
const isAddress6 = (text: string) => isIPv6(text) && !text.includes("%") && text.length <= 39;

const plain = new Map<string, Facts>([
  ["float", facts("float", "ordered", "", { finite: true })],
  ["double", facts("double", "ordered", "", { finite: true })],
  // No year stands between 0 and 1901.
  ["year", facts("int32", "ordered", "year", { range: [0n, 2_155n] })],
  ["date", facts("date", "ordered", "date", dates)],
  ["datetime", facts("timestamp", "ordered", "datetime(6)", dates)],
  ["timestamp", facts("timestamp_tz", "ordered", "datetime(6)", dates)],
  ["time", facts("time", "ordered", "time(6)", { hours: 838 })],
  ...["binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"].map(
    (name) => [name, facts("bytes", "ordered", "binary")] as const,
  ),
  ["json", facts("json", "equal", "json")],
  ["uuid", facts("uuid", "ordered", "uuid")],
  ["inet4", facts("other", "ordered", "inet4", { form: { expects: "a text such as `10.0.0.1`", accepts: isIPv4 } })],
  [
    "inet6",
    facts("other", "ordered", "inet6", { form: { expects: "a text such as `2001:db8::1`", accepts: isAddress6 } }),
  ],
  ["vector", facts("other", "none")],
  ...["geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"].map(
    (name) => [name, unordered] as const,
  ),
  ["geometrycollection", unordered],
  ["geomcollection", unordered],
]);

/** MySQL takes what is longer for the longest, which has no fraction; MariaDB's has one. */
const timeOfMysql = facts("time", "ordered", "time(6)", {
  hours: 838,
  form: {
    expects: "a text such as `13:45:00.000001`, of 838 hours at most, up to 838:59:59",
    accepts: (text) => !/^-?838:59:59\.0*[1-9]/.test(text),
  },
});

/** A column is compared with whatever a DECIMAL can be, up to the digits behind the point that MySQL has, or the column itself. */
function decimalOf(columnType: string): Facts {
  const fraction = Number(/,(\d+)\)/.exec(columnType)?.[1] ?? 0);
  return facts("decimal", "ordered", "decimal", {
    digits: { total: 65, fraction: Math.max(30, fraction) },
    finite: true,
  });
}

function bitsOf(columnType: string): Facts {
  const bits = Number(/\((\d+)\)/.exec(columnType)?.[1] ?? 1);
  const form = new RegExp(`^[01]{1,${bits}}$`);
  return facts("other", "ordered", "bit", {
    form: { expects: `a text of ${bits} zeros and ones at most`, accepts: (text) => form.test(text) },
  });
}

/** Character sets that hold all of Unicode. */
const whole = /^utf(?:8mb4|16|16le|32)$/;

function textOf(characterSet: string | null, collation: string | null, comparison: Comparability): Facts {
  const isWhole = characterSet === null || collation === null || whole.test(characterSet);
  const partial = isWhole ? {} : { narrowText: { characterSet, collation } };
  return facts("string", comparison, "char", { holdsNul: true, ...partial });
}

/** Its labels are sorted in the order in which they were declared, which one must know. */
function enumOf(columnType: string): Facts {
  const labels = labelsIn(columnType);
  if (labels === undefined) return facts("enum", "equal", "char");
  return facts("enum", "ordered", "char", { enumLabels: labels });
}

const unescaped: Readonly<Record<string, string>> = { "''": "'", "\\\\": "\\", "\\n": "\n", "\\r": "\r", "\\0": "\0" };

/**
 * The labels of `enum('a','it''s')` or the members of a set, as servers write them: with
 * quotes doubled, and backslashes in front of themselves and of letters that stand for line
 * breaks and NUL. Undefined when a label may be another one: the catalogue has no characters
 * beyond the first 65,536 and shows `?` for them.
 */
export function labelsIn(columnType: string): string[] | undefined {
  if (columnType.includes("?")) return undefined;
  const quoted = columnType.matchAll(/'((?:[^']|'')*)'/g);
  return [...quoted].map(([, label = ""]) => label.replace(/''|\\[\\nr0]/g, (escaped) => unescaped[escaped] as string));
}
