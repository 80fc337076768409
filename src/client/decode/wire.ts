/**
 * The few pieces of the Protobuf wire format that the hand-written readers need.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */

const wireVarint = 0;
const wireFixed64 = 1;
export const wireLengthDelimited = 2;
const wireFixed32 = 5;

/** Reads through bytes from `at` to `end`. */
export class WireReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  at: number;

  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  /** A varint below 2³². */
  uint32(): number {
    const bytes = this.bytes;
    let byte = bytes[this.at++] as number;
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let shift = 7; shift < 35; shift += 7) {
      byte = bytes[this.at++] as number;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new RangeError("A number of a message is longer than 32 bits.");
  }

  /** The size of what follows, checked against the end. */
  size(): number {
    const size = this.uint32();
    if (size > this.end - this.at) throw new RangeError("A message ends in the middle of a field.");
    return size;
  }

  /** Passes over the content of a field that is not known. */
  skip(wireType: number): void {
    switch (wireType) {
      case wireVarint:
        while ((this.bytes[this.at++] as number) >= 0x80);
        break;
      case wireFixed64:
        this.at += 8;
        break;
      case wireLengthDelimited: {
        const size = this.size();
        this.at += size;
        break;
      }
      case wireFixed32:
        this.at += 4;
        break;
      default:
        throw new RangeError(`A message has a field of the unknown wire type ${wireType}.`);
    }
    if (this.at > this.end) throw new RangeError("A message ends in the middle of a field.");
  }
}
