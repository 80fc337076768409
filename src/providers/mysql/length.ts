/**
 * Lengths as MySQL's protocol writes them: one byte up to 250; 0xfc, 0xfd or 0xfe and two,
 * three or eight bytes for more.
 *
 * Source: MySQL, "Protocol::LengthEncodedInteger".
 */

/** The first byte that is none of a length: it stands for NULL, in rows of text. */
export const firstOther = 0xfb;

/** Bytes of a length that begins so. */
export function lengthSize(first: number): number {
  if (first < firstOther) return 1;
  return first === 0xfc ? 3 : first === 0xfd ? 4 : 9;
}

/**
 * The length at `at`, which is before `end`; -1 when there is none or it does not end
 * there. More than 2⁵³ come as some number beyond.
 */
export function lengthAt(bytes: Buffer, at: number, end: number): number {
  const first = bytes[at] as number;
  if (first < firstOther) return first;
  if (first === firstOther || first === 0xff || at + lengthSize(first) > end) return -1;
  const low = (bytes[at + 1] as number) | ((bytes[at + 2] as number) << 8);
  if (first === 0xfc) return low;
  if (first === 0xfd) return low | ((bytes[at + 3] as number) << 16);
  return bytes.readUInt32LE(at + 1) + bytes.readUInt32LE(at + 5) * 2 ** 32;
}

/** Bytes that the length takes when it is written. */
export function writtenSize(length: number): number {
  if (length < firstOther) return 1;
  if (length < 2 ** 16) return 3;
  return length < 2 ** 24 ? 4 : 9;
}

/** Writes a length and says where it ends. */
export function writeLength(target: Buffer, at: number, length: number): number {
  const size = writtenSize(length);
  if (size === 1) return target.writeUInt8(length, at);
  if (size === 3) return target.writeUInt16LE(length, target.writeUInt8(0xfc, at));
  if (size === 4) return target.writeUIntLE(length, target.writeUInt8(0xfd, at), 3);
  return target.writeBigUInt64LE(BigInt(length), target.writeUInt8(0xfe, at));
}
