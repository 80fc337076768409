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
import { LRUCache } from "lru-cache";
import { decrypt, encrypt, keyBytes, nonceBytes } from "./aead.ts";
import { canonicalContext, type EncryptionContext } from "./context.ts";
import type { Vault } from "./vault.ts";

/** Where an answer belongs. */
export interface AnswerPlace {
  readonly organizationId: string;
  readonly connectorId: string;
  /** The connector's version. */
  readonly version: number;
  /** Stands for the request. */
  readonly digest: string;
  readonly epoch: string;
  /** Of the answer's bytes. */
  readonly format: number;
}

export interface AnswerSealer {
  seal(place: AnswerPlace, answer: Uint8Array): Promise<Uint8Array>;
  /** Throws an Error, or the vault's Failure, when it is none or was sealed for another place. */
  open(place: AnswerPlace, sealed: Uint8Array): Promise<Uint8Array>;
}

interface DataKey {
  readonly key: KeyObject;
  readonly sealed: Uint8Array;
}

const sizeBytes = 2;
/** Connectors whose data key is at hand; those unused the longest get another one. */
const maxKeys = 10_000;
/** A new data key so often: a KEK that is primary now soon seals all that is kept. */
const keyMs = 3_600_000;

export function createAnswerSealer(vault: Vault): AnswerSealer {
  const sealing = new LRUCache<string, Promise<DataKey>>({ max: maxKeys, ttl: keyMs });
  const opening = new LRUCache<string, Promise<KeyObject>>({ max: maxKeys });

  return {
    async seal(place, answer) {
      const { key, sealed } = await once(sealing, keyName(place), () => newKey(vault, place));
      const nonce = randomBytes(nonceBytes);
      const size = Uint8Array.of(sealed.length >> 8, sealed.length & 0xff);
      return Buffer.concat([size, sealed, nonce, encrypt(key, nonce, answer, boundTo(place))]);
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

/** What is known under the name, or is made now for all who ask; what fails is made anew for the next one. */
function once<T>(known: LRUCache<string, Promise<T>>, name: string, make: () => Promise<T>): Promise<T> {
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

function keyName({ organizationId, connectorId, version }: AnswerPlace): string {
  return JSON.stringify([organizationId, connectorId, version]);
}

/** It is sent nowhere, so that there is no endpoint. */
function keyContext({ organizationId, connectorId, version }: AnswerPlace): EncryptionContext {
  return { organizationId, connectorId, field: "kept_answer_key", secretVersion: version, endpoint: {} };
}

/** The additional data of an answer: instead of an endpoint, it is bound to what it answers. */
function boundTo(place: AnswerPlace): Uint8Array {
  const { digest, epoch, format } = place;
  const context = { ...keyContext(place), field: "kept_answer", endpoint: { digest, epoch, format } };
  return Buffer.concat([Buffer.from("connector-vault/1 kept answer\0"), canonicalContext(context)]);
}
