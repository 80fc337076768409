/**
 * Cells that come as bytes of some meaning: binary text, bits, geometries, vectors, and
 * decimals with zeros in front. Each function takes `bytes[start, end)` without its length.
 */
import type { PackedWriter } from "../../rows/packed.ts";
import { malformedRow } from "./malformed.ts";
import { numberBytes, writeFloat, writeText } from "./numbers.ts";

const backslash = 0x5c;
const letterX = 0x78;
const zero = 0x30;
const point = 0x2e;
const comma = 0x2c;
const opening = 0x5b;
const closing = 0x5d;

/** Longer ones are better left to Node, whose call costs as much as so many digits. */
const byHand = 128;

const hexDigits = Uint8Array.from(Buffer.from("0123456789abcdef"));

/** `\x` and two hexadecimal digits a byte. */
export function packBytes(bytes: Buffer, start: number, end: number, writer: PackedWriter): void {
  const out = writer.room(2 + 2 * (end - start));
  writer.written(writeHex(out, writeHexMark(out, writer.at), bytes, start, end));
}

function writeHexMark(out: Buffer, at: number): number {
  out[at] = backslash;
  out[at + 1] = letterX;
  return at + 2;
}

function writeHex(out: Buffer, at: number, bytes: Buffer, start: number, end: number): number {
  if (end - start > byHand) return at + out.write(bytes.toString("hex", start, end), at, "latin1");
  let to = at;
  for (let from = start; from < end; from++) {
    const byte = bytes[from] as number;
    out[to++] = hexDigits[byte >> 4] as number;
    out[to++] = hexDigits[byte & 15] as number;
  }
  return to;
}

/** Where in MySQL's own form of a geometry its WKB begins: the SRID stands in front. */
const wkbAt = 4;
/** A byte for the order of bytes, and the geometry's type. */
const wkbHeadBytes = 5;
const littleEndian = 1;
/** Says in a type's last byte that an SRID follows. */
const sridFlag = 0x20;

/**
 * A geometry as WKB; one that has an SRID as EWKB, which holds it behind the type, as PostGIS
 * writes it.
 */
export function packGeometry(bytes: Buffer, start: number, end: number, writer: PackedWriter): void {
  const size = end - start;
  const wkb = start + wkbAt;
  // A column that is NOT NULL may hold nothing where the server is not strict.
  if (size === 0) {
    packBytes(bytes, start, end, writer);
  } else if (size < wkbAt + wkbHeadBytes || bytes[wkb] !== littleEndian) {
    throw malformedRow();
  } else if (bytes.readUInt32LE(start) === 0) {
    packBytes(bytes, wkb, end, writer);
  } else {
    const out = writer.room(2 + 2 * size);
    let to = writeHex(out, writeHexMark(out, writer.at), bytes, wkb, wkb + wkbHeadBytes);
    const flagged = (bytes[wkb + wkbHeadBytes - 1] as number) | sridFlag;
    out[to - 2] = hexDigits[flagged >> 4] as number;
    to = writeHex(out, to, bytes, start, wkb);
    writer.written(writeHex(out, to, bytes, wkb + wkbHeadBytes, end));
  }
}

/** `[1,-2.5]`, as pgvector writes it. */
export function packVector(bytes: Buffer, start: number, end: number, writer: PackedWriter): void {
  if ((end - start) % 4 !== 0) throw malformedRow();
  const out = writer.room(2 + ((end - start) / 4) * (numberBytes + 1));
  let to = writer.at;
  out[to++] = opening;
  for (let at = start; at < end; at += 4) {
    if (at > start) out[to++] = comma;
    const value = bytes.readFloatLE(at);
    to = Number.isFinite(value) ? writeFloat(out, to, value) : writeText(out, to, String(value));
  }
  out[to++] = closing;
  writer.written(to);
}

/** @param digits how many bits the column has, which fill whole bytes from the left */
export function packBits(bytes: Buffer, start: number, end: number, digits: number, writer: PackedWriter): void {
  const sent = (end - start) * 8;
  const shown = Math.min(digits, sent);
  const out = writer.room(shown);
  const at = writer.at;
  for (let i = 0; i < shown; i++) {
    const bit = sent - shown + i;
    out[at + i] = zero + (((bytes[start + (bit >> 3)] as number) >> (7 - (bit & 7))) & 1);
  }
  writer.written(at + shown);
}

/** ZEROFILL puts zeros in front of a number, which say nothing. */
export function packUnpadded(bytes: Buffer, start: number, end: number, writer: PackedWriter): void {
  let from = start;
  while (from < end - 1 && bytes[from] === zero && bytes[from + 1] !== point) from++;
  writer.cell(bytes, from, end);
}
