/** Cells of an encoded `ValueBatch`, decoded one by one when they are asked for. */
import type { Cells } from "./cells.ts";
import { type Column, kindArray, kindAscii, kindInt32, kindText } from "./kind.ts";
import { type Cell, columnFromText } from "./scalar.ts";
import { BatchText } from "./text.ts";
import { WireReader } from "./wire.ts";

/** `rows` of ValueBatch and `values` of Row. */
const tagItem = 0x0a;

/** The cases of Value. */
const tagNull = 0x08;
const tagBool = 0x10;
const tagInt64 = 0x18;
const tagUint64 = 0x20;
const tagDouble = 0x29;
const tagString = 0x32;
const tagBytes = 0x3a;
const tagText = 0x42;

export class ValueCells implements Cells {
  readonly rows: number;
  readonly #columns: readonly Column[];
  readonly #text: BatchText;
  readonly #view: DataView;
  /** Where each cell's Value begins. */
  readonly #starts: Int32Array;

  /** Throws a RangeError when the batch is malformed. */
  constructor(message: Uint8Array, at: number, columns: readonly Column[]) {
    this.#columns = columns;
    this.#text = new BatchText(message);
    this.#view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    this.rows = countItems(new WireReader(message, at));
    this.#starts = readStarts(new WireReader(message, at), this.rows, columns.length);
  }

  cell(index: number, columnIndex: number): Cell {
    const start = this.#starts[index] as number;
    const bytes = this.#text.bytes;
    const column = this.#columns[columnIndex] as Column;
    switch (bytes[start]) {
      case tagBool:
        return bytes[start + 1] !== 0;
      case tagInt64:
        return column.kind === kindInt32 ? lowWord(bytes, start + 1) | 0 : varint64(bytes, start + 1, true);
      case tagUint64:
        return varint64(bytes, start + 1, false);
      case tagDouble:
        return this.#view.getFloat64(start + 1, true);
      case tagString:
      case tagText:
        return this.#string(start + 1, column);
      case tagBytes: {
        const reader = new WireReader(bytes, start + 1);
        const size = reader.size();
        return new Uint8Array(bytes.subarray(reader.at, reader.at + size));
      }
      case tagNull:
        return null;
      default:
        throw new RangeError("A value is of a kind that this client does not know.");
    }
  }

  #string(at: number, column: Column): Cell {
    const bytes = this.#text.bytes;
    let start = at;
    let size = bytes[start++] as number;
    if (size >= 0x80) {
      const reader = new WireReader(bytes, at);
      size = reader.size();
      start = reader.at;
    }
    switch (column.kind) {
      case kindAscii:
        return this.#text.ascii(start, start + size);
      case kindText:
        return this.#text.utf8(start, start + size);
      case kindArray:
        return columnFromText(this.#text.utf8(start, start + size), column);
      default:
        return columnFromText(this.#text.ascii(start, start + size), column);
    }
  }
}

/** How many items a repeated message field has. */
function countItems(reader: WireReader): number {
  let count = 0;
  while (!reader.done) {
    const tag = reader.uint32();
    if (tag === tagItem) count++;
    reader.skip(tag & 7);
  }
  return count;
}

function readStarts(batch: WireReader, rows: number, fields: number): Int32Array {
  const starts = new Int32Array(rows * fields);
  let cell = 0;
  for (let row = 1; row <= rows; ) {
    const tag = batch.uint32();
    if (tag !== tagItem) {
      batch.skip(tag & 7);
      continue;
    }
    const size = batch.size();
    cell = readRow(new WireReader(batch.bytes, batch.at, batch.at + size), starts, cell);
    batch.at += size;
    if (cell !== row++ * fields) throw new RangeError("A row has not as many values as the stream has fields.");
  }
  return starts;
}

function readRow(row: WireReader, starts: Int32Array, first: number): number {
  let cell = first;
  while (!row.done) {
    const tag = row.uint32();
    if (tag === tagItem) {
      const size = row.size();
      if (size === 0) throw new RangeError("A value is of no kind.");
      starts[cell++] = row.at;
      row.at += size;
    } else {
      row.skip(tag & 7);
    }
  }
  return cell;
}

/** The low 32 bits of a varint. */
function lowWord(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[at + i] as number;
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) break;
  }
  return value;
}

function varint64(bytes: Uint8Array, start: number, signed: boolean): bigint {
  // Up to seven bytes are 49 bits, which a double holds: most numbers are small.
  let value = 0;
  let factor = 1;
  for (let i = 0; i < 7; i++) {
    const byte = bytes[start + i] as number;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return BigInt(value);
    factor *= 0x80;
  }
  let high = 0;
  for (let i = 7; i < 10; i++) {
    const byte = bytes[start + i] as number;
    high += (byte & 0x7f) * 0x80 ** (i - 7);
    if (byte < 0x80) break;
  }
  const wide = BigInt(value) | (BigInt(high) << 49n);
  return signed ? BigInt.asIntN(64, wide) : BigInt.asUintN(64, wide);
}
