/** Keys that this process holds itself, and the text that an operator may give them as. */
import { createHash, createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { Failure } from "../failure.ts";
import { decrypt, encrypt, keyBytes, nonceBytes } from "./aead.ts";
import type { KeyInfo, KeyProvider, RandomSource } from "./key-provider.ts";

/** A key with all that is known of it; one that was destroyed is but its name. */
export interface LocalKey extends KeyInfo {
  readonly key: KeyObject | undefined;
}

/**
 * Wraps with keys at hand, as many as there are at the moment.
 *
 * Nonces are random: one key may wrap 2³² data keys (NIST SP 800-38D, 8.3), one for
 * each secret that is stored.
 */
export function keysAtHand(current: () => readonly LocalKey[], random: RandomSource = randomBytes): KeyProvider {
  return {
    list: async () => current().map(({ id, state, createTime }) => ({ id, state, createTime })),
    async wrap(dek, additionalData) {
      const { id, key } = current().find(({ state }) => state === "primary") ?? {};
      if (id === undefined || key === undefined) return undefined;
      const nonce = random(nonceBytes);
      return { keyId: id, wrapped: Buffer.concat([nonce, encrypt(key, nonce, dek, bindKeyId(id, additionalData))]) };
    },
    async unwrap(keyId, wrapped, additionalData) {
      const { key } = current().find(({ id }) => id === keyId) ?? {};
      if (key === undefined) return undefined;
      const nonce = wrapped.subarray(0, nonceBytes);
      return decrypt(key, nonce, wrapped.subarray(nonceBytes), bindKeyId(keyId, additionalData));
    },
  };
}

/**
 * Keys from `id:hex,id2:hex`, whose first is primary and whose others only unwrap, or from
 * the 64 hex digits of one key, whose id is then made of its hash.
 *
 * Throws an internal Failure that names the wrong entry by its position and never shows
 * any of it, since a misplaced key may stand where an id belongs.
 */
export function localKeys(spec: string, random: RandomSource = randomBytes): KeyProvider {
  const keys = parseKeys(spec);
  return keysAtHand(() => keys, random);
}

function parseKeys(spec: string): LocalKey[] {
  const trimmed = spec.trim();
  if (trimmed === "") throw wrongKeys("no key is given");
  if (!/[:,]/.test(trimmed)) {
    const key = keyOf(trimmed, "the key");
    return [{ id: idOf(key), state: "primary", createTime: undefined, key }];
  }
  const keys: LocalKey[] = [];
  for (const [index, entry] of trimmed.split(",").entries()) {
    const name = `key ${index + 1}`;
    const colon = entry.indexOf(":");
    if (colon < 0) throw wrongKeys(`${name} has no id in front of it`);
    const id = entry.slice(0, colon).trim();
    if (!isLocalKeyId(id)) throw wrongKeys(`the id of ${name} is not of ${localKeyIdHint}`);
    if (keys.some((other) => other.id === id)) throw wrongKeys(`${name} has the id of a key before it`);
    const key = keyOf(entry.slice(colon + 1).trim(), name);
    if (keys.some((other) => other.key?.equals(key))) throw wrongKeys(`${name} is a key that came before it`);
    keys.push({ id, state: index === 0 ? "primary" : "decrypt-only", createTime: undefined, key });
  }
  return keys;
}

export const localKeyIdHint = "1 to 63 letters, digits, dots, underscores and hyphens";

export function isLocalKeyId(id: string): boolean {
  return /^[A-Za-z0-9._-]{1,63}$/.test(id);
}

/** The key of 64 hex digits, or what is wrong with them, without any of them. */
export function parseKey(hex: string): KeyObject | "is not of 64 hex digits" | "repeats one byte: it is no key" {
  if (!/^[0-9a-f]{64}$/i.test(hex)) return "is not of 64 hex digits";
  const bytes = Buffer.from(hex, "hex");
  try {
    if (bytes.every((byte) => byte === bytes[0])) return "repeats one byte: it is no key";
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}

function keyOf(hex: string, name: string): KeyObject {
  const key = parseKey(hex);
  if (typeof key === "string") throw wrongKeys(`${name} ${key}`);
  return key;
}

/** The key id's size and the key id in front of the additional data. */
function bindKeyId(keyId: string, additionalData: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(keyId.length), Buffer.from(keyId, "latin1"), additionalData]);
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
