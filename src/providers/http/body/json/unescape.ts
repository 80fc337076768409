/** Texts of JSON as UTF-8. */
import { backslash, escaped, hexValue, letterU } from "./bytes.ts";

/**
 * Writes what stands between a text's quotes, whose escapes are right, to `out[to, …)`; it
 * never takes more room there. Half of a surrogate pair becomes U+FFFD, as in any text that
 * is encoded (https://encoding.spec.whatwg.org/#interface-textencoder).
 *
 * @returns where it ends
 */
export function unescapeTo(bytes: Buffer, start: number, end: number, out: Buffer, to: number): number {
  let next = to;
  let at = start;
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte !== backslash) {
      out[next++] = byte;
      at++;
      continue;
    }
    const letter = bytes[at + 1] as number;
    if (letter !== letterU) {
      out[next++] = escaped(letter);
      at += 2;
      continue;
    }
    let unit = codeUnit(bytes, at + 2);
    at += 6;
    if (unit >= 0xd800 && unit < 0xdc00 && bytes[at] === backslash && bytes[at + 1] === letterU && at + 6 <= end) {
      const low = codeUnit(bytes, at + 2);
      if (low >= 0xdc00 && low < 0xe000) {
        unit = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
      }
    }
    next = writeCharacter(out, next, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);
  }
  return next;
}

/** As `unescapeTo`, as a string. */
export function unescaped(bytes: Buffer, start: number, end: number): string {
  const out = Buffer.allocUnsafe(end - start);
  return out.toString("utf8", 0, unescapeTo(bytes, start, end, out, 0));
}

function codeUnit(bytes: Buffer, at: number): number {
  let unit = 0;
  for (let i = at; i < at + 4; i++) unit = (unit << 4) | hexValue(bytes[i] as number);
  return unit;
}

function writeCharacter(out: Buffer, to: number, character: number): number {
  let at = to;
  if (character < 0x80) {
    out[at++] = character;
  } else if (character < 0x800) {
    out[at++] = 0xc0 | (character >> 6);
    out[at++] = 0x80 | (character & 0x3f);
  } else if (character < 0x1_0000) {
    out[at++] = 0xe0 | (character >> 12);
    out[at++] = 0x80 | ((character >> 6) & 0x3f);
    out[at++] = 0x80 | (character & 0x3f);
  } else {
    out[at++] = 0xf0 | (character >> 18);
    out[at++] = 0x80 | ((character >> 12) & 0x3f);
    out[at++] = 0x80 | ((character >> 6) & 0x3f);
    out[at++] = 0x80 | (character & 0x3f);
  }
  return at;
}
