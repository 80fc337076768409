/**
 * AES-256-GCM with one set of sizes and nothing to choose: 256-bit key, 96-bit
 * nonce, 128-bit tag behind the ciphertext (NIST SP 800-38D). Any other size is
 * refused, since Node itself takes a tag of four bytes unless it is told not to.
 */
import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";

export const keyBytes = 32;
export const nonceBytes = 12;
export const tagBytes = 16;

const algorithm = "aes-256-gcm";

/** The ciphertext with its tag behind it. A nonce must never meet the same key twice. */
export function encrypt(
  key: KeyObject,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  additionalData: Uint8Array,
): Uint8Array {
  checkSizes(key, nonce);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(additionalData);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/**
 * The plaintext, once its tag has been verified; not one byte of it otherwise.
 *
 * Throws an Error without detail when key, nonce, ciphertext, tag or additional
 * data are not those of the encryption.
 */
export function decrypt(
  key: KeyObject,
  nonce: Uint8Array,
  sealed: Uint8Array,
  additionalData: Uint8Array,
): Uint8Array<ArrayBuffer> {
  checkSizes(key, nonce);
  if (sealed.length < tagBytes) throw new Error("the ciphertext is shorter than its tag");
  const end = sealed.length - tagBytes;
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(additionalData);
  decipher.setAuthTag(sealed.subarray(end));
  const unverified = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
  } catch {
    unverified.fill(0);
    throw new Error("the tag does not verify");
  }
  return unverified;
}

function checkSizes(key: KeyObject, nonce: Uint8Array): void {
  if (key.symmetricKeySize !== keyBytes) throw new Error(`the key is not of ${keyBytes} bytes`);
  if (nonce.length !== nonceBytes) throw new Error(`the nonce is not of ${nonceBytes} bytes`);
}
