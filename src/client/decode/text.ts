/**
 * Text out of the bytes of a batch.
 *
 * One conversion of a whole batch and a `slice` for each cell takes half the
 * time of a conversion for each cell, and for ASCII both are the same. Only a cell
 * with a byte of 0x80 or above is converted on its own. A slice shares its batch's
 * text, so a kept string of 13 characters or more keeps that batch (about 125 kB)
 * alive.
 *
 * Node's own conversions are several times as fast as a browser's; they are asked for without an
 * import, which a browser could not follow.
 */
const node: typeof import("node:buffer") | undefined = globalThis.process?.getBuiltinModule?.("node:buffer");

/** One character a byte, the first 128 of them ASCII: a place in the bytes is one in the text. */
const oneByte = new TextDecoder("latin1");
const unicode = new TextDecoder("utf-8", { ignoreBOM: true });

export class BatchText {
  readonly bytes: Uint8Array;
  /** The same bytes, in Node. */
  readonly #buffer: Buffer | undefined;
  /** Whether every byte is below 0x80. */
  readonly #ascii: boolean;
  #latin1: string | undefined;

  constructor(bytes: Uint8Array) {
    this.#buffer = node?.Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.bytes = this.#buffer ?? bytes;
    this.#ascii = node?.isAscii(bytes) ?? isAscii(bytes);
  }

  /** A range of which it is known that it is ASCII. */
  ascii(start: number, end: number): string {
    if (this.#latin1 === undefined) this.#latin1 = this.#buffer?.toString("latin1") ?? oneByte.decode(this.bytes);
    return this.#latin1.slice(start, end);
  }

  /** A range of UTF-8. */
  utf8(start: number, end: number): string {
    if (!this.#ascii) {
      const bytes = this.bytes;
      for (let at = start; at < end; at++) {
        if ((bytes[at] as number) >= 0x80) return this.#unicode(start, end);
      }
    }
    return this.ascii(start, end);
  }

  #unicode(start: number, end: number): string {
    return this.#buffer?.toString("utf8", start, end) ?? unicode.decode(this.bytes.subarray(start, end));
  }
}

function isAscii(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte >= 0x80) return false;
  return true;
}
