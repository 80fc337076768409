/**
 * Rows as typed values: packed batches rewritten as encoded `connector.v1.Row`s.
 *
 * Written by hand, since a message object for each cell costs many times what its
 * bytes do. Every row is preceded by the tag of the field that holds it:
 *
 *     tag size Row { 0a size Value { one of 08 null, 10 bool, 18 int64, 20 uint64,
 *                                    29 double, 32 string, 3a bytes, 42 text } }*
 */
import { Failure } from "../failure.ts";
import { Bytes, copy, slack } from "./copy.ts";
import type { Field, FieldType } from "./field.ts";
import { forEachCell, type PackedBatch, varintSize, writeVarint } from "./packed.ts";

const tagValue = 0x0a;
const tagNull = 0x08;
const tagBool = 0x10;
const tagInt64 = 0x18;
const tagUint64 = 0x20;
const tagDouble = 0x29;
const tagString = 0x32;
const tagBytes = 0x3a;
const tagText = 0x42;

/** The case of a Value that a field's cells become. */
const tagOf: Record<FieldType, number> = {
  bool: tagBool,
  int32: tagInt64,
  int64: tagInt64,
  uint64: tagUint64,
  float: tagDouble,
  double: tagDouble,
  string: tagString,
  bytes: tagBytes,
  decimal: tagText,
  date: tagText,
  time: tagText,
  timestamp: tagText,
  timestamp_tz: tagText,
  interval: tagText,
  uuid: tagText,
  json: tagText,
  array: tagText,
  struct: tagText,
  enum: tagText,
  other: tagText,
};

/** What a cell can take besides its own bytes: tags, sizes, a ten-byte integer. */
const cellOverhead = 18;
const rowOverhead = 8;

const minus = "-".charCodeAt(0);
const zero = "0".charCodeAt(0);
const letterF = "f".charCodeAt(0);
const letterT = "t".charCodeAt(0);
const backslash = "\\".charCodeAt(0);
const letterX = "x".charCodeAt(0);
/** So many digits fit a number exactly. */
const exactDigits = 15;
/** 2⁶⁴ - 1, and -2⁶³ with its sign. */
const mostDigits = 20;

const double = new Float64Array(1);
const doubleBytes = new Uint8Array(double.buffer);

export class ValueEncoder {
  readonly #fields: readonly Field[];
  readonly #tags: Uint8Array;
  readonly #rowTag: number;
  #bytes = Bytes.ofSize(0);
  #out = this.#bytes.buffer;
  #source = this.#bytes;
  #at = 0;

  /** @param rowField The number, below 16, of the field that holds the rows. */
  constructor(fields: readonly Field[], rowField: number) {
    this.#fields = fields;
    this.#tags = Uint8Array.from(fields, ({ type }) => tagOf[type]);
    this.#rowTag = (rowField << 3) | 2;
  }

  /**
   * The rows of a batch. The bytes are good until the next call.
   *
   * @throws Failure `upstream_lost` when a cell is none of its field's type
   */
  encode(batch: PackedBatch): Uint8Array {
    const fieldCount = this.#tags.length;
    this.#reserve(batch.size + batch.rows * (rowOverhead + fieldCount * cellOverhead));
    this.#at = 0;
    this.#source = new Bytes(batch.buffer);
    const last = fieldCount - 1;
    let start = 0;
    // Neighbouring rows have sizes of the same size, mostly.
    let sizeBytes = 1;
    forEachCell(batch, fieldCount, (_row, field, from, to) => {
      if (field === 0) {
        this.#out[this.#at] = this.#rowTag;
        start = this.#at + 1 + sizeBytes;
        this.#at = start;
      }
      this.#cell(field, batch.buffer, from, to);
      if (field === last) sizeBytes = this.#endRow(start, sizeBytes);
    });
    if (fieldCount === 0) this.#emptyRows(batch.rows);
    return this.#out.subarray(0, this.#at);
  }

  #reserve(size: number): void {
    if (this.#out.length >= size + slack) return;
    this.#bytes = Bytes.ofSize(size + slack);
    this.#out = this.#bytes.buffer;
  }

  #endRow(start: number, sizeBytes: number): number {
    const size = this.#at - start;
    const needed = varintSize(size);
    if (needed !== sizeBytes) {
      this.#out.copyWithin(start + needed - sizeBytes, start, this.#at);
      this.#at += needed - sizeBytes;
    }
    writeVarint(this.#out, start - sizeBytes, size);
    return needed;
  }

  #emptyRows(rows: number): void {
    for (let row = 0; row < rows; row++) {
      this.#out[this.#at++] = this.#rowTag;
      this.#out[this.#at++] = 0;
    }
  }

  #cell(field: number, source: Buffer, start: number, end: number): void {
    const tag = this.#tags[field] as number;
    this.#out[this.#at++] = tagValue;
    if (start < 0) this.#small(tagNull, 0);
    else if (tag === tagString || tag === tagText) this.#text(tag, start, end);
    else if (!this.#parsed(tag, source, start, end)) throw notOfType(this.#fields[field] as Field);
  }

  /** Writes a value that has another form than its text; false when it is none of the kind. */
  #parsed(tag: number, source: Buffer, start: number, end: number): boolean {
    if (tag === tagInt64 || tag === tagUint64) return this.#integer(tag, source, start, end);
    if (tag === tagDouble) return this.#double(source.toString("latin1", start, end));
    if (tag === tagBool) return this.#bool(source[start] as number, end - start);
    return this.#hex(source, start, end);
  }

  #small(tag: number, value: number): void {
    this.#out[this.#at++] = 2;
    this.#out[this.#at++] = tag;
    this.#out[this.#at++] = value;
  }

  #bool(letter: number, size: number): boolean {
    this.#small(tagBool, letter === letterT ? 1 : 0);
    return size === 1 && (letter === letterT || letter === letterF);
  }

  #integer(tag: number, source: Buffer, start: number, end: number): boolean {
    const negative = source[start] === minus;
    const from = negative ? start + 1 : start;
    let value = 0;
    // Negative as soon as a byte is no digit.
    let digits = end - from - 1;
    for (let i = from; i < end; i++) {
      const digit = (source[i] as number) - zero;
      digits |= digit | (9 - digit);
      value = value * 10 + digit;
    }
    if (digits < 0) return false;
    if (end - start > exactDigits) return this.#largeInteger(tag, source, start, end);
    if (negative) value = -value;
    const high = Math.floor(value / 2 ** 32);
    this.#varint(tag, (value - high * 2 ** 32) >>> 0, high >>> 0);
    return tag === tagInt64 || value >= 0;
  }

  #largeInteger(tag: number, source: Buffer, start: number, end: number): boolean {
    if (end - start > mostDigits) return false;
    const value = BigInt(source.toString("latin1", start, end));
    const bits = BigInt.asUintN(64, value);
    this.#varint(tag, Number(bits & 0xffff_ffffn), Number(bits >> 32n));
    return value === (tag === tagInt64 ? BigInt.asIntN(64, bits) : bits);
  }

  #varint(tag: number, low: number, high: number): void {
    const out = this.#out;
    const sizeAt = this.#at;
    out[sizeAt + 1] = tag;
    this.#at = writeVarint64(out, sizeAt + 2, low, high);
    out[sizeAt] = this.#at - sizeAt - 1;
  }

  #double(text: string): boolean {
    const out = this.#out;
    double[0] = Number(text);
    out[this.#at++] = 9;
    out[this.#at++] = tagDouble;
    for (let i = 0; i < 8; i++) out[this.#at++] = doubleBytes[i] as number;
    return text !== "" && (!Number.isNaN(double[0]) || text === "NaN");
  }

  /** `\x` and two hexadecimal digits a byte. What is not written would be whatever the memory held before. */
  #hex(source: Buffer, start: number, end: number): boolean {
    if (end - start < 2 || (end - start) % 2 > 0) return false;
    if (source[start] !== backslash || source[start + 1] !== letterX) return false;
    const size = (end - start - 2) >>> 1;
    this.#sized(tagBytes, size);
    const written = this.#out.write(source.toString("latin1", start + 2, end), this.#at, "hex");
    this.#at += size;
    return written === size;
  }

  #text(tag: number, start: number, end: number): void {
    const size = end - start;
    this.#sized(tag, size);
    copy(this.#source, start, end, this.#bytes, this.#at);
    this.#at += size;
  }

  /** The sizes of a value and of its content. */
  #sized(tag: number, size: number): void {
    this.#at = writeVarint(this.#out, this.#at, 1 + varintSize(size) + size);
    this.#out[this.#at++] = tag;
    this.#at = writeVarint(this.#out, this.#at, size);
  }
}

/** Writes a number of two unsigned halves as a varint and says where it ends. */
function writeVarint64(target: Uint8Array, at: number, low: number, high: number): number {
  let to = at;
  let rest = low;
  let above = high;
  while (above > 0) {
    target[to++] = (rest & 0x7f) | 0x80;
    rest = ((rest >>> 7) | (above << 25)) >>> 0;
    above >>>= 7;
  }
  return writeVarint(target, to, rest);
}

function notOfType({ name, type }: Field): Failure {
  return new Failure("upstream_lost", `The source gave for the field \`${name}\` what is no value of type ${type}.`, {
    where: "upstream",
    remedy: "Try again: the field's type may just have been changed at the source.",
    metadata: { field: name },
  });
}
