/** JSON Web Tokens (RFC 7519) of one issuer for this service. */
import { errors, type JWTPayload, jwtVerify } from "jose";
import { Failure } from "../failure.ts";
import type { JwtKeys } from "./jwt-keys.ts";
import { type Principal, principalOf, unauthenticated } from "./principal.ts";

export interface JwtOptions {
  readonly keys: JwtKeys;
  /** What `iss` must be. */
  readonly issuer: string;
  /** What `aud` must be or hold. */
  readonly audience: string;
  /** The claim that names the organization; `organization_id` by default. */
  readonly organizationClaim?: string;
}

/** How far the issuer's clock may be from ours, in seconds. */
const clockSkew = 30;

export interface VerifiedJwt {
  readonly principal: Principal;
  /** Milliseconds since 1970. */
  readonly expireTime: number;
}

/**
 * Makes the check of JWTs, which throws an unauthenticated Failure that says which part of
 * a token was wrong. `sub` names the principal; scopes are those of `scope`, with spaces
 * between (RFC 8693), and of the array `scopes`.
 */
export function jwtVerifier(options: JwtOptions): (token: string) => Promise<VerifiedJwt> {
  const { keys, issuer, audience, organizationClaim = "organization_id" } = options;
  return async (token) => {
    if (!hasOneSpelling(token)) throw malformed();
    let claims: JWTPayload;
    try {
      const verified = await jwtVerify(token, keys.getKey, {
        algorithms: [...keys.algorithms],
        issuer,
        audience,
        clockTolerance: clockSkew,
        requiredClaims: ["exp", "sub", organizationClaim],
      });
      claims = verified.payload;
    } catch (cause) {
      throw refusal(cause, keys.algorithms);
    }
    const principal = principalOf({
      organizationId: claims[organizationClaim],
      id: claims.sub,
      scopes: scopesOf(claims),
      connectorIds: [],
    });
    return { principal, expireTime: (claims.exp as number) * 1000 };
  };
}

/** Of the spellings that decode to the same signature, the issuer's is the only one we take (RFC 4648, 3.5). */
function hasOneSpelling(token: string): boolean {
  const signature = token.slice(token.lastIndexOf(".") + 1);
  return Buffer.from(signature, "base64url").toString("base64url") === signature;
}

function scopesOf({ scope, scopes }: JWTPayload): unknown[] {
  return [...(typeof scope === "string" ? scope.split(" ") : []), ...(Array.isArray(scopes) ? scopes : [])];
}

/** The library's errors hold the token's claims, so none becomes a `cause`. */
function refusal(error: unknown, algorithms: readonly string[]): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof errors.JWTExpired) return unauthenticated("The token has expired.", "Get a new one.");
  if (error instanceof errors.JWTClaimValidationFailed) return wrongClaim(error);
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported) {
    return unauthenticated(
      "The token is signed by an algorithm that is not accepted here.",
      `Sign it by one of ${algorithms.join(", ")}.`,
    );
  }
  if (error instanceof errors.JWKSNoMatchingKey) {
    return unauthenticated(
      "The token is signed by a key that this service does not know.",
      "Check its `kid` and `alg`, and that it comes from the configured issuer.",
    );
  }
  if (error instanceof errors.JWKSMultipleMatchingKeys) {
    return unauthenticated("The token does not say which key signed it.", "Have it issued with a `kid` in its header.");
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return unauthenticated("The token's signature is wrong.", "Send it as it was issued, by the configured issuer.");
  }
  if (error instanceof errors.JOSEError) return malformed();
  return new Failure("internal", "The token could not be checked.", { where: "service", cause: error });
}

function malformed(): Failure {
  return unauthenticated("The token is malformed.", "Send a signed JSON Web Token as it was issued.");
}

const claimProblems: Readonly<Record<string, string>> = {
  iss: "The token is of another issuer.",
  aud: "The token is for another audience.",
  nbf: "The token is not valid yet.",
};

function wrongClaim({ claim, reason }: errors.JWTClaimValidationFailed): Failure {
  const remedy = "Have it issued for this service, with `iss`, `aud`, `sub`, `exp` and the organization.";
  if (reason === "missing") return unauthenticated(`The token has no \`${claim}\`.`, remedy);
  if (reason === "invalid") return unauthenticated(`The token's \`${claim}\` is malformed.`, remedy);
  return unauthenticated(claimProblems[claim] ?? `The token's \`${claim}\` is not accepted here.`, remedy);
}
