/** Copies of a few bytes, of which a stream makes millions. */

/** Bytes behind a copy's end that it may read and write, too. */
export const slack = 8;

/** Longer copies are better left to `set`. */
const longest = 256;

/** A buffer and its view, kept together since making a view costs as much as some copies. */
export class Bytes {
  readonly buffer: Buffer;
  readonly view: DataView;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }

  static ofSize(size: number): Bytes {
    return new Bytes(Buffer.allocUnsafeSlow(size));
  }
}

/**
 * Copies `source[start, end)` to `target[to, …)`. The target must have `slack` bytes of
 * room behind the copy, whose content is then undefined.
 *
 * Eight bytes at a time: three to five times as fast as one at a time, and as much
 * faster than a call of `set` with the view that it needs.
 */
export function copy(source: Bytes, start: number, end: number, target: Bytes, to: number): void {
  const size = end - start;
  if (size > longest || end + slack > source.buffer.length) {
    target.buffer.set(source.buffer.subarray(start, end), to);
    return;
  }
  const from = source.view;
  const into = target.view;
  for (let i = 0; i < size; i += 8) into.setBigUint64(to + i, from.getBigUint64(start + i, true), true);
}
