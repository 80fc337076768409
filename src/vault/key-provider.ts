/** Key encryption keys: what can be asked of whoever holds them. */
import { Failure } from "../failure.ts";

/**
 * What becomes of a key. A pending one unwraps already, so that every replica has it before
 * one of them wraps with it; only the primary wraps; a destroyed one is but a name.
 */
export const keyStates = ["pending", "primary", "decrypt-only", "destroyed"] as const;
export type KeyState = (typeof keyStates)[number];

/** A key by its name, without the key. */
export interface KeyInfo {
  readonly id: string;
  readonly state: KeyState;
  /** Undefined where nobody knows. */
  readonly createTime: Date | undefined;
}

/** Wraps data keys; asynchronous, since a key management service answers over a network. */
export interface KeyProvider {
  /** Every key that it knows of. One at most is primary: it wraps new data keys. */
  list(): Promise<readonly KeyInfo[]>;
  /** Wraps a data key under the primary key, bound to the additional data; undefined when none is primary. */
  wrap(dek: Uint8Array, additionalData: Uint8Array): Promise<WrappedKey | undefined>;
  /**
   * The data key again, which the caller overwrites after use; undefined when it has no key
   * of that id. Throws an Error when the data key is not one that the key wrapped under this
   * additional data, or a Failure when the key can't be reached for now.
   */
  unwrap(keyId: string, wrapped: Uint8Array, additionalData: Uint8Array): Promise<Uint8Array | undefined>;
}

export interface WrappedKey {
  readonly keyId: string;
  readonly wrapped: Uint8Array;
}

/** Random bytes; other than `randomBytes` only where a test needs the same bytes again. */
export type RandomSource = (size: number) => Uint8Array;

/**
 * The key that wraps new data keys.
 * @throws Failure of kind `internal` when there is none
 */
export async function primaryKeyId(keys: KeyProvider): Promise<string> {
  const primary = (await keys.list()).find(({ state }) => state === "primary");
  if (primary === undefined) throw noPrimary();
  return primary.id;
}

export function noPrimary(): Failure {
  return new Failure("internal", "No encryption key is primary: nothing can be sealed.", {
    where: "service",
    remedy: "Make a key with `npm run keys -- add`, and make it primary with `npm run keys -- promote ID`.",
  });
}
