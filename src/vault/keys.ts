/** Key encryption keys: who holds them, and those that the operator gives as text. */
import { createHash, createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { Failure } from "../failure.ts";
import { decrypt, encrypt, keyBytes, nonceBytes } from "./aead.ts";

/** Wraps data keys; asynchronous, since a key management service answers over a network. */
export interface KeyProvider {
  /** The id of the key that wraps new data keys. */
  primary(): string;
  /** Wraps a data key under the primary key, bound to the additional data. */
  wrap(dek: Uint8Array, additionalData: Uint8Array): Promise<WrappedKey>;
  /**
   * The data key again; the caller overwrites it after use. Throws an Error when the
   * key is not there or the data key is not one it wrapped under this additional data,
   * or a Failure when the key can't be reached for now.
   */
  unwrap(keyId: string, wrapped: Uint8Array, additionalData: Uint8Array): Promise<Uint8Array>;
}

export interface WrappedKey {
  readonly keyId: string;
  readonly wrapped: Uint8Array;
}

/** Random bytes; other than `randomBytes` only where a test needs the same bytes again. */
export type RandomSource = (size: number) => Uint8Array;

/**
 * Keys held in this process, from `id:hex,id2:hex` whose first is primary, or from the
 * 64 hex digits of one key, whose id is then made of its hash.
 *
 * Nonces are random: one key may wrap 2³² data keys (NIST SP 800-38D, 8.3), one for
 * each secret that is stored.
 *
 * Throws an internal Failure that names the wrong entry by its position and never shows
 * any of it, since a misplaced key may stand where an id belongs.
 */
export function localKeys(spec: string, random: RandomSource = randomBytes): KeyProvider {
  const keys = parseKeys(spec);
  const [primary] = keys.keys() as MapIterator<string> & [string];
  return {
    primary: () => primary,
    async wrap(dek, additionalData) {
      const nonce = random(nonceBytes);
      const key = keys.get(primary) as KeyObject;
      const wrapped = Buffer.concat([nonce, encrypt(key, nonce, dek, bindKeyId(primary, additionalData))]);
      return { keyId: primary, wrapped };
    },
    async unwrap(keyId, wrapped, additionalData) {
      const key = keys.get(keyId);
      if (key === undefined) throw new Error(`no key has the id ${keyId}`);
      const nonce = wrapped.subarray(0, nonceBytes);
      return decrypt(key, nonce, wrapped.subarray(nonceBytes), bindKeyId(keyId, additionalData));
    },
  };
}

function bindKeyId(keyId: string, additionalData: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(keyId.length), Buffer.from(keyId, "latin1"), additionalData]);
}

function parseKeys(spec: string): Map<string, KeyObject> {
  const trimmed = spec.trim();
  if (trimmed === "") throw wrongKeys("no key is given");
  if (!/[:,]/.test(trimmed)) {
    const key = parseKey(trimmed, "the key");
    return new Map([[idOf(key), key]]);
  }
  const keys = new Map<string, KeyObject>();
  for (const [index, entry] of trimmed.split(",").entries()) {
    const name = `key ${index + 1}`;
    const colon = entry.indexOf(":");
    if (colon < 0) throw wrongKeys(`${name} has no id in front of it`);
    const id = entry.slice(0, colon).trim();
    if (!/^[A-Za-z0-9._-]{1,63}$/.test(id)) {
      throw wrongKeys(`the id of ${name} is not of 1 to 63 letters, digits, dots, underscores and hyphens`);
    }
    if (keys.has(id)) throw wrongKeys(`${name} has the id of a key before it`);
    const key = parseKey(entry.slice(colon + 1).trim(), name);
    if ([...keys.values()].some((other) => other.equals(key))) throw wrongKeys(`${name} is a key that came before it`);
    keys.set(id, key);
  }
  return keys;
}

function parseKey(hex: string, name: string): KeyObject {
  if (!/^[0-9a-f]{64}$/i.test(hex)) throw wrongKeys(`${name} is not of 64 hex digits`);
  const bytes = Buffer.from(hex, "hex");
  try {
    if (bytes.every((byte) => byte === bytes[0])) throw wrongKeys(`${name} repeats one byte: it is no key`);
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}

/** The same for the same key on every replica, and of no help in finding the key. */
function idOf(key: KeyObject): string {
  const bytes = key.export();
  const digest = createHash("sha256").update("connector-vault/1 key id\0").update(bytes).digest("hex");
  bytes.fill(0);
  return `key-${digest.slice(0, 2 * 8)}`;
}

function wrongKeys(what: string): Failure {
  return new Failure("internal", `The encryption keys can't be used: ${what}.`, {
    where: "service",
    remedy: `Give the ${keyBytes * 2} hex digits that \`openssl rand -hex ${keyBytes}\` prints, or several keys as id:hex,id2:hex, the primary first.`,
  });
}
