/**
 * API keys: `csk.<id>.<secret>`, where the id is a UUID and the secret 32 random bytes
 * in base64url.
 *
 * Only HMAC-SHA-256 of the whole token is kept, under a key derived from the signing
 * key: who reads the database can neither use an API key nor make one. The secret has
 * 256 bits of its own, so no slow hash is needed.
 */
import { createHmac, type KeyObject, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import { type Principal, principalOf, unauthenticated } from "./principal.ts";
import { deriveKey } from "./signing-key.ts";

/** What tells an API key from a JWT. */
export const apiKeyPrefix = "csk.";

const shape = /^csk\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[A-Za-z0-9_-]{43}$/;
const noHash = new Uint8Array(32);

/** An API key as it is stored. */
export interface StoredApiKey {
  readonly id: string;
  readonly organizationId: string;
  readonly principal: string;
  /** 32 bytes. */
  readonly secretHash: Uint8Array;
  readonly scopes: readonly string[];
  /** Empty for all of the organization's. */
  readonly connectorIds: readonly string[];
  /** Empty for all of its connectors'. */
  readonly resources: readonly string[];
  /** The agent that it always calls as; empty for none. */
  readonly agent: string;
  readonly expireTime?: Date | null;
  readonly revokeTime?: Date | null;
}

/** Looks up an API key of any organization by its id. */
export type FindApiKey = (id: string) => Promise<StoredApiKey | undefined>;

export interface MintedApiKey {
  readonly id: string;
  /** The key itself, to be shown once and kept nowhere. */
  readonly token: string;
  /** What is stored. */
  readonly secretHash: Uint8Array;
}

export function mintApiKey(signingKey: KeyObject): MintedApiKey {
  const id = randomUUID();
  const token = `${apiKeyPrefix}${id}.${randomBytes(32).toString("base64url")}`;
  return { id, token, secretHash: hash(hashKey(signingKey), token) };
}

export interface VerifiedApiKey {
  readonly id: string;
  readonly principal: Principal;
  /** Milliseconds since 1970, or Infinity. */
  readonly expireTime: number;
}

/** Makes the check of API keys, which throws an unauthenticated Failure for one that is not good. */
export function apiKeyVerifier(
  findApiKey: FindApiKey,
  signingKey: KeyObject,
): (token: string) => Promise<VerifiedApiKey> {
  const key = hashKey(signingKey);
  return async (token) => {
    const id = shape.exec(token)?.[1];
    if (id === undefined) {
      throw unauthenticated(
        "The API key is malformed.",
        "Send it whole: csk, a UUID and 43 characters, with dots between.",
      );
    }
    const stored = await findApiKey(id);
    // An unknown id costs what a wrong secret costs, so that time tells no one which ids exist.
    const matches = equal(hash(key, token), stored?.secretHash ?? noHash);
    if (stored === undefined || !matches) {
      throw unauthenticated(
        "The API key is not one of this service's.",
        "Check that it is whole and of this environment.",
      );
    }
    // Only who holds the secret learns what became of the key.
    if (stored.revokeTime) throw unauthenticated("The API key has been revoked.", "Ask for a new API key.");
    const expireTime = stored.expireTime?.getTime() ?? Number.POSITIVE_INFINITY;
    if (expireTime <= Date.now()) throw unauthenticated("The API key has expired.", "Ask for a new API key.");
    return { id, principal: principalOfKey(stored), expireTime };
  };
}

function principalOfKey(key: StoredApiKey): Principal {
  const { id, organizationId, principal, scopes, connectorIds, resources, agent } = key;
  const named = principalOf({
    ...{ organizationId, id: principal, authentication: "api_key", scopes },
    connectorIds: connectorIds.length === 0 ? undefined : connectorIds,
    resources: resources.length === 0 ? undefined : resources,
    agent: agent === "" ? undefined : agent,
  });
  return { ...named, apiKeyId: id };
}

function hashKey(signingKey: KeyObject): KeyObject {
  return deriveKey(signingKey, "connector/1 api key hash");
}

function hash(key: KeyObject, token: string): Uint8Array {
  return createHmac("sha256", key).update(token).digest();
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
