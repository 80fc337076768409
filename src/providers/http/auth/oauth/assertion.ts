/** Assertions that take a user's place: JWT bearer tokens (RFC 7523, section 2.1). */
import { randomUUID } from "node:crypto";
import { SignJWT } from "jose";
import type { JwtBearerConfig, JwtBearerCredential } from "./declaration.ts";
import { signingKey } from "./signing-key.ts";

/** @returns Makes an assertion for the token endpoint, good once; `clockSkew` is how many seconds the server's clock is ahead. */
export function assertionsOf(
  config: JwtBearerConfig,
  { private_key, rsa_algorithm, key_id: kid }: JwtBearerCredential,
): (tokenEndpoint: string, clockSkew: number) => Promise<string> {
  const { key, algorithm } = signingKey(private_key, rsa_algorithm);
  return async (tokenEndpoint, clockSkew) => {
    const now = Math.floor(Date.now() / 1_000) + clockSkew;
    const claims = config.assertion_scopes ? { scope: config.scopes.join(" ") } : {};
    return new SignJWT(claims)
      .setProtectedHeader({ alg: algorithm, typ: "JWT", ...(kid === undefined ? {} : { kid }) })
      .setIssuer(config.assertion_issuer)
      .setSubject(config.assertion_subject ?? config.assertion_issuer)
      .setAudience(config.assertion_audience ?? tokenEndpoint)
      .setIssuedAt(now)
      .setExpirationTime(now + config.assertion_seconds)
      .setJti(randomUUID())
      .sign(key);
  };
}
