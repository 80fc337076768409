/**
 * Envelope encryption: every secret version has its own data key, which a key of the
 * operator wraps. `sealed.ts` describes the bytes.
 */
import { createSecretKey, hkdfSync, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";
import { Failure } from "../failure.ts";
import { decrypt, encrypt, keyBytes, nonceBytes } from "./aead.ts";
import { canonicalContext, type EncryptionContext } from "./context.ts";
import { type KeyProvider, noPrimary, primaryKeyId, type RandomSource, type WrappedKey } from "./key-provider.ts";
import { commitmentBytes, decodeSealed, encodeSealed, messageIdBytes, type Sealed } from "./sealed.ts";

export interface Vault {
  /** Seals a secret for one place. The caller may overwrite the plaintext afterwards. */
  seal(plaintext: Uint8Array, context: EncryptionContext): Promise<Uint8Array>;
  /**
   * The secret again, given the context it was sealed with. Fails with an internal
   * Failure when any byte or any part of the context is another, or the key is gone;
   * which of these it was is in the `cause`, for the log.
   */
  open(sealed: Uint8Array, context: EncryptionContext): Promise<Uint8Array>;
  /**
   * The same secret with its data key wrapped under the primary key. The secret is not
   * opened, and no other part of its bytes changes. Fails as `open` does.
   */
  rewrap(sealed: Uint8Array, context: EncryptionContext): Promise<Uint8Array>;
  /** The id of the key that wraps the value's data key. Fails as `open` does when it is no sealed value. */
  keyIdOf(sealed: Uint8Array): string;
  /** The id of the key that wraps what is sealed now. */
  primaryKeyId(): Promise<string>;
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
        const wrapped = await wrapDek(keys, dek, canonical);
        return encodeSealed({ ...wrapped, messageId, commitment, nonce, ciphertext });
      } finally {
        dek.fill(0);
      }
    },
    open: (sealed, context) => opening(() => openWith(keys, sealed, canonicalContext(context))),
    rewrap: (sealed, context) => opening(() => rewrapWith(keys, sealed, canonicalContext(context))),
    keyIdOf(sealed) {
      try {
        return decodeSealed(sealed).keyId;
      } catch (cause) {
        throw cannotOpen(cause);
      }
    },
    primaryKeyId: () => primaryKeyId(keys),
  };
}

async function opening<T>(open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (cause) {
    // A key service that can't be reached says so itself: waiting helps there.
    throw cause instanceof Failure ? cause : cannotOpen(cause);
  }
}

async function openWith(keys: KeyProvider, sealed: Uint8Array, canonical: Uint8Array): Promise<Uint8Array> {
  const parts = decodeSealed(sealed);
  return withDek(keys, parts, canonical, async (dek) => {
    const { encryptionKey } = committedKeys(dek, parts);
    return decrypt(encryptionKey, parts.nonce, parts.ciphertext, labelled("secret", canonical));
  });
}

/** A data key that is not the secret's would be lost for ever under the new key: so the commitment is checked. */
async function rewrapWith(keys: KeyProvider, sealed: Uint8Array, canonical: Uint8Array): Promise<Uint8Array> {
  const parts = decodeSealed(sealed);
  return withDek(keys, parts, canonical, async (dek) => {
    committedKeys(dek, parts);
    return encodeSealed({ ...parts, ...(await wrapDek(keys, dek, canonical)) });
  });
}

/** The data key is overwritten when the work is done. */
async function withDek<T>(
  keys: KeyProvider,
  { keyId, wrapped }: WrappedKey,
  canonical: Uint8Array,
  work: (dek: Uint8Array) => Promise<T>,
): Promise<T> {
  const dek = await keys.unwrap(keyId, wrapped, labelled("data key", canonical));
  if (dek === undefined) throw new Error(`no key has the id ${keyId}`);
  try {
    if (dek.length !== keyBytes) throw new Error(`the data key is not of ${keyBytes} bytes`);
    return await work(dek);
  } finally {
    dek.fill(0);
  }
}

async function wrapDek(keys: KeyProvider, dek: Uint8Array, canonical: Uint8Array): Promise<WrappedKey> {
  const wrapped = await keys.wrap(dek, labelled("data key", canonical));
  if (wrapped === undefined) throw noPrimary();
  return wrapped;
}

function committedKeys(dek: Uint8Array, { messageId, commitment }: Sealed): { readonly encryptionKey: KeyObject } {
  const derived = deriveKeys(dek, messageId);
  if (!timingSafeEqual(derived.commitment, commitment)) throw new Error("the key commitment is another key's");
  return derived;
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
