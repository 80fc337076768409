/** The part of a body that is being read. */
import { isUtf8 } from "node:buffer";

/** Why a decoder stops: it needs more of the body, or a batch is full. */
export type Pause = "more" | "full";

const bom = Buffer.from([0xef, 0xbb, 0xbf]);
const nothing = Buffer.alloc(0);

/**
 * What has come of a body and was not given up yet, in one piece: `bytes` from `at` on. It is
 * UTF-8, but for a character that the end cuts, and has no byte order mark.
 */
export class Window {
  bytes: Buffer = nothing;
  at = 0;
  /** Nothing will come any more. */
  ended = false;
  #own: Buffer = nothing;
  /** The first bytes of a character whose others are still to come. */
  #cut: Buffer = nothing;
  /** May become a byte order mark. */
  #head: Buffer = nothing;
  #begun = false;

  /** Adds what comes next; false when it is not UTF-8. What stood before `at` is given up, and places in `bytes` change. */
  append(chunk: Uint8Array): boolean {
    const added = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (!this.#isText(added)) return false;
    const kept = this.bytes.length - this.at;
    if (!this.#begun) this.#begin(added);
    else if (kept === 0) this.bytes = added;
    else this.#join(kept, added);
    this.at = 0;
    return true;
  }

  /** The body has ended; false when it did so in the middle of a character. */
  end(): boolean {
    this.ended = true;
    return this.#cut.length === 0;
  }

  /** Gives up all whole characters, and says what they were. */
  takeText(): string {
    const end = Math.max(this.at, this.bytes.length - this.#cut.length);
    const text = this.bytes.toString("utf8", this.at, end);
    this.at = end;
    return text;
  }

  /** Half of the memory is free after it grew, so that a long row is copied twice at most. */
  #join(kept: number, added: Buffer): void {
    const size = kept + added.length;
    const { bytes, at } = this;
    const into = this.#own.length >= size ? this.#own : Buffer.allocUnsafeSlow(size * 2);
    // Behind what is kept there is room yet, where it began the memory.
    if (at > 0 || bytes.buffer !== into.buffer) bytes.copy(into, 0, at);
    added.copy(into, kept);
    this.#own = into;
    this.bytes = into.subarray(0, size);
  }

  /** Nobody sees the first bytes until it is known whether they are a mark. */
  #begin(added: Buffer): void {
    const first = this.#head.length === 0 ? added : Buffer.concat([this.#head, added]);
    this.#begun = first.length >= bom.length || !bom.subarray(0, first.length).equals(first);
    if (!this.#begun) this.#head = Buffer.from(first);
    else this.bytes = first.subarray(0, bom.length).equals(bom) ? first.subarray(bom.length) : first;
  }

  #isText(added: Buffer): boolean {
    let from = 0;
    if (this.#cut.length > 0) {
      from = Math.min(sizeOf(this.#cut[0] as number) - this.#cut.length, added.length);
      const character = Buffer.concat([this.#cut, added.subarray(0, from)]);
      if (character.length < sizeOf(character[0] as number)) {
        this.#cut = character;
        return true;
      }
      if (!isUtf8(character)) return false;
    }
    const to = Math.max(from, wholeCharacters(added));
    this.#cut = Buffer.from(added.subarray(to));
    return isUtf8(from === 0 && to === added.length ? added : added.subarray(from, to));
  }
}

/** Where the character that the end cuts begins, or the end. */
function wholeCharacters(bytes: Buffer): number {
  const end = bytes.length;
  for (let back = 1; back <= 3 && back <= end; back++) {
    const byte = bytes[end - back] as number;
    if (byte < 0x80) return end;
    if (byte >= 0xc0) return sizeOf(byte) > back ? end - back : end;
  }
  return end;
}

/** Bytes of a character, by its first. */
function sizeOf(first: number): number {
  if (first < 0xc0) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}
