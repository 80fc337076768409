/** The steps of a key's life: pending, primary, decrypt-only, destroyed; never back. */
import { createSecretKey, randomBytes } from "node:crypto";
import { Failure } from "../failure.ts";
import { keyBytes } from "./aead.ts";
import type { KeyState } from "./key-provider.ts";
import { isLocalKeyId, type LocalKey, localKeyIdHint } from "./keys.ts";

/**
 * A new key beside the others, made here: pending, until every replica has it.
 * @throws Failure of kind `invalid_request` when the id is none, or another key's, be it destroyed
 */
export function withNewKey(keys: readonly LocalKey[], id: string, state: KeyState = "pending"): LocalKey[] {
  if (!isLocalKeyId(id))
    throw refused(`"${id}" is no id of a key: it must be of ${localKeyIdHint}.`, "Choose another.");
  if (keys.some((key) => key.id === id)) throw refused(`There is a key ${id} already.`, "Choose another id.");
  const bytes = randomBytes(keyBytes);
  try {
    return [...keys, { id, state, createTime: new Date(), key: createSecretKey(bytes) }];
  } finally {
    bytes.fill(0);
  }
}

/**
 * The key wraps from now on, and the one that did only unwraps.
 * @throws Failure of kind `invalid_request` when the key is not there, or destroyed
 */
export function withPrimary(keys: readonly LocalKey[], id: string): LocalKey[] {
  const { state } = found(keys, id);
  if (state === "destroyed") throw refused(`The key ${id} is destroyed.`, "Make another with `npm run keys -- add`.");
  return keys.map((key) => {
    if (key.id === id) return { ...key, state: "primary" };
    return key.state === "primary" ? { ...key, state: "decrypt-only" } : key;
  });
}

/**
 * The key is gone; its name stays. Whoever calls has seen that it wraps nothing.
 * @throws Failure of kind `invalid_request` when it is primary, or not there
 */
export function withoutKey(keys: readonly LocalKey[], id: string): LocalKey[] {
  if (found(keys, id).state === "primary") {
    throw refused(`The key ${id} is primary: it wraps what is stored.`, "Promote another key first.");
  }
  return keys.map((key) => (key.id === id ? { ...key, state: "destroyed", key: undefined } : key));
}

function found(keys: readonly LocalKey[], id: string): LocalKey {
  const key = keys.find((each) => each.id === id);
  if (key === undefined) throw refused(`There is no key ${id}.`, "See `npm run keys -- list`.");
  return key;
}

function refused(message: string, remedy: string): Failure {
  return new Failure("invalid_request", message, { where: "request", remedy });
}
