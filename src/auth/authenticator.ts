/** From the Authorization header to a principal. */
import { createHash, type KeyObject } from "node:crypto";
import { LRUCache } from "lru-cache";
import { Failure } from "../failure.ts";
import { apiKeyPrefix, apiKeyVerifier, type FindApiKey } from "./api-key.ts";
import { type JwtOptions, jwtVerifier } from "./jwt.ts";
import { type Principal, unauthenticated } from "./principal.ts";

export interface AuthenticatorOptions {
  readonly findApiKey: FindApiKey;
  readonly signingKey: KeyObject;
  /** Absent: JWTs are refused. */
  readonly jwt?: JwtOptions | undefined;
}

/**
 * Who sends this Authorization header (RFC 6750: `Bearer <token>`). Throws an
 * unauthenticated Failure that says what to send instead, and never shows the token;
 * what `findApiKey` throws passes through.
 */
export type Authenticate = (authorization: string | null) => Promise<Principal>;

/** A JWT can't be revoked, so verifying it again is worth little. Milliseconds. */
const jwtCacheTime = 60_000;
/** A revoked API key may pass this long on a replica that has just seen it: no notice reaches it yet. Milliseconds. */
const apiKeyCacheTime = 5_000;
const maxCachedTokens = 10_000;
const maxTokenLength = 8_192;

interface Verified {
  readonly principal: Principal;
  /** Milliseconds since 1970. */
  readonly expireTime: number;
}

/** One that runs, and how long its answer will be good for. */
interface Check {
  readonly principal: Promise<Principal>;
  /** Milliseconds since 1970. */
  readonly cacheUntil: number;
}

/**
 * Good tokens are remembered by their SHA-256, never by themselves. What failed is not:
 * a key that is made a moment later works at once, and strangers can't fill the memory.
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticate {
  const verifyApiKey = apiKeyVerifier(options.findApiKey, options.signingKey);
  const verifyJwt = options.jwt === undefined ? refuseJwt : jwtVerifier(options.jwt);
  const cache = new LRUCache<string, Verified>({ max: maxCachedTokens });
  // Many callers show one token: when it is not known any more, the store must not hear of it from each of them.
  const checks = new Map<string, Check>();

  async function verify(token: string, digest: string, cacheUntil: number): Promise<Principal> {
    const { principal, expireTime } = await (isApiKey(token) ? verifyApiKey(token) : verifyJwt(token));
    cache.set(digest, { principal, expireTime: Math.min(expireTime, cacheUntil) });
    return principal;
  }

  function check(token: string, digest: string): Promise<Principal> {
    // Counted from before the check: a slow look-up must not lengthen a revoked key's life.
    const cacheUntil = Date.now() + (isApiKey(token) ? apiKeyCacheTime : jwtCacheTime);
    const begun = { cacheUntil, principal: verify(token, digest, cacheUntil) };
    checks.set(digest, begun);
    const forget = () => checks.get(digest) === begun && checks.delete(digest);
    begun.principal.then(forget, forget);
    return begun.principal;
  }

  return async (authorization) => {
    const token = bearerToken(authorization);
    const digest = createHash("sha256").update(token).digest("base64");
    const known = cache.get(digest);
    if (known !== undefined && known.expireTime > Date.now()) return known.principal;
    const running = checks.get(digest);
    if (running === undefined || running.cacheUntil <= Date.now()) return check(token, digest);
    try {
      return await running.principal;
    } catch (error) {
      // The key may have been made since that look-up began.
      if (error instanceof Failure && error.kind === "unauthenticated") return check(token, digest);
      throw error;
    }
  };
}

function isApiKey(token: string): boolean {
  return token.startsWith(apiKeyPrefix);
}

function bearerToken(authorization: string | null): string {
  if (authorization === null || authorization.trim() === "") {
    throw unauthenticated(
      "The call has no Authorization header.",
      "Send `Authorization: Bearer <token>` with an API key or a JSON Web Token.",
    );
  }
  const [scheme = "", token = "", ...more] = authorization.trim().split(/ +/);
  if (scheme.toLowerCase() !== "bearer") {
    throw unauthenticated("The Authorization header's scheme is not Bearer.", "Send `Authorization: Bearer <token>`.");
  }
  if (more.length > 0 || !/^[\w.~+/-]+=*$/.test(token) || token.length > maxTokenLength) {
    throw unauthenticated(
      "The bearer token is malformed.",
      `Send one API key or JSON Web Token of at most ${maxTokenLength} characters.`,
    );
  }
  return token;
}

async function refuseJwt(): Promise<never> {
  throw unauthenticated(
    "The bearer token is not an API key, and this service accepts no other token.",
    "Send an API key, which begins with `csk.`, or have the operator configure JSON Web Tokens.",
  );
}
