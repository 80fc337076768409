import { createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import fc from "fast-check";
import { type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { type JwtKeys, jwksKeys, sharedSecretKeys } from "../../src/auth/jwt-keys.ts";
import { parseSigningKey } from "../../src/auth/signing-key.ts";
import { Failure } from "../../src/failure.ts";

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ed = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });

const publicJwk = (key: KeyObject, more: object = {}) => ({ ...key.export({ format: "jwk" }), ...more });
const jwks = JSON.stringify({
  keys: [publicJwk(ec.publicKey, { kid: "ec" }), publicJwk(rsa.publicKey, { kid: "rsa" }), publicJwk(ed.publicKey)],
});

const now = new Date("2026-11-20T12:00:00Z");
const seconds = Math.floor(now.getTime() / 1000);
const claims: JWTPayload = {
  iss: "https://issuer.example.com",
  aud: ["connector-service", "other"],
  sub: "report-writer",
  organization_id: "acme",
  exp: seconds + 600,
  scope: "connector.read connector.query openid",
};

function authenticator(keys: JwtKeys, organization?: string) {
  return createAuthenticator({
    signingKey: parseSigningKey("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"),
    findApiKey: async () => undefined,
    jwt: {
      keys,
      issuer: "https://issuer.example.com",
      audience: "connector-service",
      ...(organization === undefined ? {} : { claims: { organization } }),
    },
  }).authenticate;
}

function sign(
  payload: JWTPayload,
  header: { alg: string; kid?: string; typ?: string } = { alg: "ES256", kid: "ec" },
  key: { privateKey: KeyObject } = ec,
) {
  return new SignJWT(payload).setProtectedHeader(header).sign(key.privateKey);
}

const without = (claim: string) => Object.fromEntries(Object.entries(claims).filter(([name]) => name !== claim));

async function refusal(authenticate: ReturnType<typeof authenticator>, token: string): Promise<Failure> {
  const failure = await authenticate(`Bearer ${token}`).then(
    () => expect.unreachable("it was let in"),
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(Failure);
  expect(failure).toMatchObject({ kind: "unauthenticated", where: "caller", remedy: expect.stringMatching(/\.$/) });
  const { message, remedy, cause } = failure as Failure;
  for (const part of token.split(".").filter((text) => text.length > 8)) expect(message + remedy).not.toContain(part);
  expect(cause).toBeUndefined();
  return failure as Failure;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a JWT", () => {
  const authenticate = authenticator(jwksKeys(jwks));

  test("names organization, principal and the scopes that are known", async () => {
    expect(await authenticate(`Bearer ${await sign(claims)}`)).toEqual({
      organizationId: "acme",
      id: "report-writer",
      authentication: "jwt",
      scopes: new Set(["connector.read", "connector.query"]),
      connectorIds: undefined,
    });
  });

  test("may list its scopes in an array, and has none when it names none", async () => {
    const listed = { ...without("scope"), scopes: ["connector.execute", "else", 7, null] };
    expect((await authenticate(`Bearer ${await sign(listed)}`)).scopes).toEqual(new Set(["connector.execute"]));
    expect((await authenticate(`Bearer ${await sign(without("scope"))}`)).scopes).toEqual(new Set());
  });

  test("may name its organization in a claim that the operator chooses", async () => {
    const chosen = authenticator(jwksKeys(jwks), "https://example.com/org");
    const token = await sign({ ...without("organization_id"), "https://example.com/org": "globex" });
    expect((await chosen(`Bearer ${token}`)).organizationId).toBe("globex");
    expect((await refusal(chosen, await sign(claims))).message).toContain("`https://example.com/org`");
  });

  test("may be an agent's, and says so in no other way than by a name", async () => {
    expect((await authenticate(`Bearer ${await sign({ ...claims, agent: "mira" })}`)).agent).toBe("mira");
    for (const agent of ["", "two words", 7, null, ["mira"]]) {
      expect((await refusal(authenticate, await sign({ ...claims, agent }))).message).toContain("agent");
    }
  });

  test("may be signed by any of the set's keys, by that key's algorithm", async () => {
    for (const token of [
      await sign(claims, { alg: "RS256", kid: "rsa" }, rsa),
      await sign(claims, { alg: "EdDSA" }, ed),
      await sign(claims, { alg: "Ed25519" }, ed),
    ]) {
      expect(await authenticate(`Bearer ${token}`)).toMatchObject({ id: "report-writer" });
    }
  });

  test("may be 30 seconds from our clock on either side", async () => {
    const early = { ...claims, nbf: seconds + 30 };
    const late = { ...claims, exp: seconds - 29 };
    expect(await authenticate(`Bearer ${await sign(early)}`)).toMatchObject({ id: "report-writer" });
    expect(await authenticate(`Bearer ${await sign(late)}`)).toMatchObject({ id: "report-writer" });
  });

  const badClaims: [string, JWTPayload, string][] = [
    ["that has expired", { ...claims, exp: seconds - 30 }, "has expired"],
    ["that is not valid yet", { ...claims, nbf: seconds + 31 }, "not valid yet"],
    ["of another issuer", { ...claims, iss: "https://evil.example.com" }, "another issuer"],
    ["for another audience", { ...claims, aud: "other" }, "another audience"],
    ...["exp", "iss", "aud", "sub", "organization_id"].map((claim): [string, JWTPayload, string] => {
      return [`without ${claim}`, without(claim), `has no \`${claim}\``];
    }),
    ["with text for a time", { ...claims, exp: "soon" as unknown as number }, "`exp` is malformed"],
    ["of a malformed organization", { ...claims, organization_id: "a/b" }, "organization is not of 1 to 64"],
    ["of an organization that is no text", { ...claims, organization_id: ["acme"] }, "organization is not of 1 to 64"],
    ["of a nameless caller", { ...claims, sub: "" }, "name is not of 1 to 255"],
  ];
  test.each(badClaims)("%s is refused", async (_, payload, message) => {
    expect((await refusal(authenticate, await sign(payload))).message).toContain(message);
  });

  test("without a signature is refused", async () => {
    const unsigned = new UnsecuredJWT(claims).encode();
    expect((await refusal(authenticate, unsigned)).message).toContain("algorithm that is not accepted");
  });

  test("whose public key was misused as a shared secret is refused", async () => {
    const pem = Buffer.from(rsa.publicKey.export({ type: "spki", format: "pem" }));
    const forged = await new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: "rsa" }).sign(pem);
    expect((await refusal(authenticate, forged)).message).toContain("algorithm that is not accepted");
  });

  test("signed by another algorithm than the key's is refused", async () => {
    const token = await sign(claims, { alg: "PS256", kid: "rsa" }, rsa);
    expect((await refusal(authenticate, token)).message).toContain("key that this service does not know");
  });

  test("of an unknown or wrong key is refused", async () => {
    const unknown = await sign(claims, { alg: "ES256", kid: "new" }, stranger);
    const wrong = await sign(claims, { alg: "ES256", kid: "ec" }, stranger);
    expect((await refusal(authenticate, unknown)).message).toContain("key that this service does not know");
    expect((await refusal(authenticate, wrong)).message).toContain("signature is wrong");
  });

  test("of another type is refused, and one of an access token's is not", async () => {
    const typed = (typ: string) => sign(claims, { alg: "ES256", kid: "ec", typ });
    for (const typ of ["JWT", "at+jwt", "application/at+JWT"]) {
      expect(await authenticate(`Bearer ${await typed(typ)}`)).toMatchObject({ id: "report-writer" });
    }
    for (const typ of ["logout+jwt", "dpop+jwt", "", "JWTs", "text/at+jwt"]) {
      expect((await refusal(authenticate, await typed(typ))).message).toContain("`typ`");
    }
  });

  test("whose header demands an extension is refused, whatever the signature says", async () => {
    const header = { alg: "ES256", kid: "ec", crit: ["exp"], exp: 1 };
    const parts = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
    const key = { key: ec.privateKey, dsaEncoding: "ieee-p1363" } as const;
    const signature = createSign("sha256").update(parts).sign(key, "base64url");
    expect((await refusal(authenticate, `${parts}.${signature}`)).message).toContain("not supported");
  });

  test("may be limited to connectors and resources, and reaches none by an empty limit", async () => {
    const connector = "C0FFEE00-0000-4000-8000-00000000000A";
    const limits = async (more: object) => {
      const { connectorIds, resources } = await authenticate(`Bearer ${await sign({ ...claims, ...more })}`);
      return [connectorIds && [...connectorIds], resources];
    };
    expect(await limits({})).toEqual([undefined, undefined]);
    expect(await limits({ connectors: [connector], resources: ["public.city", "sales.*"] })).toEqual([
      [connector.toLowerCase()],
      ["public.city", "sales.*"],
    ]);
    expect(await limits({ connectors: [], resources: [] })).toEqual([[], []]);
    for (const wrong of ["all", null, 7, {}, [7], ["*"], [""]]) {
      for (const claim of ["connectors", "resources"]) {
        const failure = await refusal(authenticate, await sign({ ...claims, [claim]: wrong }));
        expect(failure.message).toContain(`\`${claim}\` is malformed`);
      }
    }
  });

  test("that does not say which of two keys signed it is refused", async () => {
    const two = JSON.stringify({ keys: [publicJwk(ec.publicKey), publicJwk(stranger.publicKey)] });
    const token = await sign(claims, { alg: "ES256" });
    expect((await refusal(authenticator(jwksKeys(two)), token)).message).toContain("does not say which key");
  });

  test("whose signature is spelled otherwise, for the same bytes, is refused", async () => {
    const token = await sign(claims);
    // 64 bytes leave four bits of the last character unused.
    const last = "AQgw".indexOf(token.at(-1) as string);
    const respelled = token.slice(0, -1) + "BRhx"[last];
    expect((await refusal(authenticate, respelled)).message).toBe("The token is malformed.");
  });

  test("mutated anywhere, or any other text with dots, is refused", async () => {
    const token = await sign(claims);
    const characters = fc.constantFrom(..."ABChxyzQRgw019-_.=~");
    const mutated = fc
      .tuple(fc.nat(token.length - 1), characters)
      .map(([at, character]) => token.slice(0, at) + character + token.slice(at + 1))
      .filter((text) => text !== token);
    const json = fc.json().map((text) => Buffer.from(text).toString("base64url"));
    const made = fc.tuple(json, json, fc.base64String()).map((parts) => parts.join("."));
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutated, made), async (text) => {
        await refusal(authenticate, text);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("remembering JWTs", () => {
  /** The key source counts how often a token is really verified. */
  function counting() {
    const keys = jwksKeys(jwks);
    const counted = { verified: 0, keys: keys as JwtKeys };
    counted.keys = {
      ...keys,
      getKey: (header, token) => {
        counted.verified++;
        return keys.getKey(header, token);
      },
    };
    return counted;
  }

  test("spares the signature until the token expires", async () => {
    const counted = counting();
    const authenticate = authenticator(counted.keys);
    const header = `Bearer ${await sign(claims)}`;
    await authenticate(header);
    vi.advanceTimersByTime(599_999);
    await authenticate(header);
    expect(counted.verified).toBe(1);
  });

  test("ends when the keys are others: who was verified by one that is withdrawn is not any more", async () => {
    let keys = jwksKeys(jwks);
    const authenticate = authenticator({
      ...keys,
      getKey: (header, token) => keys.getKey(header, token),
      current: () => keys.current(),
    });
    const token = await sign(claims);
    await authenticate(`Bearer ${token}`);
    keys = jwksKeys(JSON.stringify({ keys: [publicJwk(rsa.publicKey, { kid: "rsa" })] }));
    expect((await refusal(authenticate, token)).message).toContain("key that this service does not know");
  });

  test("ends when the token expires", async () => {
    const authenticate = authenticator(jwksKeys(jwks));
    const token = await sign({ ...claims, exp: seconds + 10 });
    await authenticate(`Bearer ${token}`);
    vi.advanceTimersByTime(40_000);
    expect((await refusal(authenticate, token)).message).toContain("has expired");
  });
});

describe("a secret shared with the issuer", () => {
  const secret = "a development secret of 32 bytes!";

  test("verifies HS256 and nothing else", async () => {
    const authenticate = authenticator(sharedSecretKeys(secret));
    const token = (alg: string) => new SignJWT(claims).setProtectedHeader({ alg }).sign(Buffer.from(secret.repeat(2)));
    const good = await new SignJWT(claims).setProtectedHeader({ alg: "HS256" }).sign(Buffer.from(secret));
    expect(await authenticate(`Bearer ${good}`)).toMatchObject({ id: "report-writer" });
    expect((await refusal(authenticate, await token("HS256"))).message).toContain("signature is wrong");
    expect((await refusal(authenticate, await token("HS512"))).message).toContain("algorithm");
    expect((await refusal(authenticate, await sign(claims))).message).toContain("algorithm");
  });

  test("of fewer than 32 bytes is refused without being shown", () => {
    expect(() => sharedSecretKeys("hunter2")).toThrow(expect.objectContaining({ kind: "internal" }));
    expect(() => sharedSecretKeys("hunter2")).not.toThrow(/hunter2/);
  });
});

describe("a key set", () => {
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const wrong: [string, unknown][] = [
    ["not JSON", "{"],
    ["array of `keys`", { key: [] }],
    ["array of `keys`", null],
    ["key 1 is no object", { keys: ["x"] }],
    ["no key that verifies", { keys: [] }],
    ["no key that verifies", { keys: [publicJwk(ec.publicKey, { use: "enc" }), { kty: "new" }] }],
    ["key 2 is not a public key", { keys: [publicJwk(ec.publicKey), publicJwk(ec.privateKey)] }],
    ["key 1 is not a public key", { keys: [{ kty: "oct", k: "aHVudGVyMg" }] }],
    ["key 1 is malformed", { keys: [{ kty: "EC", crv: "P-256", x: "AA", y: "AA" }] }],
    ["RSA key of 1024 bits", { keys: [publicJwk(small.publicKey)] }],
  ];
  test.each(wrong)("with this wrong is refused: %s", (message, set) => {
    const text = typeof set === "string" ? set : JSON.stringify(set);
    expect(() => jwksKeys(text)).toThrow(
      expect.objectContaining({ kind: "internal", message: expect.stringContaining(message) }),
    );
  });

  test("may hold keys for encryption and of unknown types beside the others", async () => {
    const set = { keys: [publicJwk(rsa.publicKey, { use: "enc" }), { kty: "new" }, publicJwk(ec.publicKey)] };
    const authenticate = authenticator(jwksKeys(JSON.stringify(set)));
    expect(await authenticate(`Bearer ${await sign(claims, { alg: "ES256" })}`)).toMatchObject({ id: "report-writer" });
  });

  test("of any JSON is accepted or a failure", () => {
    const member = fc.constantFrom("kty", "crv", "x", "y", "n", "e", "use", "alg", "kid", "key_ops");
    const value = fc.oneof(fc.constantFrom("EC", "RSA", "OKP", "P-256", "Ed25519", "sig", "AQAB"), fc.jsonValue());
    const set = fc.oneof(fc.jsonValue(), fc.record({ keys: fc.array(fc.dictionary(member, value)) }));
    fc.assert(
      fc.property(set, (json) => {
        try {
          expect(jwksKeys(JSON.stringify(json)).algorithms).not.toContain("none");
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
