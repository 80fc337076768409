/** Cells, made of the values of a row: from bytes to bytes wherever they are canonical already. */
import type { PackedWriter } from "../../../../rows/packed.ts";
import { type Found, notOfType } from "../failures.ts";
import type { HttpField } from "../format.ts";
import { digit0, isDigit, minusSign } from "../json/bytes.ts";
import { unescaped, unescapeTo } from "../json/unescape.ts";
import { packInstant } from "./instant.ts";
import { outOfRange } from "./number.ts";
import {
  kindArray,
  kindBare,
  kindDoubled,
  kindEscaped,
  kindExponent,
  kindFalse,
  kindFraction,
  kindInteger,
  kindNone,
  kindObject,
  kindText,
  kindTrue,
  type Slots,
} from "./slots.ts";
import { canonicalText, isEpoch } from "./text.ts";

/** How a field's cells are made. */
const asText = 0;
const asJson = 1;
const asInt32 = 2;
const asInt64 = 3;
const asDouble = 4;
const asDecimal = 5;
const asBool = 6;
const asInstant = 7;
const asUuid = 8;
/** As text, and what is nested as JSON. */
const asAny = 9;
/** By way of the value's text. */
const asOther = 10;

/**
 * Packs the values in the slots as the cells of a row, and does not end it.
 *
 * @throws Failure `configuration_rejected` when one is none of its field's type
 */
export type CellPacker = (bytes: Buffer, values: Slots, writer: PackedWriter) => void;

/** @param slots where each field's value is */
export function createCellPacker(resource: string, fields: readonly HttpField[], slots: Int32Array): CellPacker {
  const ways = Uint8Array.from(fields, wayOf);
  const count = fields.length;
  return (bytes, { kinds, starts, ends }, writer) => {
    for (let i = 0; i < count; i++) {
      const slot = slots[i] as number;
      const kind = kinds[slot] as number;
      if (kind === kindNone) {
        writer.null();
        continue;
      }
      const start = starts[slot] as number;
      const end = ends[slot] as number;
      if (packCanonical(ways[i] as number, kind, bytes, start, end, writer)) continue;
      const field = fields[i] as HttpField;
      const text = kind < kindObject ? canonicalText(field, scalarText(kind, bytes, start, end)) : undefined;
      if (typeof text !== "string")
        throw notOfType(resource, field, text === outOfRange ? "a number out of range" : foundOf(kind));
      writer.text(text);
    }
  };
}

/** A scalar as text: of a text what it says. */
export function scalarText(kind: number, bytes: Buffer, start: number, end: number): string {
  if (kind === kindEscaped) return unescaped(bytes, start, end);
  const text = bytes.toString("utf8", start, end);
  return kind === kindDoubled ? text.replaceAll('""', '"') : text;
}

/** Packs what needs no more than its bytes; false, and nothing is packed, for all else. */
function packCanonical(
  way: number,
  kind: number,
  bytes: Buffer,
  start: number,
  end: number,
  writer: PackedWriter,
): boolean {
  switch (way) {
    case asText:
    case asAny:
      if (kind >= kindObject && way === asText) return false;
      if (kind === kindDoubled) return false;
      if (kind === kindEscaped) packEscaped(bytes, start, end, writer);
      else writer.cell(bytes, start, end);
      return true;
    case asJson:
      if (kind === kindBare || kind === kindDoubled) return false;
      if (kind === kindText || kind === kindEscaped) writer.cell(bytes, start - 1, end + 1);
      else writer.cell(bytes, start, end);
      return true;
    case asInstant:
      return (kind === kindText || kind === kindBare) && packInstant(bytes, start, end, writer);
    case asUuid:
      if (!isCanonicalUuid(bytes, start, end)) return false;
      writer.cell(bytes, start, end);
      return true;
    case asBool:
      return packBool(kind, writer);
    default:
      if (!isCanonicalNumber(way, kind, bytes, start, end)) return false;
      writer.cell(bytes, start, end);
      return true;
  }
}

function packEscaped(bytes: Buffer, start: number, end: number, writer: PackedWriter): void {
  const out = writer.room(end - start);
  writer.written(unescapeTo(bytes, start, end, out, writer.at));
}

function packBool(kind: number, writer: PackedWriter): boolean {
  if (kind !== kindTrue && kind !== kindFalse) return false;
  const out = writer.room(1);
  out[writer.at] = kind === kindTrue ? 0x74 : 0x66;
  writer.written(writer.at + 1);
  return true;
}

function isCanonicalUuid(bytes: Buffer, start: number, end: number): boolean {
  if (end - start !== 36) return false;
  for (let i = 0; i < 36; i++) {
    const byte = bytes[start + i] as number;
    const isHyphen = i === 8 || i === 13 || i === 18 || i === 23;
    if (isHyphen ? byte !== minusSign : !isDigit(byte) && (byte < 0x61 || byte > 0x66)) return false;
  }
  return true;
}

/** So many digits certainly fit the type, whatever they are. */
const int32Digits = 9;
const int64Digits = 18;
/** So many digits of any decimal come back from a number of double precision. */
const doubleDigits = 15;

function isCanonicalNumber(way: number, kind: number, bytes: Buffer, start: number, end: number): boolean {
  if (kind !== kindInteger && kind !== kindFraction) return false;
  const first = bytes[start] as number;
  // Zero below zero is a number of its own only in double precision.
  if (first === minusSign && bytes[start + 1] === digit0 && way !== asDouble) return false;
  const size = end - start;
  if (way === asInt64) return kind === kindInteger && size <= int64Digits;
  if (way === asInt32) return kind === kindInteger && size <= int32Digits;
  if (way === asDecimal) return true;
  if (way !== asDouble || size > doubleDigits) return false;
  if (kind === kindInteger) return true;
  // Neither an exponent's size nor zeros at the end.
  const whole = first === minusSign ? start + 1 : start;
  return bytes[end - 1] !== digit0 && (bytes[whole] !== digit0 || bytes[whole + 2] !== digit0);
}

function wayOf(field: HttpField): number {
  switch (field.type) {
    case "string":
    case "enum":
      return asText;
    case "other":
      return asAny;
    case "json":
      return asJson;
    case "int32":
      return asInt32;
    case "int64":
      return asInt64;
    case "double":
      return asDouble;
    case "decimal":
      return asDecimal;
    case "uuid":
      return asUuid;
    case "bool":
      return asBool;
    case "timestamp_tz":
      return isEpoch(field) ? asOther : asInstant;
    default:
      return asOther;
  }
}

function foundOf(kind: number): Found {
  if (kind === kindInteger) return "a number";
  if (kind === kindFraction || kind === kindExponent) return "a fraction";
  if (kind === kindTrue || kind === kindFalse) return "a boolean";
  if (kind === kindObject) return "an object";
  return kind === kindArray ? "an array" : "a text";
}
