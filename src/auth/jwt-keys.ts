/** The keys that a JWT may be signed with, each bound to its algorithms. */
import { createPublicKey, createSecretKey, type JsonWebKeyInput } from "node:crypto";
import { createLocalJWKSet, type JWK, type JWTVerifyGetKey } from "jose";
import { Failure } from "../failure.ts";

/** Where keys come from: a file, a secret, or the issuer itself (`remote-keys.ts`). */
export interface JwtKeys {
  /** The `alg` values that are accepted at all; `none` never is. */
  readonly algorithms: readonly string[];
  /** The key for a token's header, of the algorithm that it names. */
  readonly getKey: JWTVerifyGetKey;
  /**
   * Stands for the keys that are in use: when it is another, tokens that were verified
   * before may have been signed by a key that is none any more. Undefined without keys.
   */
  current(): object | undefined;
}

export const signatures: readonly string[] = [
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
];
const curves = ["P-256", "P-384", "P-521", "Ed25519"];

/**
 * The public keys of a JSON Web Key Set, given as its text (RFC 7517). Keys of unknown
 * types and those for encryption are left out, as the RFC asks; an RSA key that names no
 * algorithm is one for RS256, the others' curve says theirs.
 *
 * Throws an internal Failure that names the wrong key by its position.
 */
export function jwksKeys(json: string): JwtKeys {
  const keys = parseSet(json)
    .map((jwk, index) => ({ jwk, name: `key ${index + 1}` }))
    .filter(({ jwk, name }) => isSignatureKey(jwk, name))
    .map(({ jwk, name }) => checkKey(jwk, name));
  if (keys.length === 0) throw wrongKeys("it has no key that verifies signatures");
  return constant(signatures, createLocalJWKSet({ keys }));
}

/**
 * A secret that issuer and service share, by HS256: for development only, since who can
 * verify with it can issue. Throws an internal Failure when it has fewer than 32 bytes.
 */
export function sharedSecretKeys(secret: string): JwtKeys {
  const bytes = Buffer.from(secret);
  if (bytes.length < 32) {
    throw new Failure("internal", "The shared JWT secret can't be used: it has fewer than 32 bytes.", {
      where: "service",
      remedy: "Give what `openssl rand -hex 32` prints, to the issuer as well.",
    });
  }
  const key = createSecretKey(bytes);
  return constant(["HS256"], async () => key);
}

function constant(algorithms: readonly string[], getKey: JWTVerifyGetKey): JwtKeys {
  return { algorithms, getKey, current: () => getKey };
}

function parseSet(json: string): JWK[] {
  let set: unknown;
  try {
    set = JSON.parse(json);
  } catch {
    throw wrongKeys("it is not JSON");
  }
  const keys = (set as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw wrongKeys("it is not an object with an array of `keys`");
  for (const [index, key] of keys.entries()) {
    if (typeof key !== "object" || key === null || Array.isArray(key)) throw wrongKeys(`key ${index + 1} is no object`);
  }
  return keys as JWK[];
}

function isSignatureKey(jwk: JWK, name: string): boolean {
  // An operator who shares a secret by mistake should know, not wonder.
  if (jwk.kty === "oct" || "d" in jwk)
    throw wrongKeys(`${name} is not a public key: it must not be given to a verifier`);
  if (jwk.use !== undefined && jwk.use !== "sig") return false;
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes("verify"))) return false;
  if (jwk.alg !== undefined && !signatures.includes(jwk.alg)) return false;
  return jwk.kty === "RSA" || ((jwk.kty === "EC" || jwk.kty === "OKP") && curves.includes(jwk.crv ?? ""));
}

function checkKey(jwk: JWK, name: string): JWK {
  if (jwk.kid !== undefined && typeof jwk.kid !== "string") throw wrongKeys(`the \`kid\` of ${name} is not text`);
  let bits: number | undefined;
  try {
    bits = createPublicKey({ key: jwk as JsonWebKeyInput["key"], format: "jwk" }).asymmetricKeyDetails?.modulusLength;
  } catch {
    throw wrongKeys(`${name} is malformed`);
  }
  if (bits !== undefined && bits < 2048) throw wrongKeys(`${name} is an RSA key of ${bits} bits, fewer than 2048`);
  return jwk.kty === "RSA" ? { ...jwk, alg: jwk.alg ?? "RS256" } : jwk;
}

function wrongKeys(what: string): Failure {
  return new Failure("internal", `The JSON Web Key Set can't be used: ${what}.`, {
    where: "service",
    remedy: "Give the issuer's public key set as it stands at its `jwks_uri`.",
  });
}
