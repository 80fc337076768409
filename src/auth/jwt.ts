/** JSON Web Tokens (RFC 7519) of one issuer for this service. */
import { errors, type JWTPayload, jwtVerify } from "jose";
import { Failure } from "../failure.ts";
import type { JwtKeys } from "./jwt-keys.ts";
import { type Principal, principalOf, unauthenticated } from "./principal.ts";
import { isResourcePattern } from "./resources.ts";

export interface JwtOptions {
  readonly keys: JwtKeys;
  /** What `iss` must be. */
  readonly issuer: string;
  /** What `aud` must be or hold. */
  readonly audience: string;
  /** The claims that name the organization, the limits to connectors and to resources, and the agent. */
  readonly claims?: Partial<JwtClaimNames>;
}

export interface JwtClaimNames {
  /** Default: `organization_id`. */
  readonly organization: string;
  /** An array of connectors' ids; a token without it reaches all. Default: `connectors`. */
  readonly connectors: string;
  /** An array of resources, as `resources.ts` has them; a token without it reaches all. Default: `resources`. */
  readonly resources: string;
  /** The agent that its bearer calls as; a token without it may name one with each call. Default: `agent`. */
  readonly agent: string;
}

const defaultClaims: JwtClaimNames = {
  organization: "organization_id",
  connectors: "connectors",
  resources: "resources",
  agent: "agent",
};

/** What a token's `typ` may say that it is, if it says anything (RFC 7519, 5.1; RFC 9068, 2.1). */
const types = ["jwt", "at+jwt"];

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
  const { keys, issuer, audience } = options;
  const names = { ...defaultClaims, ...options.claims };
  return async (token) => {
    if (!hasOneSpelling(token)) throw malformed();
    let claims: JWTPayload;
    try {
      const verified = await jwtVerify(token, keys.getKey, {
        algorithms: [...keys.algorithms],
        issuer,
        audience,
        clockTolerance: clockSkew,
        requiredClaims: ["exp", "sub", names.organization],
      });
      if (!isAccessToken(verified.protectedHeader.typ)) throw wrongType();
      claims = verified.payload;
    } catch (cause) {
      throw refusal(cause, keys.algorithms);
    }
    const principal = principalOf({
      organizationId: claims[names.organization],
      id: claims.sub,
      authentication: "jwt",
      scopes: scopesOf(claims),
      connectorIds: limitOf(claims, names.connectors, isUuid),
      resources: limitOf(claims, names.resources, isResourcePattern),
      agent: claims[names.agent],
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

/** A logout token or an identity's proof of the same issuer is for something else. */
function isAccessToken(type: unknown): boolean {
  if (type === undefined) return true;
  return typeof type === "string" && types.includes(type.toLowerCase().replace(/^application\//, ""));
}

function wrongType(): Failure {
  return unauthenticated(
    "The token's `typ` says that it is something else than an access token.",
    "Send the access token, whose `typ` is absent, `JWT` or `at+jwt`.",
  );
}

/** An empty limit reaches nothing: only a token without the claim is free of it. */
function limitOf(claims: JWTPayload, name: string, isGood: (text: string) => boolean): readonly string[] | undefined {
  const limit = claims[name];
  if (limit === undefined) return undefined;
  if (Array.isArray(limit) && limit.every((each) => typeof each === "string" && isGood(each))) return limit;
  throw unauthenticated(
    `The token's \`${name}\` is malformed.`,
    "Have it issued with an array: of connectors' ids, or of resources such as `public.city` and `sales.*`.",
  );
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** The library's errors hold the token's claims, so none becomes a `cause`. */
function refusal(error: unknown, algorithms: readonly string[]): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof errors.JWTExpired) return unauthenticated("The token has expired.", "Get a new one.");
  if (error instanceof errors.JWTClaimValidationFailed) return wrongClaim(error);
  if (error instanceof errors.JOSENotSupported) {
    return unauthenticated(
      "The token's header asks for something that is not supported here.",
      "Have it issued without extensions that must be understood (`crit`).",
    );
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
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
