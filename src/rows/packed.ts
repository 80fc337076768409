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

/** Field numbers and wire types of `PackedBatch`, as they stand on the wire. */
const tagRows = 0x08;
const tagCells = 0x12;
const tagLengths = 0x1a;

/** Room for the batch's own prefix (1 + 5 + 1 + 5 bytes) and one enclosing field's (5 + 5). */
const headroom = 32;

/** A batch flushes at about this many encoded bytes: just under a power of two measured best. */
export const batchBytes = 125_000;

/** Some rows. Its bytes may be reused once the next batch is asked for. */
export class PackedBatch {
  readonly rows: number;
  /** Where everything is. */
  readonly buffer: Buffer;
  readonly #start: number;
  readonly cellsStart: number;
  readonly cellsEnd: number;
  readonly lengthsStart: number;
  readonly end: number;

  constructor(
    rows: number,
    buffer: Buffer,
    start: number,
    cellsStart: number,
    cellsEnd: number,
    lengthsStart: number,
    end: number,
  ) {
    this.rows = rows;
    this.buffer = buffer;
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

  /** The batch with its size in front, as the content of a length-delimited field. */
  lengthDelimited(): Uint8Array {
    const start = this.#start - varintSize(this.size);
    writeVarint(this.buffer, start, this.size);
    return this.buffer.subarray(start, this.end);
  }
}

/** Collects cells into batches. */
export class PackedWriter {
  #cells: Buffer;
  #cellsEnd = headroom;
  #lengths: Buffer;
  #lengthsEnd = 0;
  #rows = 0;

  constructor(capacity: number = batchBytes + 8_192) {
    this.#cells = Buffer.allocUnsafeSlow(capacity);
    this.#lengths = Buffer.allocUnsafeSlow(16_384);
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
  cell(source: Uint8Array, start: number, end: number): void {
    const size = end - start;
    const to = this.#cellsEnd;
    if (to + size > this.#cells.length) this.#growCells(size);
    const cells = this.#cells;
    // A short copy in a loop is several times as fast as a call of `set`.
    if (size < 40) {
      for (let i = 0; i < size; i++) cells[to + i] = source[start + i] as number;
    } else {
      cells.set(source.subarray(start, end), to);
    }
    this.#cellsEnd = to + size;
    this.#length(size + 1);
  }

  /** The next cell is this text. */
  text(text: string): void {
    const size = Buffer.byteLength(text);
    if (this.#cellsEnd + size > this.#cells.length) this.#growCells(size);
    this.#cells.write(text, this.#cellsEnd);
    this.#cellsEnd += size;
    this.#length(size + 1);
  }

  /** The next cell is null. */
  null(): void {
    this.#length(0);
  }

  endRow(): void {
    this.#rows++;
  }

  /** What was collected, or undefined when there is no row; the next batch begins. */
  take(): PackedBatch | undefined {
    if (this.#rows === 0) return undefined;
    const cellsSize = this.#cellsEnd - headroom;
    const lengthsSize = this.#lengthsEnd;
    const lengthsStart = this.#cellsEnd + 1 + varintSize(lengthsSize);
    const end = lengthsStart + lengthsSize;
    if (end > this.#cells.length) this.#growCells(end - this.#cellsEnd);
    const buffer = this.#cells;
    let at = headroom - varintSize(cellsSize);
    writeVarint(buffer, at, cellsSize);
    buffer[--at] = tagCells;
    at -= varintSize(this.#rows);
    writeVarint(buffer, at, this.#rows);
    buffer[--at] = tagRows;
    buffer[this.#cellsEnd] = tagLengths;
    writeVarint(buffer, this.#cellsEnd + 1, lengthsSize);
    buffer.set(this.#lengths.subarray(0, lengthsSize), lengthsStart);
    const batch = new PackedBatch(this.#rows, buffer, at, headroom, this.#cellsEnd, lengthsStart, end);
    this.#cells = Buffer.allocUnsafeSlow(batchBytes + 8_192);
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
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#cells.length * 2, this.#cellsEnd + by + 64));
    this.#cells.copy(grown, 0, 0, this.#cellsEnd);
    this.#cells = grown;
  }

  #growLengths(): void {
    const grown = Buffer.allocUnsafeSlow(this.#lengths.length * 2);
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
