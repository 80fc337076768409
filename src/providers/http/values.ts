/**
 * Which of two values is the greater, by the types of the contract: what a database says of
 * its values, for rows that the service itself filters.
 */
import type { FieldType } from "../../rows/field.ts";
import { digitsOf } from "../query/decimal.ts";
import { instantInUtc } from "../query/temporal.ts";
import type { Comparability } from "../query/value-type.ts";

/** A value by which two are compared. */
type Key = string | number | bigint;

/** How values of one type are compared. */
export interface Comparison {
  /** Of a canonical text, or of an operand's. */
  key(text: string): Key;
  /** Below zero when the first is the lesser. */
  compare(one: Key, other: Key): number;
}

/** What can be asked of the values of a type, as far as APIs have them. */
/** @param isRanked whether the labels of an enum are known */
export function comparabilityOf(type: FieldType, isRanked: boolean): Comparability {
  switch (type) {
    case "json":
    case "interval":
    case "array":
    case "struct":
    case "other":
      return "none";
    case "enum":
      return isRanked ? "ordered" : "equal";
    default:
      return "ordered";
  }
}

/** @param enumLabels of an enum, in their order, where they are known */
export function comparisonOf(type: FieldType, enumLabels: readonly string[] = []): Comparison {
  switch (type) {
    case "int32":
    case "int64":
    case "uint64":
      return { key: BigInt, compare: byValue };
    case "float":
      return { key: (text) => Math.fround(Number(text)), compare: byNumber };
    case "double":
      return { key: Number, compare: byNumber };
    case "decimal":
      return { key: String, compare: byDigits };
    case "timestamp_tz":
      return { key: (text) => clockOf(instantInUtc(withOffset(text))), compare: byValue };
    case "timestamp":
    case "time":
      return { key: clockOf, compare: byValue };
    case "uuid":
    case "bytes":
      return { key: (text) => text.toLowerCase(), compare: byValue };
    case "enum":
      if (enumLabels.length > 0) return { key: (text) => enumLabels.indexOf(text), compare: byValue };
      return { key: String, compare: byCodePoint };
    default:
      return { key: String, compare: byCodePoint };
  }
}

const byValue: Comparison["compare"] = (one, other) => (one < other ? -1 : one > other ? 1 : 0);

/** As PostgreSQL has it: NaN equals itself and is the greatest. */
const byNumber: Comparison["compare"] = (one, other) => {
  const [a, b] = [Number.isNaN(one), Number.isNaN(other)];
  return a || b ? Number(a) - Number(b) : byValue(one, other);
};

/** UTF-16 puts what is beyond the BMP before U+E000. */
const byCodePoint: Comparison["compare"] = (one, other) => {
  if (one === other) return 0;
  return Buffer.compare(Buffer.from(String(one)), Buffer.from(String(other)));
};

const byDigits: Comparison["compare"] = (one, other) => {
  const [a, b] = [digitsOf(String(one)), digitsOf(String(other))];
  const [zeroA, zeroB] = [a.whole + a.fraction === "", b.whole + b.fraction === ""];
  if (zeroA && zeroB) return 0;
  const [signA, signB] = [zeroA ? 0 : a.negative ? -1 : 1, zeroB ? 0 : b.negative ? -1 : 1];
  if (signA !== signB) return signA - signB;
  const size = a.whole.length - b.whole.length || byValue(a.whole, b.whole) || byValue(a.fraction, b.fraction);
  return signA < 0 ? -size : size;
};

/** Canonical texts say `+00`, and an operand says its offset in one of several ways. */
function withOffset(text: string): string {
  return /(?:Z|[+-]\d\d(?::?\d\d)?)$/.test(text) ? text : `${text}+00`;
}

/** A date and a time, or a time alone, written so that texts are in the order of time. */
function clockOf(text: string): string {
  const [clock = "", fraction = ""] = text.replace("T", " ").split(".");
  const seconds = /^(?:.* )?\d\d:\d\d$/.test(clock) ? `${clock}:00` : clock;
  return `${seconds}.${fraction.replace(/0+$/, "")}`;
}
