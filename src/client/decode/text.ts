/**
 * Text out of the bytes of a batch.
 *
 * One conversion of a whole batch and a `slice` for each cell takes half the
 * time of a conversion for each cell, and for ASCII both are the same. Only a cell
 * with a byte of 0x80 or above is converted on its own. A slice shares its batch's
 * text, so a kept string of 13 characters or more keeps that batch (about 125 kB)
 * alive.
 *
 * The one file of the decoder that needs Node: a browser has TextDecoder instead.
 */
import { isAscii } from "node:buffer";

export class BatchText {
  readonly bytes: Buffer;
  /** Whether every byte is below 0x80. */
  readonly #ascii: boolean;
  #latin1: string | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#ascii = isAscii(bytes);
  }

  /** A range of which it is known that it is ASCII. */
  ascii(start: number, end: number): string {
    if (this.#latin1 === undefined) this.#latin1 = this.bytes.toString("latin1");
    return this.#latin1.slice(start, end);
  }

  /** A range of UTF-8. */
  utf8(start: number, end: number): string {
    if (!this.#ascii) {
      const bytes = this.bytes;
      for (let at = start; at < end; at++) {
        if ((bytes[at] as number) >= 0x80) return bytes.toString("utf8", start, end);
      }
    }
    return this.ascii(start, end);
  }
}
