/**
 * Envelope encryption: every secret version has its own data key, which a key of the
 * operator wraps. `sealed.ts` describes the bytes.
 */
import { createSecretKey, hkdfSync, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";
import { Failure } from "../failure.ts";
import { decrypt, encrypt, keyBytes, nonceBytes } from "./aead.ts";
import { canonicalContext, type EncryptionContext } from "./context.ts";
import type { KeyProvider, RandomSource } from "./keys.ts";
import { commitmentBytes, decodeSealed, encodeSealed, messageIdBytes } from "./sealed.ts";

export interface Vault {
  /** Seals a secret for one place. The caller may overwrite the plaintext afterwards. */
  seal(plaintext: Uint8Array, context: EncryptionContext): Promise<Uint8Array>;
  /**
   * The secret again, given the context it was sealed with. Fails with an internal
   * Failure when any byte or any part of the context is another, or the key is gone;
   * which of these it was is in the `cause`, for the log.
   */
  open(sealed: Uint8Array, context: EncryptionContext): Promise<Uint8Array>;
  /** The id of the key that wraps the value's data key. Fails as `open` does when it is no sealed value. */
  keyIdOf(sealed: Uint8Array): string;
}

/** A vault over the operator's keys. `random` is replaced only to make test vectors. */
export function createVault(keys: KeyProvider, random: RandomSource = randomBytes): Vault {
  return {
    async seal(plaintext, context) {
      const canonical = canonicalContext(context);
      const dek = random(keyBytes);
      const messageId = random(messageIdBytes);
      const nonce = random(nonceBytes);
      try {
        const { encryptionKey, commitment } = deriveKeys(dek, messageId);
        const ciphertext = encrypt(encryptionKey, nonce, plaintext, labelled("secret", canonical));
        const { keyId, wrapped } = await keys.wrap(dek, labelled("data key", canonical));
        return encodeSealed({ keyId, wrapped, messageId, commitment, nonce, ciphertext });
      } finally {
        dek.fill(0);
      }
    },
    async open(sealed, context) {
      const canonical = canonicalContext(context);
      try {
        return await openWith(keys, sealed, canonical);
      } catch (cause) {
        // A key service that can't be reached says so itself: waiting helps there.
        throw cause instanceof Failure ? cause : cannotOpen(cause);
      }
    },
    keyIdOf(sealed) {
      try {
        return decodeSealed(sealed).keyId;
      } catch (cause) {
        throw cannotOpen(cause);
      }
    },
  };
}

async function openWith(keys: KeyProvider, sealed: Uint8Array, canonical: Uint8Array): Promise<Uint8Array> {
  const { keyId, wrapped, messageId, commitment, nonce, ciphertext } = decodeSealed(sealed);
  const dek = await keys.unwrap(keyId, wrapped, labelled("data key", canonical));
  try {
    if (dek.length !== keyBytes) throw new Error(`the data key is not of ${keyBytes} bytes`);
    const derived = deriveKeys(dek, messageId);
    if (!timingSafeEqual(derived.commitment, commitment)) throw new Error("the key commitment is another key's");
    return decrypt(derived.encryptionKey, nonce, ciphertext, labelled("secret", canonical));
  } finally {
    dek.fill(0);
  }
}

function deriveKeys(dek: Uint8Array, messageId: Uint8Array): { encryptionKey: KeyObject; commitment: Uint8Array } {
  const bytes = new Uint8Array(hkdfSync("sha512", dek, messageId, "connector-vault/1 encryption", keyBytes));
  const encryptionKey = createSecretKey(bytes);
  bytes.fill(0);
  const commitment = hkdfSync("sha512", dek, messageId, "connector-vault/1 commitment", commitmentBytes);
  return { encryptionKey, commitment: new Uint8Array(commitment) };
}

function labelled(label: "secret" | "data key", canonical: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`connector-vault/1 ${label}\0`), canonical]);
}

/** One message for every reason: which byte was wrong is the log's to know. */
function cannotOpen(cause: unknown): Failure {
  return new Failure("internal", "The connector's stored credential can't be opened.", {
    where: "credential",
    remedy:
      "Start the service with the encryption key that sealed it, or store the credential anew by updating the connector.",
    cause,
  });
}
