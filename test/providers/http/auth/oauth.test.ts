/** Tokens from a real OAuth 2.0 server, by every grant and every way to show who asks. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { authenticationOf } from "../../../../src/providers/http/auth/authentication.ts";
import { assertionIssuer, knownResource, type OAuthServer, startOAuthServer } from "../../../support/oauth-server.ts";
import { type MemoryTokens, memoryTokens } from "../../../support/token-store.ts";
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
  const { basic } = server.clients;
  const given = { type, issuer: server.issuer, ca: server.ca, client_id: basic.id, ...config };
  const secrets = credential ?? { client_secret: basic.secret };
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
    const { id, secret: clientSecret } = server.clients.post;
    const config = { client_id: id, client_authentication: "client_secret_post" };
    const token = await tokenOf(authenticating({ config, credential: { client_secret: clientSecret } }));
    expect(await server.accepts(token)).toBe(true);
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
  const bearing = (config: object = {}, credential: object = {}) =>
    authenticating({
      config: {
        ...{ type: "oauth2_jwt_bearer", client_id: server.clients.public.id, assertion_issuer: assertionIssuer },
        ...config,
      },
      credential: { private_key: server.privateKey, ...credential },
    });

  test("takes a user's place", async () => {
    const { tokens, ...rest } = bearing({ assertion_subject: "bob", scopes: ["read"], assertion_scopes: true });
    expect(await server.accepts(await tokenOf({ tokens, ...rest }))).toBe(true);
    expect(tokens.kept?.facts).toMatchObject({ subject: "bob" });
  });
});

test("the token is for the resource and the scopes that are asked for", async () => {
  await tokenOf(authenticating({ config: { scopes: ["read", "write"], resources: [knownResource] } }));
  expect(server.tokenRequests.at(-1)).toMatchObject({ parameters: { scope: "read write", resource: knownResource } });
});
