/**
 * Dates and times of the binary protocol as text, written in place. What MySQL alone can
 * hold stays as it is: `0000-00-00`, `2026-00-00`, `-838:59:59`.
 *
 * Every function reads a value that its length precedes, from `at` on, writes its text to
 * the writer and says where the value ends; it throws `upstream_lost` when it is malformed.
 *
 * Source: MySQL, "Binary Protocol Value"; zeros at a value's end are not sent.
 */
import type { PackedWriter } from "../../rows/packed.ts";
import { malformedRow } from "./malformed.ts";
import { fillDigits, writeFraction, writeUint } from "./numbers.ts";

const minus = 0x2d;
const plus = 0x2b;
const space = 0x20;
const zero = 0x30;
const colon = 0x3a;

/** `2026-11-22 13:45:00.000001+00`, or ten digits of hours. */
const longest = 32;

/** What follows the length of a date, of one with a time, and of one with microseconds, too. */
const dateBytes = 4;
const secondBytes = 7;
const microsecondBytes = 11;

export function packDate(bytes: Buffer, at: number, end: number, writer: PackedWriter): number {
  const size = bytes[at] as number;
  const next = at + 1 + size;
  if ((size !== 0 && size !== dateBytes) || next > end) throw malformedRow();
  writer.written(writeDay(writer.room(longest), writer.at, bytes, at + 1, size));
  return next;
}

export function packTimestamp(bytes: Buffer, at: number, end: number, writer: PackedWriter): number {
  const next = at + 1 + (bytes[at] as number);
  writer.written(writeMoment(writer.room(longest), writer.at, bytes, at, end));
  return next;
}

/** The session's time zone is UTC. */
export function packInstant(bytes: Buffer, at: number, end: number, writer: PackedWriter): number {
  const next = at + 1 + (bytes[at] as number);
  const out = writer.room(longest);
  const to = writeMoment(out, writer.at, bytes, at, end);
  out[to] = plus;
  out[to + 1] = zero;
  out[to + 2] = zero;
  writer.written(to + 3);
  return next;
}

/** Sign, days, hours, minutes and seconds, and perhaps microseconds. */
export function packTime(bytes: Buffer, at: number, end: number, writer: PackedWriter): number {
  const size = bytes[at] as number;
  const next = at + 1 + size;
  if ((size !== 0 && size !== 8 && size !== 12) || next > end) throw malformedRow();
  const out = writer.room(longest);
  let to = writer.at;
  if (size === 0) {
    writer.written(writeClock(out, to, 0, 0, 0));
    return next;
  }
  if (bytes[at + 1] !== 0) out[to++] = minus;
  const hours = bytes.readUInt32LE(at + 2) * 24 + (bytes[at + 6] as number);
  if (hours > 0xffff_ffff) throw malformedRow();
  to = writeClock(out, to, hours, bytes[at + 7] as number, bytes[at + 8] as number);
  if (size === 12) to = writeMicroseconds(out, to, bytes, at + 9);
  writer.written(to);
  return next;
}

function writeMoment(out: Buffer, at: number, bytes: Buffer, from: number, end: number): number {
  const size = bytes[from] as number;
  const known = size === 0 || size === dateBytes || size === secondBytes || size === microsecondBytes;
  if (!known || from + 1 + size > end) throw malformedRow();
  let to = writeDay(out, at, bytes, from + 1, size);
  out[to++] = space;
  if (size < secondBytes) return writeClock(out, to, 0, 0, 0);
  to = writeClock(out, to, bytes[from + 5] as number, bytes[from + 6] as number, bytes[from + 7] as number);
  return size === microsecondBytes ? writeMicroseconds(out, to, bytes, from + 8) : to;
}

/** Year, month and day; all of them are zero when none was sent. */
function writeDay(out: Buffer, at: number, bytes: Buffer, from: number, size: number): number {
  const year = size === 0 ? 0 : (bytes[from] as number) | ((bytes[from + 1] as number) << 8);
  if (year > 9_999) throw malformedRow();
  fillDigits(out, at, at + 4, year);
  out[at + 4] = minus;
  writePair(out, at + 5, size === 0 ? 0 : (bytes[from + 2] as number));
  out[at + 7] = minus;
  return writePair(out, at + 8, size === 0 ? 0 : (bytes[from + 3] as number));
}

function writeClock(out: Buffer, at: number, hours: number, minutes: number, seconds: number): number {
  let to = hours < 100 ? writePair(out, at, hours) : writeUint(out, at, hours);
  out[to] = colon;
  to = writePair(out, to + 1, minutes);
  out[to] = colon;
  return writePair(out, to + 1, seconds);
}

function writePair(out: Buffer, at: number, value: number): number {
  if (value > 99) throw malformedRow();
  const tens = (value / 10) | 0;
  out[at] = zero + tens;
  out[at + 1] = zero + value - tens * 10;
  return at + 2;
}

/** The end of a fraction is cut of zeros, as PostgreSQL does it: `.5` and not `.500`. */
function writeMicroseconds(out: Buffer, at: number, bytes: Buffer, from: number): number {
  const microseconds = bytes.readUInt32LE(from);
  if (microseconds > 999_999) throw malformedRow();
  return writeFraction(out, at, microseconds, 6);
}
