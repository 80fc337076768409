/**
 * Finds the end of a JSON value whose bytes come piece by piece, and checks its grammar
 * (RFC 8259) on the way. Nothing is kept but where it stands: neither a long value nor a
 * deep one costs memory or stack.
 */
import {
  backslash,
  closeBrace,
  closeBracket,
  colon,
  comma,
  digit0,
  dot,
  escaped,
  hexValue,
  isDigit,
  isSpace,
  letterE,
  letterU,
  minusSign,
  openBrace,
  openBracket,
  quote,
  space,
} from "./bytes.ts";

/** Arrays and objects in each other, at most: beyond all that is meant, and what every reader of a cell can take. */
export const maxDepth = 512;

/** What `scan` gives instead of an end. */
export const needsMore = -1;
export const malformed = -2;
export const tooDeep = -3;

/** What comes next. */
const anyValue = 0;
const elementOrEnd = 1;
const keyOrEnd = 2;
const key = 3;
const keyColon = 4;
const commaOrEnd = 5;
const text = 6;
const escapeLetter = 7;
/** Of the four digits behind `\u`, from one on. */
const hexDigits = 8;
const literal = 12;
/** The states of a number; see `numberState`. */
const minus = 13;
const zero = 14;
const digits = 15;
const point = 16;
const fraction = 17;
const exponent = 18;
const exponentSign = 19;
const exponentDigits = 20;
const done = 21;

const words = [Buffer.from("true"), Buffer.from("false"), Buffer.from("null")] as const;

/** Most scanners see no array and no object. */
const nothingOpen = new Uint8Array(0);

export class JsonScanner {
  #state = done;
  #depth = 0;
  /** Whether what is open at each depth is an object. */
  #open: Uint8Array = nothingOpen;
  #isKey = false;
  #word: Buffer = words[0];
  #wordAt = 0;

  /** A value begins, white space before it included. */
  begin(): void {
    this.#state = anyValue;
    this.#depth = 0;
  }

  /**
   * @param end behind the last byte that may be looked at
   * @returns Behind the value, or `needsMore`, `malformed` or `tooDeep`. A number needs one
   *   more byte, to be known to end.
   */
  scan(bytes: Buffer, from: number, end: number): number {
    let at = from;
    while (at < end) {
      const state = this.#state;
      if (state === text) {
        at = this.#text(bytes, at, end);
        if (at < 0) return at;
      } else if (state >= minus) {
        at = this.#number(bytes, at, end);
        if (at < 0) return at;
      } else {
        const byte = bytes[at++] as number;
        if (state < text && isSpace(byte)) continue;
        const problem = this.#step(state, byte);
        if (problem < 0) return problem;
      }
      if (this.#state === done) return at;
    }
    return needsMore;
  }

  /** There is nothing more to come: whether the value has ended, as only a number may have. */
  get hasEnded(): boolean {
    const state = this.#state;
    return this.#depth === 0 && (state === zero || state === digits || state === fraction || state === exponentDigits);
  }

  /** Takes one byte; negative when it may not stand there. */
  #step(state: number, byte: number): number {
    switch (state) {
      case anyValue:
        return this.#value(byte);
      case elementOrEnd:
        return byte === closeBracket ? this.#close() : this.#value(byte);
      case keyOrEnd:
        return byte === closeBrace ? this.#close() : this.#key(byte);
      case key:
        return this.#key(byte);
      case keyColon:
        this.#state = anyValue;
        return byte === colon ? 0 : malformed;
      case commaOrEnd:
        return this.#separator(byte);
      case escapeLetter:
        return this.#escape(byte);
      case literal:
        return this.#literal(byte);
      default:
        this.#state = state + 1 < literal ? state + 1 : text;
        return hexValue(byte) >= 0 ? 0 : malformed;
    }
  }

  #value(byte: number): number {
    if (byte === quote) {
      this.#isKey = false;
      this.#state = text;
    } else if (byte === openBrace || byte === openBracket) {
      if (this.#depth === maxDepth) return tooDeep;
      if (this.#open === nothingOpen) this.#open = new Uint8Array(maxDepth);
      this.#open[this.#depth++] = byte === openBrace ? 1 : 0;
      this.#state = byte === openBrace ? keyOrEnd : elementOrEnd;
    } else if (byte === minusSign) {
      this.#state = minus;
    } else if (isDigit(byte)) {
      this.#state = byte === digit0 ? zero : digits;
    } else {
      const word = words.find((each) => each[0] === byte);
      if (word === undefined) return malformed;
      this.#word = word;
      this.#wordAt = 1;
      this.#state = literal;
    }
    return 0;
  }

  #key(byte: number): number {
    this.#isKey = true;
    this.#state = text;
    return byte === quote ? 0 : malformed;
  }

  #separator(byte: number): number {
    const isObject = this.#open[this.#depth - 1] === 1;
    if (byte === comma) {
      this.#state = isObject ? key : anyValue;
      return 0;
    }
    return byte === (isObject ? closeBrace : closeBracket) ? this.#close() : malformed;
  }

  #close(): number {
    this.#depth--;
    return this.#endValue();
  }

  #endValue(): number {
    this.#state = this.#depth === 0 ? done : commaOrEnd;
    return 0;
  }

  #literal(byte: number): number {
    if (byte !== this.#word[this.#wordAt++]) return malformed;
    return this.#wordAt === this.#word.length ? this.#endValue() : 0;
  }

  #escape(byte: number): number {
    this.#state = byte === letterU ? hexDigits : text;
    return byte === letterU || escaped(byte) >= 0 ? 0 : malformed;
  }

  /** On in a text, to behind its end or behind its next backslash. */
  #text(bytes: Buffer, from: number, end: number): number {
    for (let at = from; at < end; at++) {
      const byte = bytes[at] as number;
      if (byte === quote) {
        if (this.#isKey) this.#state = keyColon;
        else this.#endValue();
        return at + 1;
      }
      if (byte === backslash) {
        // Most escapes are two bytes, both of which are there.
        if (at + 1 < end && escaped(bytes[at + 1] as number) >= 0) {
          at++;
          continue;
        }
        this.#state = escapeLetter;
        return at + 1;
      }
      if (byte < space) return malformed;
    }
    return end;
  }

  /** On in a number, to the byte behind it, which is not looked at. */
  #number(bytes: Buffer, from: number, end: number): number {
    let state = this.#state;
    for (let at = from; at < end; at++) {
      const next = numberState(state, bytes[at] as number);
      if (next === done) {
        this.#endValue();
        return at;
      }
      if (next < 0) return malformed;
      state = next;
    }
    this.#state = state;
    return end;
  }
}

/** What a byte makes of a number: a state, `done` when it is none of the number's, or `malformed`. */
function numberState(state: number, byte: number): number {
  if (isDigit(byte)) {
    if (state === minus) return byte === digit0 ? zero : digits;
    if (state === zero) return malformed;
    if (state === point) return fraction;
    return state === exponent || state === exponentSign ? exponentDigits : state;
  }
  if (state === minus || state === point || state === exponentSign) return malformed;
  if (state === exponent) return byte === minusSign || byte === 0x2b ? exponentSign : malformed;
  if (byte === dot) return state === zero || state === digits ? point : malformed;
  if ((byte | 0x20) === letterE) return state === exponentDigits ? malformed : exponent;
  return done;
}
