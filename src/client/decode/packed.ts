/** Cells of an encoded `PackedBatch`, decoded one by one when they are asked for. */
import { parseArray } from "./array.ts";
import type { Cells } from "./cells.ts";
import { type Column, kindArray, kindAscii, kindBigint, kindBool, kindBytes, kindDouble, kindInt32 } from "./kind.ts";
import { bigintAt, bytesAt, type Cell, doubleAt, fromText, integerAt } from "./scalar.ts";
import { BatchText } from "./text.ts";
import { WireReader } from "./wire.ts";

const tagRows = 0x08;
const tagCells = 0x12;
const tagLengths = 0x1a;
const true_ = 0x74;

export class PackedCells implements Cells {
  readonly rows: number;
  readonly #columns: readonly Column[];
  readonly #text: BatchText;
  readonly #bytes: Uint8Array;
  /**
   * Where cells end, with the first one's start in front. A null is the complement
   * of where it stands, so that it takes no second array.
   */
  readonly #bounds: Int32Array;

  /** Throws a RangeError when the batch does not hold what it says. */
  constructor(message: Uint8Array, at: number, columns: readonly Column[]) {
    const batch = readBatch(message, at);
    this.rows = batch.rows;
    this.#columns = columns;
    this.#text = new BatchText(batch.cells);
    this.#bytes = this.#text.bytes;
    this.#bounds = readBounds(batch.lengths, batch.rows * columns.length, batch.cells.length);
  }

  cell(index: number, columnIndex: number): Cell {
    const bounds = this.#bounds;
    const end = bounds[index + 1] as number;
    if (end < 0) return null;
    const before = bounds[index] as number;
    const start = before < 0 ? ~before : before;
    const column = this.#columns[columnIndex] as Column;
    switch (column.kind) {
      case kindAscii:
        return this.#text.ascii(start, end);
      case kindBool:
        return this.#bytes[start] === true_;
      case kindInt32:
        return integerAt(this.#bytes, start, end);
      case kindBigint:
        return bigintAt(this.#text, start, end);
      case kindDouble:
        return doubleAt(this.#text, start, end);
      case kindBytes:
        return bytesAt(this.#bytes, start, end);
      case kindArray:
        return parseArray(this.#text.utf8(start, end), column.delimiter, (text) => fromText(text, column.elementKind));
      default:
        return this.#text.utf8(start, end);
    }
  }
}

function readBatch(message: Uint8Array, at: number): { rows: number; cells: Uint8Array; lengths: Uint8Array } {
  const reader = new WireReader(message, at);
  let rows = 0;
  let cells = message.subarray(0, 0);
  let lengths = cells;
  while (!reader.done) {
    const tag = reader.uint32();
    if (tag === tagRows) {
      rows = reader.uint32();
    } else if (tag === tagCells || tag === tagLengths) {
      const size = reader.size();
      const content = message.subarray(reader.at, reader.at + size);
      if (tag === tagCells) cells = content;
      else lengths = content;
      reader.at += size;
    } else {
      reader.skip(tag & 7);
    }
  }
  return { rows, cells, lengths };
}

function readBounds(lengths: Uint8Array, count: number, cellsSize: number): Int32Array {
  // Every number takes a byte at least: a batch can't make us allocate more than it brings.
  if (count > lengths.length) throw new RangeError("A batch has fewer cells than its rows have fields.");
  const bounds = new Int32Array(count + 1);
  let at = 0;
  let end = 0;
  for (let i = 1; i <= count; i++) {
    let length = lengths[at++] as number;
    if (length >= 0x80) {
      length &= 0x7f;
      for (let shift = 7; at < lengths.length; shift += 7) {
        const byte = lengths[at++] as number;
        length |= (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
    }
    if (length === 0) {
      bounds[i] = ~end;
    } else {
      end += length - 1;
      bounds[i] = end;
    }
  }
  if (at !== lengths.length || end !== cellsSize)
    throw new RangeError("The cells of a batch are not as long as its lengths say.");
  return bounds;
}
