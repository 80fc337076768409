/** From the Authorization header to a principal. */
import type { KeyObject } from "node:crypto";
import { apiKeyPrefix, apiKeyVerifier, type FindApiKey } from "./api-key.ts";
import { type JwtOptions, jwtVerifier } from "./jwt.ts";
import { type Principal, unauthenticated } from "./principal.ts";
import { digestOf, rememberTokens } from "./verified-tokens.ts";

export interface AuthenticatorOptions {
  readonly findApiKey: FindApiKey;
  readonly signingKey: KeyObject;
  /** Absent: JWTs are refused. */
  readonly jwt?: JwtOptions | undefined;
  /** Hears of every call with an API key, often: it must be cheap. Default: nobody does. */
  readonly onApiKeyUse?: (organizationId: string, apiKeyId: string) => void;
}

/**
 * Who sends this Authorization header (RFC 6750: `Bearer <token>`). Throws an
 * unauthenticated Failure that says what to send instead, and never shows the token;
 * what `findApiKey` and the keys of JWTs throw passes through.
 */
export type Authenticate = (authorization: string | null) => Promise<Principal>;

export interface Authenticator {
  readonly authenticate: Authenticate;
  /** The API key was changed, revoked or deleted, here or elsewhere: it is looked up again. */
  changed(apiKeyId: string): void;
  /** Whether `changed` is called for every change. Until it is, a key is looked up every second. */
  available(changes: boolean): void;
}

/** While every change of an API key is told. The minute only bounds what a fault could do. Milliseconds. */
const toldCacheMs = 60_000;
/** While changes may go untold. So little that a revocation is hardly late, and a herd does not reach the store. */
const untoldCacheMs = 1_000;
const maxTokenLength = 8_192;

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { onApiKeyUse = () => undefined } = options;
  let told = false;
  const apiKeys = rememberTokens(apiKeyVerifier(options.findApiKey, options.signingKey), () =>
    told ? toldCacheMs : untoldCacheMs,
  );
  const jwt = options.jwt === undefined ? refuseJwt : jwtAuthentication(options.jwt);

  return {
    async authenticate(authorization) {
      const token = bearerToken(authorization);
      const digest = digestOf(token);
      if (!token.startsWith(apiKeyPrefix)) return jwt(token, digest);
      const { principal, id } = apiKeys.known(digest) ?? (await apiKeys.verify(token, digest));
      if (id !== undefined) onApiKeyUse(principal.organizationId, id);
      return principal;
    },
    changed: apiKeys.forget,
    available(changes) {
      told = changes;
      // What changed while nobody listened was not told, and when that began is not known to the second.
      apiKeys.clear();
    },
  };
}

/**
 * A JWT can't be revoked and is good until it expires, so verifying it again tells
 * nothing new, except that its key may have been withdrawn: when the issuer's keys are
 * others, or are too old to be trusted, all that they verified is forgotten.
 */
function jwtAuthentication(options: JwtOptions): (token: string, digest: string) => Promise<Principal> {
  const { keys } = options;
  const jwts = rememberTokens(jwtVerifier(options), () => Number.POSITIVE_INFINITY);
  let verifiedBy = keys.current();
  return async (token, digest) => {
    if (keys.current() !== verifiedBy) {
      jwts.clear();
      verifiedBy = keys.current();
    }
    const { principal } = jwts.known(digest) ?? (await jwts.verify(token, digest));
    return principal;
  };
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
