/**
 * Numbers as text, written in place: a stream has millions of them, and a string for each
 * would cost more than all that is done with it.
 *
 * Every function writes to `out` from `at` on and says where the text ends.
 */

const zero = 0x30;
const minus = 0x2d;
const point = 0x2e;

const million = 1_000_000;
const billion = 1_000_000_000;

/** Bytes that the longest text of a number takes: `-2.2250738585072014e-308`. */
export const numberBytes = 24;

/** An integer from -2³¹ to 2³²-1. */
export function writeInt(out: Buffer, at: number, value: number): number {
  if (value >= 0) return writeUint(out, at, value);
  out[at] = minus;
  return writeUint(out, at + 1, -value);
}

/** An integer from 0 to 2³²-1. */
export function writeUint(out: Buffer, at: number, value: number): number {
  if (value < 10) {
    out[at] = zero + value;
    return at + 1;
  }
  const end = at + digitsOf(value);
  fillDigits(out, at, end, value);
  return end;
}

/** A signed integer of two halves, each as an unsigned one. */
export function writeInt64(out: Buffer, at: number, low: number, high: number): number {
  if (high < 0x8000_0000) return writeUint64(out, at, low, high);
  out[at] = minus;
  return writeUint64(out, at + 1, -low >>> 0, (~high + (low === 0 ? 1 : 0)) >>> 0);
}

/** An unsigned integer of two halves, each as an unsigned one. */
export function writeUint64(out: Buffer, at: number, low: number, high: number): number {
  if (high === 0) return writeUint(out, at, low);
  // Divided by a billion sixteen bits at a time, so that every step fits a number exactly.
  let quotient = Math.floor(high / billion);
  let rest = (high % billion) * 0x1_0000 + (low >>> 16);
  quotient = quotient * 0x1_0000 + Math.floor(rest / billion);
  rest = (rest % billion) * 0x1_0000 + (low & 0xffff);
  quotient = quotient * 0x1_0000 + Math.floor(rest / billion);
  rest %= billion;
  const to = quotient < billion ? writeUint(out, at, quotient) : writeLarge(out, at, quotient);
  fillDigits(out, to, to + 9, rest);
  return to + 9;
}

function writeLarge(out: Buffer, at: number, value: number): number {
  const to = writeUint(out, at, Math.floor(value / billion));
  fillDigits(out, to, to + 9, value % billion);
  return to + 9;
}

function digitsOf(value: number): number {
  if (value < 100_000) return value < 100 ? 2 : value < 1_000 ? 3 : value < 10_000 ? 4 : 5;
  if (value < 10_000_000) return value < 1_000_000 ? 6 : 7;
  return value < 100_000_000 ? 8 : value < billion ? 9 : 10;
}

/** Fills a range with a number's last digits, zeros in front. */
export function fillDigits(out: Buffer, start: number, end: number, value: number): void {
  let rest = value >>> 0;
  for (let at = end - 1; at >= start; at--) {
    const tenth = (rest / 10) >>> 0;
    out[at] = zero + rest - tenth * 10;
    rest = tenth;
  }
}

/** A point and `digits` digits of a fraction, but for zeros at its end; nothing when it is zero. */
export function writeFraction(out: Buffer, at: number, value: number, digits: number): number {
  if (value === 0) return at;
  out[at] = point;
  return trimmed(out, at + 1, at + 1 + digits, value);
}

/** As `fillDigits`, of a number that is not zero; says where its last digit ends that is not zero either. */
function trimmed(out: Buffer, start: number, end: number, value: number): number {
  fillDigits(out, start, end, value);
  let last = end;
  while (out[last - 1] === zero) last--;
  return last;
}

/** A number of double precision has fifteen digits that are its own: among the texts of so many, each is another number. */
const scales: readonly (readonly [below: number, scale: number, decimals: number])[] = [
  [1e3, 1e12, 12],
  [1e6, 1e9, 9],
  [1e9, 1e6, 6],
  [1e12, 1e3, 3],
  [1e15, 1, 0],
];

/** From here on, and up to `plainBelow`, PostgreSQL writes a number without an exponent. */
const plainFrom = 1e-4;
const plainBelow = 1e15;

/**
 * A number of double precision as PostgreSQL writes it: the shortest text that reads back
 * the same, with an exponent below 1e-4 and from 1e15 on. MySQL knows no infinities.
 */
export function writeDouble(out: Buffer, at: number, value: number): number {
  const size = Math.abs(value);
  if (size < plainFrom || size >= plainBelow) return writeText(out, at, doubleText(value));
  let place = 0;
  while (size >= (scales[place] as (typeof scales)[number])[0]) place++;
  const [, scale, decimals] = scales[place] as (typeof scales)[number];
  const scaled = Math.round(size * scale);
  // Not the same: it takes a sixteenth digit.
  if (scaled / scale !== size) return writeText(out, at, String(value));
  const whole = Math.floor(size);
  let to = at;
  if (value < 0) out[to++] = minus;
  to = whole <= 0xffff_ffff ? writeUint(out, to, whole) : writeLarge(out, to, whole);
  const fraction = scaled - whole * scale;
  return fraction === 0 ? to : writeDecimals(out, to, fraction, decimals);
}

/** A point and up to twelve digits. */
function writeDecimals(out: Buffer, at: number, fraction: number, digits: number): number {
  if (digits <= 9) return writeFraction(out, at, fraction, digits);
  const head = Math.floor(fraction / million);
  const tail = fraction - head * million;
  if (tail === 0) return writeFraction(out, at, head, digits - 6);
  out[at] = point;
  fillDigits(out, at + 1, at + 1 + digits - 6, head);
  return trimmed(out, at + 1 + digits - 6, at + 1 + digits, tail);
}

function doubleText(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  return withExponent(value.toExponential());
}

/** JavaScript's exponents may have one digit, PostgreSQL's have two. */
function withExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, "e$10$2");
}

/** Single precision: digits that every number keeps, and digits that tell every two apart. */
const sureDigits = 6;
const mostDigits = 9;
const leastNormal = 2 ** -126;

/** A number of single precision, likewise, with an exponent from 1e6 on. */
export function writeFloat(out: Buffer, at: number, value: number): number {
  if (Math.trunc(value) === value && Math.abs(value) < million && !Object.is(value, -0))
    return writeInt(out, at, value);
  return writeText(out, at, floatText(value));
}

function floatText(value: number): string {
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const size = Math.abs(value);
  const shortest = shortestOf(size);
  const text = size >= plainFrom && size < million ? String(shortest) : withExponent(shortest.toExponential());
  return value < 0 ? `-${text}` : text;
}

/** The number of fewest decimal digits that is rounded to this one of single precision. */
function shortestOf(value: number): number {
  for (let digits = value < leastNormal ? 1 : sureDigits; digits < mostDigits; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return rounded;
  }
  return Number(value.toPrecision(mostDigits));
}

/** A text of ASCII. */
export function writeText(out: Buffer, at: number, text: string): number {
  for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i);
  return at + text.length;
}
