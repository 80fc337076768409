/** Numbers as APIs write them, in the canonical forms of the contract's FieldType. */
import { doubleText } from "../../../../rows/double.ts";

/** Has any exponent. */
const numberLike = /^[+-]?\d+(?:\.\d*)?[eE][+-]?\d+$/;
const numberForm = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;

/** An exponent may make so many digits of a few. */
const mostDigits = 1_000;

/** A number that no value of its type is. */
export const outOfRange = Symbol("out of range");

/** What a number is made of. */
interface Decimal {
  readonly isNegative: boolean;
  /** Without zeros at its beginning; `0` for none. */
  readonly whole: string;
  /** The digits behind the point. */
  readonly fraction: string;
}

/** The parts of a number, its exponent worked in; undefined for what is none, or has too many digits by its exponent. */
export function decimalOf(text: string): Decimal | undefined {
  const [matched, sign, whole = "", fraction = "", power] = numberForm.exec(text) ?? [];
  if (matched === undefined || (whole === "" && fraction === "")) return undefined;
  const isNegative = sign === "-";
  const exponent = Number(power ?? 0);
  if (exponent === 0) return { isNegative, whole: trimmed(whole), fraction };
  const digits = whole + fraction;
  if (/^0+$/.test(digits)) return { isNegative, whole: "0", fraction: "" };
  const point = whole.length + exponent;
  if (Math.abs(exponent) > mostDigits) return undefined;
  if (point <= 0) return { isNegative, whole: "0", fraction: "0".repeat(-point) + digits };
  return { isNegative, whole: trimmed(digits.padEnd(point, "0").slice(0, point)), fraction: digits.slice(point) };
}

/** Every digit that was sent, and none by an exponent's: `-12.340`. */
export function decimalText(text: string): string | typeof outOfRange | undefined {
  const decimal = decimalOf(text);
  if (decimal === undefined) return numberLike.test(text) ? outOfRange : notFinite(text);
  const digits = decimal.fraction === "" ? decimal.whole : `${decimal.whole}.${decimal.fraction}`;
  return decimal.isNegative && /[1-9]/.test(digits) ? `-${digits}` : digits;
}

export type IntegerType = "int32" | "int64" | "uint64";

const ranges: Readonly<Record<IntegerType, readonly [least: bigint, most: bigint]>> = {
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

/** An integer, `1.0` and `1e3` among them; undefined for what is none, and `outOfRange` for one that does not fit. */
export function integerText(text: string, type: IntegerType): string | typeof outOfRange | undefined {
  const decimal = decimalOf(text);
  if (decimal === undefined) return numberLike.test(text) ? outOfRange : undefined;
  if (/[1-9]/.test(decimal.fraction)) return undefined;
  // No integer of 64 bits has more digits.
  if (decimal.whole.length > 20) return outOfRange;
  const value = decimal.isNegative ? -BigInt(decimal.whole) : BigInt(decimal.whole);
  const [least, most] = ranges[type];
  return value < least || value > most ? outOfRange : String(value);
}

/** The shortest text that reads back the same; an infinity only where one was sent. */
export function floatText(text: string, type: "float" | "double"): string | typeof outOfRange | undefined {
  if (!numberForm.test(text) || !/^[+-]?\.?\d/.test(text)) return notFinite(text);
  const value = Number(text);
  const fits = Number.isFinite(type === "float" ? Math.fround(value) : value);
  return fits ? doubleText(value) : outOfRange;
}

/** What is no number, in the spellings of Prometheus, XML and JavaScript. */
function notFinite(text: string): string | undefined {
  if (text === "NaN") return text;
  const [, sign] = /^([+-]?)inf(?:inity)?$/i.exec(text) ?? [];
  return sign === undefined ? undefined : `${sign === "-" ? "-" : ""}Infinity`;
}

const trimmed = (digits: string) => digits.replace(/^0+(?=\d)/, "") || "0";
