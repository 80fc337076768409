/** One record of CSV (RFC 4180), whose bytes are in one piece. */

import { kindBare, kindDoubled, kindFraction, kindInteger, kindNone, newSlots, type Slots } from "../cell/slots.ts";
import { digit0, dot, isDigit, minusSign, quote } from "../json/bytes.ts";

/** What `scan` gives instead of an end. */
export const needsMore = -1;
/** A quote stands where none may. */
export const strayQuote = -2;
export const tooManyCells = -3;

const newline = 0x0a;
const carriageReturn = 0x0d;
const maxCells = 16_384;

export const isLineEnd = (byte: number) => byte === newline || byte === carriageReturn;

export class RecordScanner {
  /** The cells of the last record: as many as `count`, by their place. */
  cells: Slots = newSlots(64);
  count = 0;
  readonly #delimiter: number;

  constructor(delimiter: number) {
    this.#delimiter = delimiter;
  }

  /**
   * @param isWhole nothing comes behind `end`
   * @returns where the line end stands, or `end`; `needsMore`, `strayQuote` or `tooManyCells`
   */
  scan(bytes: Buffer, from: number, end: number, isWhole: boolean): number {
    this.count = 0;
    let at = from;
    for (;;) {
      if (this.count === maxCells) return tooManyCells;
      at = at < end && bytes[at] === quote ? this.#quoted(bytes, at + 1, end, isWhole) : this.#bare(bytes, at, end);
      if (at < 0) return at;
      if (at === end) return isWhole ? end : needsMore;
      if (bytes[at] !== this.#delimiter) return isLineEnd(bytes[at] as number) ? at : strayQuote;
      at++;
    }
  }

  #bare(bytes: Buffer, start: number, end: number): number {
    const delimiter = this.#delimiter;
    let at = start;
    for (; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte === delimiter || byte === newline || byte === carriageReturn) break;
      if (byte === quote) return strayQuote;
    }
    this.#add(at === start ? kindNone : kindBare, start, at);
    return at;
  }

  #quoted(bytes: Buffer, start: number, end: number, isWhole: boolean): number {
    let kind = kindBare;
    for (let at = start; at < end; at++) {
      if (bytes[at] !== quote) continue;
      if (at + 1 === end && !isWhole) return needsMore;
      if (at + 1 === end || bytes[at + 1] !== quote) {
        this.#add(kind, start, at);
        return at + 1;
      }
      kind = kindDoubled;
      at++;
    }
    return needsMore;
  }

  #add(kind: number, start: number, end: number): void {
    const place = this.count++;
    if (place === this.cells.kinds.length) this.#grow();
    const { kinds, starts, ends } = this.cells;
    kinds[place] = kind;
    starts[place] = start;
    ends[place] = end;
  }

  #grow(): void {
    const grown = newSlots(this.cells.kinds.length * 2);
    grown.kinds.set(this.cells.kinds);
    grown.starts.set(this.cells.starts);
    grown.ends.set(this.cells.ends);
    this.cells = grown;
  }
}

/** What a number of JSON would be if it stood there; `kindBare` for all else. */
export function numberKind(bytes: Buffer, start: number, end: number): number {
  const first = bytes[start] === minusSign ? start + 1 : start;
  let at = first;
  while (at < end && isDigit(bytes[at] as number)) at++;
  if (at === first || (at > first + 1 && bytes[first] === digit0)) return kindBare;
  if (at === end) return kindInteger;
  if (bytes[at] !== dot) return kindBare;
  const fraction = at + 1;
  for (at = fraction; at < end && isDigit(bytes[at] as number); ) at++;
  return at === end && at > fraction ? kindFraction : kindBare;
}
