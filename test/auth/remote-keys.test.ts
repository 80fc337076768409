/** An issuer over real HTTP: its keys change, it goes away, it is asked for keys that are none. */
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { type RemoteKeysOptions, remoteKeys } from "../../src/auth/remote-keys.ts";
import { parseSigningKey } from "../../src/auth/signing-key.ts";
import { Failure } from "../../src/failure.ts";

const signingKey = parseSigningKey("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
const minute = 60_000;

function newKey(kid: string) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { kid, privateKey, jwk: { ...publicKey.export({ format: "jwk" }), kid } };
}

type Key = ReturnType<typeof newKey>;

function tokenOf({ kid, privateKey }: Pick<Key, "kid" | "privateKey">, sub = "bob"): Promise<string> {
  return new SignJWT({ organization_id: "acme", sub, scope: "connector.read" })
    .setProtectedHeader({ alg: "ES256", kid })
    .setIssuer("https://issuer.example.com")
    .setAudience("connectors")
    .setExpirationTime("10h")
    .sign(privateKey);
}

/** An issuer that answers with these keys, or as the test says. */
async function issuer(...keys: object[]) {
  const state = { body: JSON.stringify({ keys }), status: 200, asked: 0 };
  const server = createServer((_, response) => {
    state.asked++;
    response.writeHead(state.status, { "content-type": "application/json" }).end(state.body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close().closeAllConnections());
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks` });
}

function verifier(url: string, options: Partial<RemoteKeysOptions> = {}) {
  const problems: Failure[] = [];
  const keys = remoteKeys({ url, fetch, onProblem: (failure) => void problems.push(failure), ...options });
  onTestFinished(() => keys.close());
  const { authenticate } = createAuthenticator({
    ...{ signingKey, findApiKey: async () => undefined },
    jwt: { keys, issuer: "https://issuer.example.com", audience: "connectors" },
  });
  return { keys, problems, verify: (token: string) => authenticate(`Bearer ${token}`) };
}

async function failureOf(call: Promise<unknown>): Promise<Failure> {
  const failure = await call.then(
    () => expect.unreachable("it was let in"),
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(Failure);
  return failure as Failure;
}

const first = newKey("first");
const second = newKey("second");

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "performance", "setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("an issuer's keys", () => {
  test("are fetched once for all who wait, and verify tokens from then on", async () => {
    const at = await issuer(first.jwk);
    const { verify } = verifier(at.url);
    const tokens = await Promise.all(Array.from({ length: 20 }, (_, i) => tokenOf(first, `caller-${i}`)));
    const principals = await Promise.all(tokens.map(verify));
    expect(principals.map(({ id }) => id)).toContain("caller-19");
    expect(at.asked).toBe(1);
  });

  test("are known within the first call that needs a new one", async () => {
    const at = await issuer(first.jwk);
    const { verify } = verifier(at.url);
    await verify(await tokenOf(first));
    at.body = JSON.stringify({ keys: [first.jwk, second.jwk] });
    expect(await verify(await tokenOf(second))).toMatchObject({ id: "bob" });
    expect(at.asked).toBe(2);
  });

  test("are asked for no more than now and then by who makes up names of keys", async () => {
    const at = await issuer(first.jwk);
    const { verify } = verifier(at.url);
    await verify(await tokenOf(first));
    for (let i = 0; i < 50; i++) {
      const failure = await failureOf(verify(await tokenOf({ ...second, kid: crypto.randomUUID() })));
      expect(failure).toMatchObject({ kind: "unauthenticated", message: expect.stringContaining("does not know") });
    }
    expect(at.asked).toBe(2);
    vi.setSystemTime(Date.now() + 11_000);
    await vi.advanceTimersByTimeAsync(11_000);
    await failureOf(verify(await tokenOf({ ...second, kid: "x" })));
    expect(at.asked).toBe(3);
  });

  test("are read again before they are old, and what a withdrawn one signed is refused though it was good", async () => {
    const at = await issuer(first.jwk, second.jwk);
    const { verify } = verifier(at.url);
    const token = await tokenOf(first);
    await verify(token);
    at.body = JSON.stringify({ keys: [second.jwk] });
    await vi.advanceTimersByTimeAsync(5 * minute);
    await vi.waitUntil(() => at.asked === 2, { timeout: 20_000, interval: 5 });
    await vi.waitFor(async () => expect((await failureOf(verify(token))).message).toContain("does not know"), {
      timeout: 20_000,
    });
    expect(await verify(await tokenOf(second))).toMatchObject({ id: "bob" });
  });

  test("hold while the issuer is away, for an hour, and again when it is back", async () => {
    const at = await issuer(first.jwk);
    const { verify, problems, keys } = verifier(at.url);
    const token = await tokenOf(first);
    await verify(token);
    at.status = 503;
    for (let i = 0; i < 11; i++) {
      const before = at.asked;
      await vi.advanceTimersByTimeAsync(5 * minute);
      await vi.waitUntil(() => at.asked > before, { timeout: 20_000, interval: 5 });
      expect(await verify(token)).toMatchObject({ id: "bob" });
    }
    await vi.waitUntil(() => problems.length > 0, { timeout: 20_000, interval: 5 });
    expect(problems[0]).toMatchObject({ kind: "service_unavailable", remedy: expect.stringContaining("JWT_JWKS_URL") });
    await vi.advanceTimersByTimeAsync(6 * minute);
    expect(keys.current()).toBeUndefined();
    const refused = await failureOf(verify(token));
    expect(refused).toMatchObject({ kind: "service_unavailable", retryAfterMs: expect.any(Number) });
    at.status = 200;
    await vi.advanceTimersByTimeAsync(minute);
    await vi.waitFor(() => expect(keys.current()).toBeDefined(), { timeout: 20_000 });
    expect(await verify(token)).toMatchObject({ id: "bob" });
  });

  test("that are not there when the first token comes make it a matter of trying again, and the issuer is not pressed", async () => {
    const at = await issuer(first.jwk);
    at.status = 500;
    const { verify } = verifier(at.url);
    for (let i = 0; i < 20; i++) {
      expect(await failureOf(verify(await tokenOf(first)))).toMatchObject({ kind: "service_unavailable" });
    }
    expect(at.asked).toBe(1);
    at.status = 200;
    await vi.advanceTimersByTimeAsync(10_000);
    await vi.waitFor(async () => expect(await verify(await tokenOf(first))).toMatchObject({ id: "bob" }), {
      timeout: 20_000,
    });
  });

  const small = generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey.export({ format: "jwk" });
  const bad: [string, string][] = [
    ["a private one among them", JSON.stringify({ keys: [{ ...first.jwk, d: "AAAA" }] })],
    ["a shared secret among them", JSON.stringify({ keys: [{ kty: "oct", k: "AAAA", kid: "first" }] })],
    ["a short RSA key", JSON.stringify({ keys: [small] })],
    ["none", JSON.stringify({ keys: [] })],
    ["no JSON", "<html>"],
    ["more bytes than a key set has", JSON.stringify({ keys: [first.jwk], padding: "x".repeat(300_000) })],
  ];
  test.each(bad)("with %s are not taken, and the last good ones stay", async (_, body) => {
    const at = await issuer(first.jwk);
    const { verify, problems } = verifier(at.url);
    const token = await tokenOf(first);
    await verify(token);
    at.body = body;
    const unknown = await failureOf(verify(await tokenOf(second)));
    expect(unknown).toMatchObject({ kind: "service_unavailable" });
    expect(problems).toHaveLength(1);
    expect(await verify(token)).toMatchObject({ id: "bob" });
  });

  test("are not asked for any more when the service stops", async () => {
    const at = await issuer(first.jwk);
    const { verify, keys } = verifier(at.url);
    await verify(await tokenOf(first));
    keys.close();
    await vi.advanceTimersByTimeAsync(60 * minute);
    expect(at.asked).toBe(1);
  });
});
