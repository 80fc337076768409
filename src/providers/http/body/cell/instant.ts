/** The commonest form of an instant, from bytes to bytes. */
import type { PackedWriter } from "../../../../rows/packed.ts";
import { isDay } from "./temporal.ts";

const digit0 = 0x30;
const dash = 0x2d;
const colon = 0x3a;
const point = 0x2e;
const space = 0x20;
const letterT = 0x54;
const letterZ = 0x5a;

/** `2026-11-22T13:45:00`, and what follows it: a point and nine digits, `Z`. */
const clockSize = 19;
const mostSize = clockSize + 11;

/** What it takes in its canonical form. */
const room = clockSize + 7 + 3;

/**
 * Packs `2026-11-22T13:45:00.123Z` as a cell; false, and nothing is packed, when the text has
 * any other form.
 */
export function packInstant(bytes: Buffer, start: number, end: number, writer: PackedWriter): boolean {
  const size = end - start;
  if (size <= clockSize || size > mostSize || bytes[end - 1] !== letterZ || !isClock(bytes, start)) return false;
  const hasFraction = size > clockSize + 1;
  if (hasFraction && (size === clockSize + 2 || bytes[start + clockSize] !== point)) return false;
  for (let at = start + clockSize + 1; at < end - 1; at++) if (digit(bytes, at) < 0) return false;
  // No more than microseconds, and no zeros at the end.
  let last = Math.min(end - 2, start + clockSize + 6);
  while (last > start + clockSize && bytes[last] === digit0) last--;
  const kept = hasFraction && last > start + clockSize ? last + 1 : start + clockSize;
  const out = writer.room(room);
  let to = writer.at;
  for (let at = start; at < kept; at++) out[to++] = bytes[at] as number;
  out[writer.at + 10] = space;
  out[to++] = 0x2b;
  out[to++] = digit0;
  out[to++] = digit0;
  writer.written(to);
  return true;
}

function isClock(bytes: Buffer, at: number): boolean {
  if (bytes[at + 4] !== dash || bytes[at + 7] !== dash || bytes[at + 10] !== letterT) return false;
  if (bytes[at + 13] !== colon || bytes[at + 16] !== colon) return false;
  const century = twoDigits(bytes, at);
  const year = twoDigits(bytes, at + 2);
  const [hour, minute, second] = [twoDigits(bytes, at + 11), twoDigits(bytes, at + 14), twoDigits(bytes, at + 17)];
  if (century < 0 || year < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
    return false;
  return isDay(century * 100 + year, twoDigits(bytes, at + 5), twoDigits(bytes, at + 8));
}

/** Negative when one is no digit. */
function twoDigits(bytes: Buffer, at: number): number {
  const tens = digit(bytes, at);
  const ones = digit(bytes, at + 1);
  return tens < 0 || ones < 0 ? -1 : tens * 10 + ones;
}

function digit(bytes: Buffer, at: number): number {
  const value = (bytes[at] as number) - digit0;
  return value <= 9 ? value : -1;
}
