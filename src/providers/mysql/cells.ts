/**
 * Rows of the binary protocol into packed rows, from bytes to bytes.
 *
 * Integers, numbers of floating point, dates and times come in binary and are written as text
 * in place; everything else comes as text, or as bytes that become hexadecimal digits.
 *
 * Source: MySQL, "Binary Protocol Resultset Row" and "Binary Protocol Value".
 */
import type { PackedWriter } from "../../rows/packed.ts";
import { packBits, packBytes, packGeometry, packUnpadded, packVector } from "./bytes.ts";
import { type Column, flags, types } from "./column.ts";
import { firstOther, lengthAt, lengthSize } from "./length.ts";
import { malformedRow, notUtf8 } from "./malformed.ts";
import { numberBytes, writeDouble, writeFloat, writeInt, writeInt64, writeUint, writeUint64 } from "./numbers.ts";
import { packDate, packInstant, packTime, packTimestamp } from "./temporal.ts";
import { fieldTypeOf } from "./types.ts";

/**
 * Packs `bytes[start, end)`, one row from its header byte on, as the next row of the writer.
 * Of each text only the first byte is looked at: that a batch is UTF-8 is checked as a whole.
 *
 * @throws Failure `upstream_lost` when the row is not what its columns promise, or
 *   `configuration_rejected` when a text begins in the middle of a character. The row is
 *   then not ended.
 */
export type RowPacker = (bytes: Buffer, start: number, end: number, writer: PackedWriter) => void;

/** How a column's cells come. Up to `lastSized` a length stands in front of each. */
const kindText = 0;
const kindBytes = 1;
const kindBits = 2;
const kindGeometry = 3;
const kindVector = 4;
const kindPadded = 5;
const lastSized = kindPadded;
const kindInt8 = 6;
const kindUint8 = 7;
const kindInt16 = 8;
const kindUint16 = 9;
const kindInt32 = 10;
const kindUint32 = 11;
const kindInt64 = 12;
const kindUint64 = 13;
const kindFloat = 14;
const kindDouble = 15;
const kindDate = 16;
const kindTimestamp = 17;
const kindInstant = 18;
const kindTime = 19;

const rowHeader = 0x00;
/** The bits of a row's nulls begin with two that mean nothing. */
const unusedBits = 2;

/** @param columns as the answer to the execution describes them; those of the preparation may differ */
export function createRowPacker(columns: readonly Column[]): RowPacker {
  const kinds = Uint8Array.from(columns, kindOf);
  const count = columns.length;
  const nullBytes = (count + unusedBits + 7) >> 3;

  return (bytes, start, end, writer) => {
    let at = start + 1 + nullBytes;
    if (at > end || bytes[start] !== rowHeader) throw malformedRow();
    for (let i = 0; i < count; i++) {
      const bit = i + unusedBits;
      if (((bytes[start + 1 + (bit >> 3)] as number) >> (bit & 7)) & 1) {
        writer.null();
        continue;
      }
      if (at >= end) throw malformedRow();
      const kind = kinds[i] as number;
      if (kind > lastSized) {
        at = packFixed(kind, bytes, at, end, writer);
        continue;
      }
      const first = bytes[at] as number;
      const size = first < firstOther ? first : lengthAt(bytes, at, end);
      at += first < firstOther ? 1 : lengthSize(first);
      // What lies behind the row in memory is somebody else's.
      if (size < 0 || size > end - at) throw malformedRow();
      if (kind !== kindText) {
        packSized(kind, columns[i] as Column, bytes, at, at + size, writer);
      } else {
        if (size > 0 && ((bytes[at] as number) & 0xc0) === 0x80) throw notUtf8(columns[i]?.name);
        writer.cell(bytes, at, at + size);
      }
      at += size;
    }
    if (at !== end) throw malformedRow();
    writer.endRow();
  };
}

function packSized(
  kind: number,
  column: Column,
  bytes: Buffer,
  start: number,
  end: number,
  writer: PackedWriter,
): void {
  if (kind === kindBytes) packBytes(bytes, start, end, writer);
  else if (kind === kindPadded) packUnpadded(bytes, start, end, writer);
  else if (kind === kindBits) packBits(bytes, start, end, column.length, writer);
  else if (kind === kindGeometry) packGeometry(bytes, start, end, writer);
  else packVector(bytes, start, end, writer);
}

/** Says where the cell ends; behind `end` when it does not fit, which the row's end shows. */
function packFixed(kind: number, bytes: Buffer, at: number, end: number, writer: PackedWriter): number {
  switch (kind) {
    case kindDate:
      return packDate(bytes, at, end, writer);
    case kindTimestamp:
      return packTimestamp(bytes, at, end, writer);
    case kindInstant:
      return packInstant(bytes, at, end, writer);
    case kindTime:
      return packTime(bytes, at, end, writer);
    default:
      return packNumber(kind, bytes, at, end, writer);
  }
}

function packNumber(kind: number, bytes: Buffer, at: number, end: number, writer: PackedWriter): number {
  const next = at + (numberSizes[kind - kindInt8] as number);
  if (next > end) throw malformedRow();
  const out = writer.room(numberBytes);
  writer.written(writeNumber(out, writer.at, kind, bytes, at));
  return next;
}

/** Of the kinds from `kindInt8` on. */
const numberSizes = [1, 1, 2, 2, 4, 4, 8, 8, 4, 8];

function writeNumber(out: Buffer, to: number, kind: number, bytes: Buffer, at: number): number {
  switch (kind) {
    case kindInt8:
      return writeInt(out, to, ((bytes[at] as number) << 24) >> 24);
    case kindUint8:
      return writeUint(out, to, bytes[at] as number);
    case kindInt16:
      return writeInt(out, to, (uint16(bytes, at) << 16) >> 16);
    case kindUint16:
      return writeUint(out, to, uint16(bytes, at));
    case kindInt32:
      return writeInt(out, to, int32(bytes, at));
    case kindUint32:
      return writeUint(out, to, int32(bytes, at) >>> 0);
    case kindInt64:
      return writeInt64(out, to, int32(bytes, at) >>> 0, int32(bytes, at + 4) >>> 0);
    case kindUint64:
      return writeUint64(out, to, int32(bytes, at) >>> 0, int32(bytes, at + 4) >>> 0);
    case kindFloat:
      return writeFloat(out, to, finite(bytes.readFloatLE(at)));
    default:
      return writeDouble(out, to, finite(bytes.readDoubleLE(at)));
  }
}

const uint16 = (bytes: Buffer, at: number) => (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
const int32 = (bytes: Buffer, at: number) => uint16(bytes, at) | (uint16(bytes, at + 2) << 16);

/** The source's columns hold no other numbers. */
function finite(value: number): number {
  if (!Number.isFinite(value)) throw malformedRow();
  return value;
}

const fixedKinds = new Map<number, readonly [signed: number, unsigned: number]>([
  [types.tiny, [kindInt8, kindUint8]],
  [types.short, [kindInt16, kindUint16]],
  [types.year, [kindUint16, kindUint16]],
  [types.int24, [kindInt32, kindUint32]],
  [types.long, [kindInt32, kindUint32]],
  [types.longlong, [kindInt64, kindUint64]],
  [types.float, [kindFloat, kindFloat]],
  [types.double, [kindDouble, kindDouble]],
  [types.date, [kindDate, kindDate]],
  [types.newDate, [kindDate, kindDate]],
  [types.datetime, [kindTimestamp, kindTimestamp]],
  [types.timestamp, [kindInstant, kindInstant]],
  [types.time, [kindTime, kindTime]],
]);

function kindOf(column: Column): number {
  const fixed = fixedKinds.get(column.type);
  if (fixed !== undefined) return fixed[column.flags & flags.unsigned ? 1 : 0];
  if (column.type === types.bit) return kindBits;
  if (column.type === types.geometry) return kindGeometry;
  if (column.type === types.vector || column.extendedType === "vector") return kindVector;
  if (column.flags & flags.zerofill) return kindPadded;
  return fieldTypeOf(column) === "bytes" ? kindBytes : kindText;
}
