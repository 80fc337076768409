/** Tokens from a real OAuth 2.0 server, by every grant and every way to show who asks. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { authenticationOf } from "../../../../src/providers/http/auth/authentication.ts";
import { assertionIssuer, knownResource, type OAuthServer, startOAuthServer } from "../../../support/oauth-server.ts";
import { type MemoryTokens, memoryTokens } from "../../../support/token-store.ts";
import { stage } from "../stage.ts";
import { call, configured, dial, failureOf, get, secret } from "./setting.ts";

let server: OAuthServer;
beforeAll(async () => {
  server = await startOAuthServer();
});
afterAll(() => server.stop());

interface Given {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly credential?: Readonly<Record<string, unknown>>;
}

/** By client credentials and a secret in a header, unless it is said otherwise. */
function authenticating({ config, credential }: Given, tokens: MemoryTokens = memoryTokens()) {
  const type = (config?.type as string | undefined) ?? "oauth2_client_credentials";
  const given = { type, issuer: server.issuer, ca: server.ca, client_id: server.clients.basic.id, ...config };
  const client = Object.values(server.clients).find(({ id }) => id === given.client_id);
  const secrets = credential ?? (client?.secret ? { client_secret: client.secret } : {});
  return {
    authentication: authenticationOf(configured(given), secret({ type, ...secrets }), { dial, tokens }),
    tokens,
  };
}

/** The token that a request is sent with. */
async function tokenOf({ authentication }: ReturnType<typeof authenticating>): Promise<string> {
  const { headers } = await authentication.authorize(get("https://api.test/x"), call());
  expect(headers.authorization).toMatch(/^Bearer \S+$/);
  return `${headers.authorization}`.slice("Bearer ".length);
}

describe("a client shows who it is", () => {
  test("by its secret in a header, whatever letters its name has", async () => {
    expect(await server.accepts(await tokenOf(authenticating({})))).toBe(true);
  });

  test("by its secret in the body", async () => {
    const config = { client_id: server.clients.post.id, client_authentication: "client_secret_post" };
    expect(await server.accepts(await tokenOf(authenticating({ config })))).toBe(true);
  });

  test("by an assertion that it signs", async () => {
    const config = { client_id: server.clients.jwt.id, client_authentication: "private_key_jwt" };
    const token = await tokenOf(
      authenticating({ config, credential: { private_key: server.privateKey, key_id: "k1" } }),
    );
    expect(await server.accepts(token)).toBe(true);
  });

  test("by its certificate", async () => {
    const config = { client_id: server.clients.tls.id, client_authentication: "tls_client_auth" };
    const { cert: certificate, key: private_key } = server.clientCertificate;
    const given = { config, credential: { client_certificate: { certificate, private_key } } };
    const authenticatingByTls = authenticating(given);
    expect(await server.accepts(await tokenOf(authenticatingByTls))).toBe(true);
    expect(authenticatingByTls.authentication.certificate).toEqual({ cert: certificate, key: private_key });
  });

  test("and is told when the server does not believe it", async () => {
    const wrong = "s3cret-that-is-wrong";
    const { authentication } = authenticating({ credential: { client_secret: wrong } });
    const failure = await failureOf(authentication.authorize(get("https://api.test/"), call()), wrong);
    expect(failure).toMatchObject({
      kind: "credential_rejected",
      status: "invalid_client",
      where: "credential",
      final: true,
    });
  });
});

describe("an assertion", () => {
  const bearing = (config: object = {}) => {
    const public_ = { client_id: server.clients.public.id, assertion_issuer: assertionIssuer };
    return authenticating({
      config: { type: "oauth2_jwt_bearer", ...public_, ...config },
      credential: { private_key: server.privateKey },
    });
  };
  afterEach(() => void Object.assign(server, { clockAheadMs: 0, tellsTime: true }));

  test("takes a user's place", async () => {
    const authenticated = bearing({ assertion_subject: "bob", scopes: ["read"], assertion_scopes: true });
    expect(await server.accepts(await tokenOf(authenticated))).toBe(true);
    expect(authenticated.tokens.kept?.facts).toMatchObject({ subject: "bob" });
  });

  test.each([600_000, -600_000])("is signed for the server's clock, which is ahead by %i ms", async (ms) => {
    server.clockAheadMs = ms;
    const before = server.tokenRequests.length;
    expect(await tokenOf(bearing())).not.toBe("");
    expect(server.tokenRequests.slice(before).map(({ error }) => error)).toEqual(["invalid_grant", undefined]);
  });

  test("that has expired where nobody tells the time is refused", async () => {
    Object.assign(server, { clockAheadMs: 600_000, tellsTime: false });
    const failure = await failureOf(bearing().authentication.authorize(get("https://api.test/"), call()));
    expect(failure).toMatchObject({ kind: "credential_rejected", status: "invalid_grant" });
  });

  test.each([{ assertion_issuer: "stranger" }, { assertion_audience: "https://other.test/token" }])(
    "that the server does not know is refused for good: %j",
    async (config) => {
      const before = server.tokenRequests.length;
      const { authentication } = bearing(config);
      const failure = await failureOf(authentication.authorize(get("https://api.test/"), call()), server.privateKey);
      expect(failure).toMatchObject({ kind: "credential_rejected", status: "invalid_grant", final: true });
      expect(failure.remedy).toContain("assertion's issuer");
      expect(server.tokenRequests.length).toBe(before + 1);
    },
  );
});

describe("what a token is for", () => {
  test("are the resource and the scopes that are asked for", async () => {
    const config = { scopes: ["read", "write"], resources: [knownResource], parameters: { tenant: "t1" } };
    await tokenOf(authenticating({ config }));
    expect(server.tokenRequests.at(-1)).toMatchObject({ parameters: { scope: "read write", resource: knownResource } });
  });

  test("is asked for anew when the connector wants another one by now", async () => {
    const tokens = memoryTokens();
    const reading = { scopes: ["read"], resources: [knownResource] };
    const first = await tokenOf(authenticating({ config: reading }, tokens));
    expect(await tokenOf(authenticating({ config: reading }, tokens))).toBe(first);
    const writing = authenticating({ config: { ...reading, scopes: ["read", "write"] } }, tokens);
    expect(await tokenOf(writing)).not.toBe(first);
    expect(server.tokenRequests.at(-1)).toMatchObject({ parameters: { scope: "read write" } });
    const before = server.tokenRequests.length;
    await tokenOf(writing);
    expect(server.tokenRequests.length).toBe(before);
  });

  test.each([
    [{ resources: ["https://unknown.test/"] }, "invalid_target"],
    [{ scopes: ["write"], client_id: "post-client", client_authentication: "client_secret_post" }, "invalid_scope"],
    [{ client_id: "public-client", client_authentication: "none" }, "invalid_request"],
  ])("can be something that the server does not give: %j", async (config, status) => {
    const { authentication } = authenticating({ config });
    const failure = await failureOf(authentication.authorize(get("https://api.test/"), call()));
    expect(failure).toMatchObject({ kind: "configuration_rejected", where: "connector", status, final: true });
  });

  test.each([
    ["another issuer of the same server", () => ({ issuer: `${server.issuer}/other` })],
    ["an address that is no OAuth server's", () => ({ issuer: undefined, token_endpoint: `${server.issuer}/nothing` })],
  ])("can't be asked of %s", async (_, config) => {
    const { authentication } = authenticating({ config: config() });
    const failure = await failureOf(
      authentication.authorize(get("https://api.test/"), call()),
      server.clients.basic.secret,
    );
    expect(failure).toMatchObject({ kind: "configuration_rejected", where: "connector" });
  });
});

test("a request whose token the source refuses is sent again with another one, once", async () => {
  const shown: string[] = [];
  const refusing = new Set([0, 2, 3]);
  const api = createServer(({ headers }, response) => {
    shown.push(`${headers.authorization}`);
    response.writeHead(refusing.has(shown.length - 1) ? 401 : 200).end("{}");
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void api.close());
  await once(api, "listening");
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}/`;
  const { client } = stage(url, { authentication: authenticating({}).authentication });

  const { status, body } = await client.send(get(url), call());
  expect([status, Buffer.concat(await Array.fromAsync(body)).toString()]).toEqual([200, "{}"]);
  expect(await failureOf(client.send(get(url), call()))).toMatchObject({ kind: "credential_rejected", status: "401" });
  expect(shown.length).toBe(4);
  expect(shown[1]).toBe(shown[2]);
  expect(new Set(shown).size).toBe(3);
});
