/**
 * Rows as one run of text: the form in which every provider hands rows on.
 *
 * A packed batch *is* an encoded `connector.v1.PackedBatch`, so that passing it on
 * costs nothing: cells are copied once, from the source's socket into the message.
 *
 *     headroom | 08 rows | 12 size cells… | 1a size lengths…
 *
 * The headroom in front takes the tag and size of whatever message the batch
 * becomes a field of.
 */

import { Bytes, copy, slack } from "./copy.ts";

/** Field numbers and wire types of `PackedBatch`, as they stand on the wire. */
const tagRows = 0x08;
const tagCells = 0x12;
const tagLengths = 0x1a;

/** Room for an envelope's head (5 bytes), an enclosing field's (2 + 5) and the batch's own (1 + 5 + 1 + 5). */
const headroom = 32;

/** Flags and size. */
export const envelopeHeadBytes = 5;

/** A batch flushes at about this many encoded bytes: just under a power of two measured best. */
export const batchBytes = 125_000;

/** Some rows. */
export class PackedBatch {
  readonly rows: number;
  /** Where everything is. */
  readonly buffer: Buffer;
  readonly #start: number;
  readonly cellsStart: number;
  readonly cellsEnd: number;
  readonly lengthsStart: number;
  readonly end: number;
  #memory: Bytes | undefined;

  constructor(
    rows: number,
    memory: Bytes,
    start: number,
    cellsStart: number,
    cellsEnd: number,
    lengthsStart: number,
    end: number,
  ) {
    this.rows = rows;
    this.buffer = memory.buffer;
    this.#memory = memory;
    this.#start = start;
    this.cellsStart = cellsStart;
    this.cellsEnd = cellsEnd;
    this.lengthsStart = lengthsStart;
    this.end = end;
  }

  /** The batch as an encoded `PackedBatch`. */
  get message(): Uint8Array {
    return this.buffer.subarray(this.#start, this.end);
  }

  /** Bytes of the encoded batch. */
  get size(): number {
    return this.end - this.#start;
  }

  /**
   * A message whose only field is the batch, in the envelope of gRPC, gRPC-Web and
   * Connect: a byte of flags, the message's size, the message.
   *
   * @param field The field's number, below 16.
   */
  envelope(field: number): Uint8Array {
    const start = writeHead(this.buffer, this.#start, field, this.size);
    return this.buffer.subarray(start, this.end);
  }

  /** Nobody reads the batch or any view of it any more: its memory may become another's. Not to call is no harm. */
  release(): void {
    const memory = this.#memory;
    this.#memory = undefined;
    if (memory?.buffer.length === spareBytes && spare.length < maxSpare) spare.push(memory);
  }
}

/** As `PackedBatch.envelope`, of any encoded content. */
export function envelopeOf(field: number, content: Uint8Array): Uint8Array {
  const room = envelopeHeadBytes + 1 + varintSize(content.length);
  const envelope = Buffer.allocUnsafeSlow(room + content.length);
  envelope.set(content, room);
  writeHead(envelope, room, field, content.length);
  return envelope;
}

/** Writes the heads of the field and of the envelope in front of the content, and says where they begin. */
function writeHead(buffer: Buffer, contentStart: number, field: number, size: number): number {
  const fieldStart = contentStart - varintSize(size) - 1;
  buffer[fieldStart] = (field << 3) | 2;
  writeVarint(buffer, fieldStart + 1, size);
  const start = fieldStart - envelopeHeadBytes;
  buffer[start] = 0;
  buffer.writeUInt32BE(contentStart + size - fieldStart, start + 1);
  return start;
}

/** Room for what a batch has beyond its size: the last row and the lengths. */
const batchRoom = batchBytes + 8_192;

/**
 * Memory of batches that are no more, for those to come. A stream makes a batch each
 * millisecond, and every so many of them would cost a collection of the whole heap.
 */
const spare: Bytes[] = [];
const maxSpare = 64;
const spareBytes = batchRoom + headroom + slack;

function batchMemory(): Bytes {
  return spare.pop() ?? Bytes.ofSize(spareBytes);
}

/** Most pages have a few rows: they need no more. */
const firstBytes = 2_048;
const firstLengths = 256;

const noBytes = new Bytes(Buffer.alloc(0));

/** Collects cells into batches. */
export class PackedWriter {
  #cells: Bytes;
  #cellsEnd = headroom;
  #lengths: Buffer;
  #lengthsEnd = 0;
  #rows = 0;
  /** Where the last whole row ends in both. */
  #rowCellsEnd = headroom;
  #rowLengthsEnd = 0;
  #source = noBytes;

  constructor(capacity: number = firstBytes) {
    this.#cells = new Bytes(Buffer.allocUnsafe(capacity + headroom + slack));
    this.#lengths = Buffer.allocUnsafe(firstLengths);
  }

  /** Rows since the last batch. */
  get rows(): number {
    return this.#rows;
  }

  /** Encoded bytes since the last batch, about. */
  get size(): number {
    return this.#cellsEnd + this.#lengthsEnd - headroom;
  }

  /** Copies `source[start, end)` in as the next cell. */
  cell(source: Buffer, start: number, end: number): void {
    const size = end - start;
    const to = this.#cellsEnd;
    if (to + size + slack > this.#cells.buffer.length) this.#growCells(size);
    if (source !== this.#source.buffer) this.#source = new Bytes(source);
    copy(this.#source, start, end, this.#cells, to);
    this.#cellsEnd = to + size;
    this.#length(size + 1);
  }

  /** The next cell is this text. */
  text(text: string): void {
    const size = Buffer.byteLength(text);
    if (this.#cellsEnd + size + slack > this.#cells.buffer.length) this.#growCells(size);
    this.#cells.buffer.write(text, this.#cellsEnd);
    this.#cellsEnd += size;
    this.#length(size + 1);
  }

  /** Where the next cell begins that is written in place. */
  get at(): number {
    return this.#cellsEnd;
  }

  /**
   * The memory for a cell of `size` bytes at most, which its source writes in place, from
   * `at` on, and ends with `written`.
   */
  room(size: number): Buffer {
    if (this.#cellsEnd + size + slack > this.#cells.buffer.length) this.#growCells(size);
    return this.#cells.buffer;
  }

  /** The cell that was written in place ends before `end`. */
  written(end: number): void {
    const size = end - this.#cellsEnd;
    this.#cellsEnd = end;
    this.#length(size + 1);
  }

  /** The next cell is null. */
  null(): void {
    this.#length(0);
  }

  endRow(): void {
    this.#rows++;
    this.#rowCellsEnd = this.#cellsEnd;
    this.#rowLengthsEnd = this.#lengthsEnd;
  }

  /**
   * The whole rows that were collected, or undefined when there is none; the next batch
   * begins. The cells of a row that has not ended, since its source was lost in it, are dropped.
   */
  take(): PackedBatch | undefined {
    if (this.#rows === 0) return undefined;
    const cellsEnd = this.#rowCellsEnd;
    const cellsSize = cellsEnd - headroom;
    const lengthsSize = this.#rowLengthsEnd;
    const lengthsStart = cellsEnd + 1 + varintSize(lengthsSize);
    const end = lengthsStart + lengthsSize;
    if (end > this.#cells.buffer.length) this.#growCells(end - this.#cellsEnd);
    const { buffer } = this.#cells;
    let at = headroom - varintSize(cellsSize);
    writeVarint(buffer, at, cellsSize);
    buffer[--at] = tagCells;
    at -= varintSize(this.#rows);
    writeVarint(buffer, at, this.#rows);
    buffer[--at] = tagRows;
    buffer[cellsEnd] = tagLengths;
    writeVarint(buffer, cellsEnd + 1, lengthsSize);
    buffer.set(this.#lengths.subarray(0, lengthsSize), lengthsStart);
    const batch = new PackedBatch(this.#rows, this.#cells, at, headroom, cellsEnd, lengthsStart, end);
    this.#cells = noBytes;
    this.#source = noBytes; // A chunk of the source is not kept for the sake of its view.
    this.#cellsEnd = headroom;
    this.#lengthsEnd = 0;
    this.#rows = 0;
    return batch;
  }

  #length(length: number): void {
    const at = this.#lengthsEnd;
    if (at + 5 > this.#lengths.length) this.#growLengths();
    if (length < 0x80) {
      this.#lengths[at] = length;
      this.#lengthsEnd = at + 1;
    } else {
      this.#lengthsEnd = writeVarint(this.#lengths, at, length);
    }
  }

  #growCells(by: number): void {
    const { buffer } = this.#cells;
    const needed = this.#cellsEnd + by + slack;
    const grown = needed <= spareBytes ? batchMemory() : Bytes.ofSize(Math.max(buffer.length * 2, needed));
    buffer.copy(grown.buffer, 0, 0, this.#cellsEnd);
    this.#cells = grown;
  }

  #growLengths(): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(16_384, this.#lengths.length * 2));
    this.#lengths.copy(grown, 0, 0, this.#lengthsEnd);
    this.#lengths = grown;
  }
}

/** Calls back for each cell of a batch in order; a null has start -1. */
export function forEachCell(
  batch: PackedBatch,
  fieldCount: number,
  visit: (row: number, field: number, start: number, end: number) => void,
): void {
  const bytes = batch.buffer;
  let at = batch.lengthsStart;
  let start = batch.cellsStart;
  for (let row = 0; row < batch.rows; row++) {
    for (let field = 0; field < fieldCount; field++) {
      let length = bytes[at++] as number;
      if (length >= 0x80) {
        length &= 0x7f;
        for (let shift = 7; ; shift += 7) {
          const byte = bytes[at++] as number;
          length |= (byte & 0x7f) << shift;
          if (byte < 0x80) break;
        }
      }
      if (length === 0) {
        visit(row, field, -1, -1);
      } else {
        visit(row, field, start, start + length - 1);
        start += length - 1;
      }
    }
  }
}

/** Bytes of a number below 2³² as a varint. */
export function varintSize(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

/** Writes a number below 2³² at `at` and says where it ends. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let rest = value;
  let to = at;
  while (rest >= 0x80) {
    target[to++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[to++] = rest;
  return to;
}
