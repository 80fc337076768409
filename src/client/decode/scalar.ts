/**
 * Values out of their canonical text, read from the bytes where that is faster
 * than making a string of them first.
 */

import { parseArray } from "./array.ts";
import { type Column, type Kind, kindArray, kindBigint, kindBool, kindBytes, kindDouble, kindInt32 } from "./kind.ts";
import type { BatchText } from "./text.ts";

/** A value as this client hands it out. */
export type Cell = null | boolean | number | bigint | string | Uint8Array | Cell[];

/** What a value's canonical text in hexadecimal is made of is ASCII. */
const ascii = new TextEncoder();

const minus = 0x2d;
const zero = 0x30;
const point = 0x2e;

/** Fifteen decimal digits fit a double exactly, whatever they are. */
const exactDigits = 15;

/** Powers of ten that are exact as doubles. */
const powersOfTen = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/** A decimal integer of at most 15 digits. */
export function integerAt(bytes: Uint8Array, start: number, end: number): number {
  const negative = bytes[start] === minus;
  let value = 0;
  for (let at = negative ? start + 1 : start; at < end; at++) value = value * 10 + (bytes[at] as number) - zero;
  return negative ? -value : value;
}

/** A decimal integer of any size. */
export function bigintAt(text: BatchText, start: number, end: number): bigint {
  // BigInt of a number takes a third of the time of BigInt of a string.
  return end - start <= exactDigits ? BigInt(integerAt(text.bytes, start, end)) : BigInt(text.ascii(start, end));
}

/**
 * A floating-point number. Up to 15 digits without an exponent are an exact integer
 * divided by an exact power of ten, which IEEE 754 rounds correctly (Clinger, "How
 * to read floating point numbers accurately", 1990); the rest is left to `Number`.
 */
export function doubleAt(text: BatchText, start: number, end: number): number {
  if (end - start > exactDigits + 2) return Number(text.ascii(start, end));
  const bytes = text.bytes;
  const negative = bytes[start] === minus;
  let digits = 0;
  let value = 0;
  let pointAt = -1;
  for (let at = negative ? start + 1 : start; at < end; at++) {
    const byte = bytes[at] as number;
    const digit = byte - zero;
    if (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digits++;
    } else if (byte === point && pointAt < 0) {
      pointAt = at;
    } else {
      return Number(text.ascii(start, end));
    }
  }
  if (digits > exactDigits) return Number(text.ascii(start, end));
  if (pointAt >= 0) value /= powersOfTen[end - pointAt - 1] as number;
  return negative ? -value : value;
}

/** Bytes out of `\x` and two hexadecimal digits each. */
export function bytesAt(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const result = new Uint8Array((end - start - 2) >>> 1);
  let at = start + 2;
  for (let i = 0; i < result.length; i++) {
    result[i] = (nibble(bytes[at] as number) << 4) | nibble(bytes[at + 1] as number);
    at += 2;
  }
  return result;
}

/** The value of a hexadecimal digit: letters follow 0x40 or 0x60. */
function nibble(byte: number): number {
  return (byte & 0x0f) + (byte >= 0x40 ? 9 : 0);
}

/** A value out of its canonical text, where the text is at hand already. */
export function fromText(text: string, kind: Kind): Cell {
  switch (kind) {
    case kindBool:
      return text === "t";
    case kindInt32:
    case kindDouble:
      return Number(text);
    case kindBigint:
      return BigInt(text);
    case kindBytes: {
      const bytes = ascii.encode(text);
      return bytesAt(bytes, 0, bytes.length);
    }
    default:
      return text;
  }
}

/** The same for a whole column, arrays included. */
export function columnFromText(text: string, column: Column): Cell {
  if (column.kind === kindArray)
    return parseArray(text, column.delimiter, (element) => fromText(element, column.elementKind));
  return fromText(text, column.kind);
}
