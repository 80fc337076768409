/**
 * The bytes of a sealed value, format 1. Sizes are in bytes, numbers big-endian.
 *
 *     size  what
 *        1  format: 1
 *        1  size of the key id, 1 to 255: n
 *        n  id of the KEK that wraps the DEK, printable ASCII
 *        2  size of the wrapped DEK: m
 *        m  wrapped DEK; for local keys nonce (12), encrypted DEK (32), tag (16)
 *       32  message id, random
 *       32  key commitment
 *       12  nonce, random
 *        …  ciphertext, as long as the plaintext
 *       16  tag
 *
 * The message id is the salt of HKDF-SHA-512 over the DEK; with the info
 * "connector-vault/1 encryption" it yields the AES-256-GCM key, with
 * "connector-vault/1 commitment" the key commitment. The commitment ties the
 * ciphertext to one DEK: without it a forger could make one that opens, to different
 * plaintexts, under two. The model is the AWS Encryption SDK's committing suites
 * (docs.aws.amazon.com/encryption-sdk, "Algorithms reference", suite 0x0478).
 *
 * The additional data of both encryptions begin with a label, so that neither can
 * stand for the other: "connector-vault/1 secret" and "connector-vault/1 data key",
 * a zero byte, then the canonical context. Local keys put the key id's size and the
 * key id in front of theirs.
 *
 * Key id and wrapped DEK are in no additional data of the secret: a DEK can be
 * wrapped anew, under another KEK, without the secret being opened.
 */
import { nonceBytes, tagBytes } from "./aead.ts";

export const format = 1;
export const messageIdBytes = 32;
export const commitmentBytes = 32;

export interface Sealed {
  readonly keyId: string;
  readonly wrapped: Uint8Array;
  readonly messageId: Uint8Array;
  readonly commitment: Uint8Array;
  readonly nonce: Uint8Array;
  /** With its tag. */
  readonly ciphertext: Uint8Array;
}

export function encodeSealed(sealed: Sealed): Uint8Array {
  const { keyId, wrapped } = sealed;
  if (!isKeyId(keyId)) throw new Error("the key id is not of 1 to 255 printable ASCII characters");
  if (wrapped.length > 0xffff) throw new Error("the wrapped data key is larger than 65,535 bytes");
  return Buffer.concat([
    Uint8Array.of(format, keyId.length),
    Buffer.from(keyId, "latin1"),
    Uint8Array.of(wrapped.length >> 8, wrapped.length & 0xff),
    wrapped,
    sealed.messageId,
    sealed.commitment,
    sealed.nonce,
    sealed.ciphertext,
  ]);
}

/** The parts, as views of `bytes`. Throws an Error that says what is wrong with them. */
export function decodeSealed(bytes: Uint8Array): Sealed {
  let at = 0;
  const take = (size: number): Uint8Array => {
    if (at + size > bytes.length) throw new Error("the sealed value is cut short");
    at += size;
    return bytes.subarray(at - size, at);
  };
  const [version = 0] = take(1);
  if (version !== format) throw new Error(`the sealed value is of format ${version}, not ${format}`);
  const [keyIdSize = 0] = take(1);
  const keyId = Buffer.from(take(keyIdSize)).toString("latin1");
  if (!isKeyId(keyId)) throw new Error("the sealed value's key id is malformed");
  const [high = 0, low = 0] = take(2);
  const wrapped = take((high << 8) | low);
  const messageId = take(messageIdBytes);
  const commitment = take(commitmentBytes);
  const nonce = take(nonceBytes);
  const ciphertext = bytes.subarray(at);
  if (ciphertext.length < tagBytes) throw new Error("the sealed value is cut short");
  return { keyId, wrapped, messageId, commitment, nonce, ciphertext };
}

function isKeyId(keyId: string): boolean {
  return /^[\x21-\x7e]{1,255}$/.test(keyId);
}
