/**
 * Finds the wanted values of one row, whose bytes are in one piece.
 *
 * No value is made of them. Rows of one source have the same keys in the same order, mostly:
 * each key knows the one that followed it the last time, whose bytes are compared first.
 */

import {
  kindArray,
  kindEscaped,
  kindExponent,
  kindFalse,
  kindFraction,
  kindInteger,
  kindNone,
  kindObject,
  kindText,
  kindTrue,
  newSlots,
  type Slots,
} from "../cell/slots.ts";
import {
  backslash,
  closeBrace,
  closeBracket,
  colon,
  comma,
  digit0,
  digit9,
  dot,
  escaped,
  hexValue,
  isDigit,
  isSpace,
  letterE,
  letterF,
  letterN,
  letterT,
  letterU,
  minusSign,
  openBrace,
  openBracket,
  quote,
  space,
} from "./bytes.ts";
import type { Key, PlanNode, RowPlan } from "./plan.ts";
import { JsonScanner, malformed, needsMore } from "./scan.ts";
import { unescaped } from "./unescape.ts";

/** Keys that are learned of one object at most, and bytes of each: others are looked at anew each time. */
const maxKeys = 1_000;
const maxKeyBytes = 256;

const nothing = Buffer.alloc(0);

export class RowScanner {
  /** Where the values of the last row stand in its bytes. */
  readonly slots: Slots;
  readonly #root: PlanNode;
  readonly #nested = new JsonScanner();
  #bytes: Buffer = nothing;
  #end = 0;
  #isWhole = false;
  /** What the last token was. */
  #kind = kindNone;

  constructor(plan: RowPlan) {
    this.#root = plan.root;
    this.slots = newSlots(plan.slotCount);
  }

  /**
   * @param at where the row's first byte stands
   * @param end behind the last byte that may be looked at
   * @param isWhole nothing comes behind `end`, where a number may end
   * @returns Behind the row; or `needsMore`, `malformed` or `tooDeep`.
   */
  scan(bytes: Buffer, at: number, end: number, isWhole: boolean): number {
    this.#bytes = bytes;
    this.#end = end;
    this.#isWhole = isWhole;
    this.slots.kinds.fill(kindNone);
    return this.#value(this.#root, at);
  }

  /** Lets go of the last row's bytes. */
  forget(): void {
    this.#bytes = nothing;
  }

  #value(node: PlanNode, at: number): number {
    const { kinds } = this.slots;
    // The last of several of one name counts, and nothing of those before it.
    for (let slot = node.firstSlot; slot < node.endSlot; slot++) kinds[slot] = kindNone;
    const byte = this.#bytes[at];
    const holds = node.endSlot > node.firstSlot;
    let next: number;
    let kind: number;
    if (holds && byte === openBrace) {
      next = this.#object(node, at + 1);
      kind = kindObject;
    } else if (holds && byte === openBracket && node.elements.length > 0) {
      next = this.#array(node, at + 1);
      kind = kindArray;
    } else {
      next = this.#skip(at);
      kind = this.#kind;
    }
    if (next >= 0 && node.slot >= 0) {
      const isText = kind === kindText || kind === kindEscaped;
      kinds[node.slot] = kind;
      this.slots.starts[node.slot] = isText ? at + 1 : at;
      this.slots.ends[node.slot] = isText ? next - 1 : next;
    }
    return next;
  }

  /** The members of an object, from behind its brace to behind the other one. */
  #object(node: PlanNode, from: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let before: Key | undefined;
    let at = this.#space(from);
    if (at < end && bytes[at] === closeBrace) return at + 1;
    for (;;) {
      if (at >= end) return needsMore;
      if (bytes[at] !== quote) return malformed;
      const start = at + 1;
      let key = before === undefined ? node.firstKey : before.next;
      let keyEnd = start + (key === undefined ? 0 : key.bytes.length);
      let child = key?.node;
      if (key === undefined || keyEnd >= end || bytes[keyEnd] !== quote || !stands(key.bytes, bytes, start)) {
        at = this.#text(start);
        if (at < 0) return at;
        keyEnd = at - 1;
        key = learned(node, bytes, start, keyEnd);
        child = key === undefined ? node.children.get(unescaped(bytes, start, keyEnd)) : key.node;
        if (key !== undefined) follow(node, before, key);
      }
      before = key ?? before;
      at = this.#afterColon(keyEnd + 1);
      if (at < 0) return at;
      at = child === undefined ? this.#skip(at) : this.#value(child, at);
      if (at < 0) return at;
      at = this.#space(at);
      if (at >= end) return needsMore;
      if (bytes[at] === closeBrace) return at + 1;
      if (bytes[at] !== comma) return malformed;
      at = this.#space(at + 1);
    }
  }

  #afterColon(from: number): number {
    let at = this.#space(from);
    if (at >= this.#end) return needsMore;
    if (this.#bytes[at] !== colon) return malformed;
    at = this.#space(at + 1);
    return at < this.#end ? at : needsMore;
  }

  /** The elements of an array, from behind its bracket to behind the other one. */
  #array(node: PlanNode, from: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#space(from);
    if (at < end && bytes[at] === closeBracket) return at + 1;
    for (let place = 0; ; place++) {
      if (at >= end) return needsMore;
      const element = place < node.elements.length ? node.elements[place] : undefined;
      at = element === undefined ? this.#skip(at) : this.#value(element, at);
      if (at < 0) return at;
      at = this.#space(at);
      if (at >= end) return needsMore;
      if (bytes[at] === closeBracket) return at + 1;
      if (bytes[at] !== comma) return malformed;
      at = this.#space(at + 1);
    }
  }

  /** Over any value, saying what it is. */
  #skip(at: number): number {
    const byte = this.#bytes[at] as number;
    if (byte === quote) return this.#text(at + 1);
    if (byte === minusSign || (byte >= digit0 && byte <= digit9)) return this.#number(at);
    if (byte === openBrace || byte === openBracket) {
      this.#kind = byte === openBrace ? kindObject : kindArray;
      this.#nested.begin();
      return this.#nested.scan(this.#bytes, at, this.#end);
    }
    if (byte === letterT) return this.#word("true", at, kindTrue);
    if (byte === letterF) return this.#word("false", at, kindFalse);
    return byte === letterN ? this.#word("null", at, kindNone) : malformed;
  }

  #word(word: string, at: number, kind: number): number {
    this.#kind = kind;
    const end = Math.min(at + word.length, this.#end);
    for (let i = at + 1; i < end; i++) if (this.#bytes[i] !== word.charCodeAt(i - at)) return malformed;
    return end === at + word.length ? end : needsMore;
  }

  /** From behind the quote to behind the other one. */
  #text(from: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    this.#kind = kindText;
    let at = from;
    while (at < end) {
      const byte = bytes[at] as number;
      if (byte === quote) return at + 1;
      if (byte < space) return malformed;
      if (byte !== backslash) {
        at++;
        continue;
      }
      this.#kind = kindEscaped;
      at = this.#escape(at + 1);
      if (at < 0) return at;
    }
    return needsMore;
  }

  #escape(at: number): number {
    const bytes = this.#bytes;
    if (at >= this.#end) return needsMore;
    const letter = bytes[at] as number;
    if (letter !== letterU) return escaped(letter) < 0 ? malformed : at + 1;
    const end = Math.min(at + 5, this.#end);
    for (let i = at + 1; i < end; i++) if (hexValue(bytes[i] as number) < 0) return malformed;
    return end === at + 5 ? end : needsMore;
  }

  #number(from: number): number {
    const bytes = this.#bytes;
    this.#kind = kindInteger;
    const first = bytes[from] === minusSign ? from + 1 : from;
    let at = this.#digits(first);
    if (at < 0 || (bytes[first] === digit0 && at > first + 1)) return at < 0 ? at : malformed;
    if (at < this.#end && bytes[at] === dot) {
      this.#kind = kindFraction;
      at = this.#digits(at + 1);
      if (at < 0) return at;
    }
    if (at < this.#end && ((bytes[at] as number) | 0x20) === letterE) {
      this.#kind = kindExponent;
      const sign = at + 1 < this.#end ? bytes[at + 1] : 0;
      at = this.#digits(sign === minusSign || sign === 0x2b ? at + 2 : at + 1);
      if (at < 0) return at;
    }
    return at < this.#end || this.#isWhole ? at : needsMore;
  }

  /** Behind the digits, of which there is one at least. */
  #digits(from: number): number {
    const bytes = this.#bytes;
    const end = this.#end;
    if (from >= end) return needsMore;
    let at = from;
    while (at < end && isDigit(bytes[at] as number)) at++;
    return at === from ? malformed : at;
  }

  /** What stands behind white space. */
  #space(from: number): number {
    const bytes = this.#bytes;
    let at = from;
    while (at < this.#end && isSpace(bytes[at] as number)) at++;
    return at;
  }
}

function stands(key: Buffer, bytes: Buffer, at: number): boolean {
  for (let i = 0; i < key.length; i++) if (key[i] !== bytes[at + i]) return false;
  return true;
}

/** What is known of a key; undefined when there are too many to know all. */
function learned(node: PlanNode, bytes: Buffer, start: number, end: number): Key | undefined {
  const text = bytes.toString("latin1", start, end);
  const known = node.keys.get(text);
  if (known !== undefined || node.keys.size === maxKeys || text.length > maxKeyBytes) return known;
  const child = node.children.get(unescaped(bytes, start, end));
  const key: Key = { bytes: Buffer.from(text, "latin1"), node: child, next: undefined };
  node.keys.set(text, key);
  return key;
}

/** The next time, the key is expected here. */
function follow(node: PlanNode, before: Key | undefined, key: Key): void {
  if (before === undefined) node.firstKey = key;
  else before.next = key;
}
