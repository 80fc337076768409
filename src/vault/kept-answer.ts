/**
 * Answers of sources, each sealed for the one place that it may be found in.
 *
 * There are millions of them, and a KEK may wrap 2³² data keys only: so a data key, which
 * the vault seals as it seals any secret, encrypts many answers of one connector's version.
 *
 *     2 bytes  size of the sealed data key, big-endian
 *           …  the sealed data key
 *          12  nonce, random
 *           …  the answer's ciphertext and its tag
 */
import { createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { decrypt, encrypt, keyBytes, nonceBytes } from "./aead.ts";
import { canonicalContext, type EncryptionContext } from "./context.ts";
import type { Vault } from "./vault.ts";

/** Where an answer belongs. */
export interface AnswerPlace {
  readonly organizationId: string;
  readonly connectorId: string;
  /** The connector's version, or `anyVersion`. */
  readonly version: number;
  /** Stands for the request. */
  readonly digest: string;
  readonly epoch: string;
  /** Of the answer's bytes. */
  readonly format: number;
}

/** Where all answers have one data key. */
type KeyPlace = Pick<AnswerPlace, "organizationId" | "connectorId" | "version">;

export interface AnswerSealer {
  seal(place: AnswerPlace, answer: Uint8Array): Promise<Uint8Array>;
  /** Throws an Error, or the vault's Failure, when it is none or was sealed for another place. */
  open(place: AnswerPlace, sealed: Uint8Array): Promise<Uint8Array>;
}

/** The version of an answer that outlives its connector's. */
export const anyVersion = 1;

interface DataKey {
  readonly key: KeyObject;
  readonly sealed: Uint8Array;
}

const sizeBytes = 2;
/** Connectors whose data key is at hand; those unused the longest get another one. */
const maxKeys = 10_000;
/** A new data key so often. */
const keyMs = 3_600_000;
/** For so long a KEK is taken for the primary one: when another one is, data keys are made anew under it. */
const primaryMs = 1_000;
/** A key service that is asked which one is primary is waited for no longer; what it has said last goes on. */
const primaryWaitMs = 250;

export function createAnswerSealer(vault: Vault): AnswerSealer {
  const sealing = new LRUCache<string, Promise<DataKey>>({ max: maxKeys, ttl: keyMs });
  const opening = new LRUCache<string, Promise<KeyObject>>({ max: maxKeys });
  const primaryKeyId = recentPrimary(vault);

  return {
    async seal(place, answer) {
      const name = `${keyName(place)} ${await primaryKeyId()}`;
      const { key, sealed } = await once(sealing, name, () => newKey(vault, place));
      const nonce = randomBytes(nonceBytes);
      return Buffer.concat([headOf(sealed), nonce, encrypt(key, nonce, answer, boundTo(place))]);
    },
    async open(place, sealed) {
      const keyEnd = sizeBytes + (((sealed[0] ?? 0) << 8) | (sealed[1] ?? 0));
      const sealedKey = Buffer.from(sealed.subarray(sizeBytes, keyEnd));
      const name = `${keyName(place)} ${sealedKey.toString("latin1")}`;
      const key = await once(opening, name, () => openKey(vault, place, sealedKey));
      const nonce = sealed.subarray(keyEnd, keyEnd + nonceBytes);
      return decrypt(key, nonce, sealed.subarray(keyEnd + nonceBytes), boundTo(place));
    },
  };
}

/**
 * What stands at the beginning of a sealed answer, its data key with the size of it, wrapped under the primary key:
 * instead of the old one it leads to the same answer, which is not opened.
 * @throws As the vault's `rewrap` does
 */
export async function rewrapAnswerKey(vault: Vault, place: KeyPlace, head: Uint8Array): Promise<Uint8Array> {
  return headOf(await vault.rewrap(head.subarray(sizeBytes), keyContext(place)));
}

/** Data keys under a KEK that is not primary any more would keep it in use for long. */
function recentPrimary(vault: Vault): () => Promise<string> {
  const recent = new LRUCache<"primary", Promise<string>>({ max: 1, ttl: primaryMs });
  let known = "";
  const ask = async () => {
    const asked = vault.primaryKeyId().then(
      (id) => {
        known = id;
      },
      // Whether it can be done without is seen when something is wrapped.
      () => undefined,
    );
    await Promise.race([asked, delay(primaryWaitMs, undefined, { ref: false })]);
    return known;
  };
  return () => once(recent, "primary", ask);
}

/** What is known under the name, or is made now for all who ask; what fails is made anew for the next one. */
function once<Name extends string, T>(
  known: LRUCache<Name, Promise<T>>,
  name: Name,
  make: () => Promise<T>,
): Promise<T> {
  const found = known.get(name);
  if (found !== undefined) return found;
  const making = make();
  known.set(name, making);
  making.catch(() => {
    if (known.peek(name) === making) known.delete(name);
  });
  return making;
}

async function newKey(vault: Vault, place: AnswerPlace): Promise<DataKey> {
  const bytes = randomBytes(keyBytes);
  try {
    return { key: createSecretKey(bytes), sealed: await vault.seal(bytes, keyContext(place)) };
  } finally {
    bytes.fill(0);
  }
}

async function openKey(vault: Vault, place: AnswerPlace, sealed: Uint8Array): Promise<KeyObject> {
  const bytes = await vault.open(sealed, keyContext(place));
  try {
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}

function headOf(sealedKey: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(sealedKey.length >> 8, sealedKey.length & 0xff), sealedKey]);
}

function keyName({ organizationId, connectorId, version }: KeyPlace): string {
  return JSON.stringify([organizationId, connectorId, version]);
}

/** It is sent nowhere, so that there is no endpoint. */
function keyContext({ organizationId, connectorId, version }: KeyPlace): EncryptionContext {
  return { organizationId, connectorId, field: "kept_answer_key", secretVersion: version, endpoint: {} };
}

/** The additional data of an answer: instead of an endpoint, it is bound to what it answers. */
function boundTo(place: AnswerPlace): Uint8Array {
  const { digest, epoch, format } = place;
  const context = { ...keyContext(place), field: "kept_answer", endpoint: { digest, epoch, format } };
  return Buffer.concat([Buffer.from("connector-vault/1 kept answer\0"), canonicalContext(context)]);
}
