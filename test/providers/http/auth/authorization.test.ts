/** Users who grant access in a browser, at a real OAuth 2.0 server. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { authenticationOf, userAuthorization } from "../../../../src/providers/http/auth/authentication.ts";
import type { AuthenticationConfig } from "../../../../src/providers/http/auth/declaration.ts";
import { defaultRedirectUri, type OAuthServer, startOAuthServer } from "../../../support/oauth-server.ts";
import { type MemoryTokens, memoryTokens } from "../../../support/token-store.ts";
import { call, configured, dial, failureOf, get, secret } from "./setting.ts";

const users = userAuthorization((config: AuthenticationConfig) => config);

let server: OAuthServer;
beforeAll(async () => {
  server = await startOAuthServer();
});
afterAll(() => server.stop());

interface Given {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly credential?: Readonly<Record<string, unknown>>;
}

const grant = () => ({
  ...{ redirectUri: defaultRedirectUri, state: randomUUID(), codeVerifier: randomBytes(32).toString("base64url") },
});
const context = () => ({ dial, signal: new AbortController().signal });

function granting(given: Given = {}) {
  const type = "oauth2_authorization_code";
  const { basic } = server.clients;
  const config = {
    type,
    issuer: server.issuer,
    ca: server.ca,
    client_id: basic.id,
    scopes: ["read"],
    ...given.config,
  };
  const credential = secret({ type, ...(given.credential ?? { client_secret: basic.secret }) });
  return [configured(config), credential] as const;
}

async function granted(given: Given = {}, own = grant()) {
  const answer = await server.consent(await users.begin(...granting(given), own, context()));
  return users.complete(...granting(given), own, answer.searchParams, context());
}

const requesting = (given: Given, tokens: MemoryTokens) =>
  authenticationOf(...granting(given), { dial, tokens }).authorize(get("https://api.test/"), call());

test.each([
  ["whose client has a secret", () => ({})],
  [
    "whose client is public",
    () => ({ config: { client_id: "public-client", client_authentication: "none" }, credential: {} }),
  ],
  [
    "who signs in, too",
    () => ({
      config: { scopes: ["openid", "offline_access", "read"], authorization_parameters: { prompt: "consent" } },
    }),
  ],
  [
    "where no metadata is asked for",
    () => {
      const endpoints = {
        token_endpoint: server.tokenEndpoint,
        authorization_endpoint: `${server.authorizationEndpoint}?x=1`,
      };
      return { config: { issuer: undefined, ...endpoints } };
    },
  ],
])("a user %s gives tokens, and they are renewed with each one's successor", async (_, given) => {
  const tokens = memoryTokens();
  const first = await granted(given());
  expect(await server.accepts(first.accessToken)).toBe(true);
  const seen = [first];
  for (let i = 0; i < 3; i++) {
    tokens.keep({ ...(seen.at(-1) as typeof first), expireTime: new Date(0) });
    const { headers } = await requesting(given(), tokens);
    expect(headers.authorization).toBe(`Bearer ${tokens.kept?.accessToken}`);
    seen.push(tokens.kept as typeof first);
  }
  expect(new Set(seen.map(({ refreshToken }) => refreshToken)).size).toBe(4);
  expect(await server.accepts(tokens.kept?.accessToken ?? "")).toBe(true);
});

test("a user is sent to the server with PKCE and all that is asked for, once each", async () => {
  const config = { audience: "https://api.test", authorization_parameters: { access_type: "offline" } };
  const own = grant();
  const url = await users.begin(...granting({ config }), own, context());
  expect(url.href.split("?")[0]).toBe(server.authorizationEndpoint);
  expect(Object.fromEntries(url.searchParams)).toEqual({
    ...{ response_type: "code", client_id: "basic:client", redirect_uri: defaultRedirectUri, state: own.state },
    ...{ scope: "read", audience: "https://api.test", access_type: "offline", code_challenge_method: "S256" },
    code_challenge: createHash("sha256").update(own.codeVerifier).digest("base64url"),
  });
});

test("a user brings nothing along that can be changed on the way, where the server wants it so", async () => {
  const pushed = await startOAuthServer({ wantsPushed: true });
  onTestFinished(() => pushed.stop());
  const type = "oauth2_authorization_code";
  const config = configured({
    type,
    issuer: pushed.issuer,
    ca: pushed.ca,
    client_id: "basic:client",
    scopes: ["read"],
  });
  const credential = secret({ type, client_secret: pushed.clients.basic.secret });
  const own = grant();
  const url = await users.begin(config, credential, own, context());
  expect([...url.searchParams.keys()].sort()).toEqual(["client_id", "request_uri"]);
  const answer = await pushed.consent(url);
  const { accessToken } = await users.complete(config, credential, own, answer.searchParams, context());
  expect(await pushed.accepts(accessToken)).toBe(true);

  const wrong = secret({ type, client_secret: "s3cret-wrong" });
  const failure = await failureOf(users.begin(config, wrong, own, context()), "s3cret-wrong", own.codeVerifier);
  expect(failure).toMatchObject({ kind: "credential_rejected", status: "invalid_client" });
});

test("a user who says no is told from a failure", async () => {
  const own = grant();
  const answer = await server.consent(await users.begin(...granting(), own, context()), { denies: true });
  const failure = await failureOf(users.complete(...granting(), own, answer.searchParams, context()));
  expect(failure).toMatchObject({ kind: "upstream_permission_denied", status: "access_denied" });
  expect(failure.message).not.toContain("aborted");
});

test("a browser brings back an answer to this authorization, from this server, once", async () => {
  const own = grant();
  const { searchParams } = await server.consent(await users.begin(...granting(), own, context()));
  const completing = (changes: Record<string, string>, its = own) => {
    const answer = new URLSearchParams({ ...Object.fromEntries(searchParams), ...changes });
    return failureOf(users.complete(...granting(), its, answer, context()), own.codeVerifier);
  };
  const before = server.tokenRequests.length;
  const strange = { kind: "invalid_request", where: "request" };
  expect(await completing({ state: randomUUID() })).toMatchObject(strange);
  expect(await completing({ iss: "https://attacker.test" })).toMatchObject(strange);
  expect(await completing({ iss: "https://attacker.test", error: "access_denied" })).toMatchObject(strange);
  expect(await completing({ code: "" })).toMatchObject(strange);
  expect(server.tokenRequests.length).toBe(before);

  await users.complete(...granting(), own, searchParams, context());
  expect(await completing({})).toMatchObject({ kind: "credential_rejected", status: "invalid_grant" });
});

test("a stolen code is of no use to who has no verifier", async () => {
  const own = grant();
  const { searchParams } = await server.consent(await users.begin(...granting(), own, context()));
  const thief = { ...own, codeVerifier: grant().codeVerifier };
  const failure = await failureOf(users.complete(...granting(), thief, searchParams, context()));
  expect(failure).toMatchObject({ kind: "credential_rejected", status: "invalid_grant" });
});

test("a user who takes the grant back is asked again", async () => {
  const tokens = memoryTokens();
  const given = await granted();
  tokens.keep({ ...given, expireTime: new Date(0) });
  await server.revoke(given.refreshToken ?? "");
  expect(await server.accepts(given.accessToken)).toBe(false);
  const failure = await failureOf(requesting({}, tokens), given.refreshToken ?? "", given.accessToken);
  expect(failure).toMatchObject({
    kind: "credential_rejected",
    where: "credential",
    status: "invalid_grant",
    final: true,
  });
  expect(failure.remedy).toContain("Authorize the connector again");
});

test("nobody has been asked yet", async () => {
  const failure = await failureOf(requesting({}, memoryTokens()));
  expect(failure).toMatchObject({ kind: "credential_rejected", message: "Nobody has authorized the connector yet." });
});

test("no user is asked where the connector gets its tokens in another way", async () => {
  expect(users.applies(configured({ type: "bearer" }))).toBe(false);
  const work = users.begin(configured({ type: "none" }), undefined, grant(), context());
  expect(await failureOf(work)).toMatchObject({ kind: "unsupported" });
});

test("a refresh token that was granted elsewhere is used until the server gives another", async () => {
  const { refreshToken = "" } = await granted();
  const tokens = memoryTokens();
  const type = "oauth2_refresh_token";
  const { basic } = server.clients;
  const config = configured({ type, issuer: server.issuer, ca: server.ca, client_id: basic.id });
  const credential = secret({ type, refresh_token: refreshToken, client_secret: basic.secret });
  const authentication = authenticationOf(config, credential, { dial, tokens });
  const first = await authentication.authorize(get("https://api.test/"), call());
  // The source refuses what it was sent: the next token comes by the refresh token that the server gave last.
  expect(await authentication.renew?.(first, call())).toBe(true);
  const second = await authentication.authorize(get("https://api.test/"), call());
  expect(second.headers.authorization).not.toBe(first.headers.authorization);
  // The one to begin with was used up.
  const again = authenticationOf(config, credential, { dial, tokens: memoryTokens() });
  const failure = await failureOf(again.authorize(get("https://api.test/"), call()), refreshToken);
  expect(failure).toMatchObject({ kind: "credential_rejected", remedy: "Give the connector a new refresh token." });
});
