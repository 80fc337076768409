/** What authorization servers answer that do not keep to the standards, are not there, or mean harm. */
import { once } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer as createClearServer } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { createDial } from "../../../../src/egress/dial.ts";
import { createEgressPolicy } from "../../../../src/egress/policy.ts";
import {
  authenticationEndpoint,
  authenticationOf,
  userAuthorization,
} from "../../../../src/providers/http/auth/authentication.ts";
import type { AuthenticationConfig } from "../../../../src/providers/http/auth/declaration.ts";
import { certificateAuthority } from "../../../support/certificate.ts";
import { memoryTokens } from "../../../support/token-store.ts";
import { callFor, stage, textOf } from "../stage.ts";
import { call, configured, dial, failureOf, get, secret } from "./setting.ts";

const authority = certificateAuthority();
const clientSecret = "s3cret of the client +/=";
const type = "oauth2_client_credentials";

let answer: RequestListener;
const asked: { readonly path: string | undefined; readonly body: string }[] = [];
const server = createServer(authority.issue(), async (request, response) => {
  asked.push({ path: request.url, body: await text(request) });
  answer(request, response);
});
let issuer: string;
beforeAll(async () => {
  issuer = `https://localhost:${await portOf(server)}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});
beforeEach(() => void asked.splice(0));

async function portOf(listening: Server): Promise<number> {
  listening.listen(0, "127.0.0.1");
  await once(listening, "listening");
  return (listening.address() as AddressInfo).port;
}

/** The server answers with it, whatever it is asked. */
function answering(status: number, body: unknown, headers: Record<string, string> = {}): void {
  const content = typeof body === "string" ? body : JSON.stringify(body);
  answer = (_, response) => void response.writeHead(status, headers).end(content);
}

function authenticating(config: object = {}, tokens = memoryTokens()) {
  const given = { type, token_endpoint: `${issuer}/token`, ca: authority.cert, client_id: "c", ...config };
  return authenticationOf(configured(given), secret({ type, client_secret: clientSecret }), { dial, tokens });
}

const authorizing = (config: object = {}, tokens = memoryTokens()) =>
  authenticating(config, tokens).authorize(get("https://api.test/"), call());

describe("tokens are taken from an answer", () => {
  test.each([
    ["without a type of the token", { access_token: "t" }, {}],
    [
      "that calls its JSON something else",
      { access_token: "t", token_type: "bearer" },
      { "content-type": "text/plain" },
    ],
    ["with a lifetime in quotes", { access_token: "t", token_type: "Bearer", expires_in: "3600" }, {}],
    ["with an identity that nobody asked for", { access_token: "t", token_type: "Bearer", id_token: "no JWT" }, {}],
  ])("%s", async (_, body, headers) => {
    answering(200, body, headers);
    expect((await authorizing()).headers.authorization).toBe("Bearer t");
  });

  test("with what else it says, and go in the header that the source wants", async () => {
    answering(200, { access_token: "t", instance_url: "https://eu1.test", scope: "api", nested: { a: 1 }, id: 7 });
    const tokens = memoryTokens();
    const { headers } = await authorizing({ header: "X-Shopify-Access-Token", scheme: "" }, tokens);
    expect(headers).toEqual({ "x-shopify-access-token": "t" });
    expect(tokens.kept).toMatchObject({
      facts: { instance_url: "https://eu1.test", scope: "api" },
      expireTime: undefined,
    });
  });

  test("and grow old from when they were asked for", async () => {
    answering(200, { access_token: "t", expires_in: 100 });
    const tokens = memoryTokens();
    const before = Date.now();
    await authorizing({}, tokens);
    const left = (tokens.kept?.expireTime?.getTime() ?? 0) - before;
    expect(left).toBeGreaterThanOrEqual(100_000);
    expect(left).toBeLessThanOrEqual(100_000 + Date.now() - before);
  });
});

describe("the server that a token is for", () => {
  const instance = { hosts: ["eu1.api.test", "*.my.api.test"] };
  const asked = async (instanceUrl: unknown, config: object = { instance }) => {
    answering(200, { access_token: "t", instance_url: instanceUrl });
    const { url } = await authenticating(config).authorize(get("https://login.api.test/v1/a?b=c"), call());
    return url.href;
  };

  test.each([
    ["by its name", "https://eu1.api.test"],
    ["below a name", "https://acme.my.api.test/ignored?x=1"],
  ])("is asked when it is declared %s, with the path and query as they are", async (_, url) => {
    expect(await asked(url)).toBe(`${new URL(url).origin}/v1/a?b=c`);
  });

  test("is not looked for where it is not declared", async () => {
    expect(await asked("https://eu1.api.test", {})).toBe("https://login.api.test/v1/a?b=c");
  });

  test.each([
    ["another host", "https://evil.test"],
    ["a host that ends alike", "https://evil-my.api.test"],
    ["the name itself, below which it should be", "https://my.api.test"],
    ["a host with the name in front", "https://eu1.api.test.evil.test"],
    ["a user in front", "https://eu1.api.test@evil.test"],
    ["clear text", "http://eu1.api.test"],
    ["another port", "https://eu1.api.test:8443"],
    ["no web address", "file://eu1.api.test/etc/passwd"],
    ["an address of the machine", "https://127.0.0.1"],
  ])("is refused when it is %s", async (_, url) => {
    expect(await failureOf(asked(url))).toMatchObject({ kind: "egress_denied", where: "egress", final: true });
  });

  test.each([undefined, "", "eu1.api.test", 7])("has to be named: %s", async (url) => {
    expect(await failureOf(asked(url))).toMatchObject({ kind: "configuration_rejected", where: "connector" });
  });

  test.each(["*.test", "*", "*.", "EU1.api.test", "eu1.api.test/", "*a.api.test"])(
    "can't be declared as %s",
    (host) => {
      expect(() => configured({ type, token_endpoint: issuer, client_id: "c", instance: { hosts: [host] } })).toThrow();
    },
  );

  test("is what the credential is bound to", () => {
    const given = { type, token_endpoint: issuer, client_id: "c" };
    const bound = (config: object) => authenticationEndpoint(configured({ ...given, ...config }));
    expect(bound({ instance })).toMatchObject({ instance_hosts: "eu1.api.test *.my.api.test" });
    expect(Object.keys(bound({}))).not.toContain("instance_hosts");
  });

  test("gets the requests, on connections that are kept", async () => {
    const hosts: (string | undefined)[] = [];
    const api = createClearServer(({ headers }, response) => {
      hosts.push(headers.host);
      response.end("{}");
    });
    onTestFinished(() => void api.close().closeAllConnections());
    const port = await portOf(api);
    answering(200, { access_token: "t", instance_url: `http://localhost:${port}` });
    const authentication = authenticating({ instance: { hosts: ["localhost"] } });
    const { client, places } = stage(`http://127.0.0.1:${port}/`, { authentication });
    for (let i = 0; i < 2; i++) await textOf(await client.send(get(`http://127.0.0.1:${port}/x`), callFor()));
    expect(hosts).toEqual([`localhost:${port}`, `localhost:${port}`]);
    await expect.poll(places).toMatchObject({ open: 1, lent: 1 });
  });
});

describe("a refusal", () => {
  const echo = { error_description: clientSecret, error_uri: `https://x.test/?s=${encodeURIComponent(clientSecret)}` };
  const html = `<html>${clientSecret}</html>`;
  const challenge = { "www-authenticate": `Basic realm="${encodeURIComponent(clientSecret)}"` };
  const rejected = { kind: "credential_rejected", where: "credential", final: true };
  const wrong = { kind: "configuration_rejected", where: "connector", final: true };
  const busy = { kind: "upstream_unavailable", where: "upstream", final: false };

  test.each([
    ["as the standard has it", 400, { error: "invalid_grant", ...echo }, {}, { ...rejected, status: "invalid_grant" }],
    [
      "with a challenge",
      401,
      { error: "invalid_client", ...echo },
      challenge,
      { ...rejected, status: "invalid_client" },
    ],
    ["with a challenge alone", 401, html, challenge, { ...rejected, status: "401" }],
    ["by a firewall", 403, html, {}, { ...rejected, status: "403" }],
    ["in GitHub's way", 200, { error: "bad_refresh_token", ...echo }, {}, { ...rejected, status: "invalid_grant" }],
    ["in Slack's way", 200, { ok: false, error: "bad_client_secret" }, {}, { ...rejected, status: "invalid_client" }],
    ["in its own words", 400, { error: clientSecret, ...echo }, {}, { ...wrong, status: "400" }],
    ["in words that objects know", 400, { error: "constructor" }, {}, { ...wrong, status: "400" }],
    [
      "of the grant's type",
      400,
      { error: "unsupported_grant_type" },
      {},
      { ...wrong, status: "unsupported_grant_type" },
    ],
    ["by a page that is not there", 404, html, {}, { ...wrong, status: "404" }],
    ["by a redirect", 302, "", { location: "https://169.254.169.254/" }, { ...wrong, status: "302" }],
    ["that says to come again", 503, html, { "retry-after": "7" }, { ...busy, status: "503", retryAfterMs: 7_000 }],
    ["for a failure", 500, { error: "invalid_grant" }, {}, { ...busy, status: "500", retryAfterMs: undefined }],
    ["for a moment", 400, { error: "temporarily_unavailable" }, {}, { ...busy, status: "temporarily_unavailable" }],
    [
      "of too many",
      429,
      html,
      { "retry-after": "999999999" },
      { kind: "upstream_rate_limited", status: "429", retryAfterMs: 86_400_000 },
    ],
  ])("%s is told for what it is, and in words of ours", async (_, status, body, headers, expected) => {
    answering(status, body, headers);
    expect(await failureOf(authorizing(), clientSecret)).toMatchObject(expected);
    expect(asked.length).toBe(1);
  });

  test("that gives a time as a date is waited for", async () => {
    answering(503, "", { "retry-after": new Date(Date.now() + 60_000).toUTCString() });
    const { retryAfterMs = 0 } = await failureOf(authorizing());
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
  });
});

describe("an answer that holds no token", () => {
  const bad = { kind: "upstream_unavailable", where: "upstream" };

  test.each([
    ["nothing", "", bad],
    ["a page", `<html>${clientSecret}</html>`, bad],
    ["a list", [clientSecret], bad],
    ["an object without one", { token: clientSecret }, bad],
    ["one that breaks a header", { access_token: `a\r\nx: ${clientSecret}` }, bad],
    ["one of another kind", { access_token: clientSecret, token_type: "mac" }, bad],
    ["a lifetime that is none", { access_token: clientSecret, expires_in: "soon" }, bad],
    ["more than anybody reads", "x".repeat(300_000), { kind: "too_large" }],
  ])("but %s is a failure of the server's", async (_, body, expected) => {
    answering(200, body);
    expect(await failureOf(authorizing(), clientSecret)).toMatchObject(expected);
  });
});

describe("metadata", () => {
  const users = userAuthorization((config: AuthenticationConfig) => config);
  const grant = { redirectUri: "https://s.test/cb", state: "s", codeVerifier: "v".repeat(43) };
  const begin = (its: string, signal = new AbortController().signal, way = dial) => {
    const code = "oauth2_authorization_code";
    const config = configured({ type: code, issuer: its, ca: authority.cert, client_id: "c" });
    return users.begin(config, secret({ type: code, client_secret: clientSecret }), grant, { dial: way, signal });
  };
  const serving = (at: string, metadata: object) => {
    answer = ({ url }: IncomingMessage, response: ServerResponse) => {
      const headers = { "content-type": "application/json" };
      response.writeHead(url === at ? 200 : 404, headers).end(JSON.stringify(url === at ? metadata : {}));
    };
  };

  test("stands where OpenID Connect has it, or where RFC 8414 has it", async () => {
    for (const at of ["/t1/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/t1"]) {
      serving(at, { issuer: `${issuer}/t1`, authorization_endpoint: `${issuer}/go`, token_endpoint: `${issuer}/t` });
      expect((await begin(`${issuer}/t1`)).href).toMatch(new RegExp(`^${issuer}/go\\?`));
    }
  });

  test.each([
    ["of another issuer", () => ({ issuer: "https://attacker.test", authorization_endpoint: `${issuer}/go` })],
    ["with no address for browsers", () => ({ issuer })],
    ["with an address that is none", () => ({ issuer, authorization_endpoint: "javascript:alert(1)" })],
    ["that is no object", () => []],
  ])("%s is not believed", async (_, metadata) => {
    serving("/.well-known/openid-configuration", metadata());
    const failure = await failureOf(begin(issuer), clientSecret);
    expect(failure).toMatchObject({ kind: "configuration_rejected", where: "connector" });
  });

  test("that is long in coming is not waited for when nobody waits any more", async () => {
    const controller = new AbortController();
    const reason = new Error("given up");
    answer = () => controller.abort(reason);
    await expect(begin(issuer, controller.signal)).rejects.toBe(reason);
  });

  test("is asked for only where the organization may go, and in clear text only where the operator opened the way", async () => {
    const closed = createDial(createEgressPolicy({ allow: [] }));
    for (const its of ["http://8.8.8.8", "http://169.254.169.254", "https://127.0.0.1", issuer]) {
      expect(await failureOf(begin(its, undefined, closed))).toMatchObject({ kind: "egress_denied" });
    }
    const clear = createClearServer((_, response) => void response.end(JSON.stringify({ access_token: "t" })));
    onTestFinished(() => void clear.close());
    const token_endpoint = `http://127.0.0.1:${await portOf(clear)}/token`;
    expect((await authorizing({ token_endpoint })).headers.authorization).toBe("Bearer t");
  });
});

test("a secret goes in the way that the client authenticates in, and in no other", async () => {
  answering(200, { access_token: "t" });
  const seen: (string | undefined)[] = [];
  const { authorize } = authenticating({ client_authentication: "client_secret_post" });
  await authorize(get("https://api.test/"), call());
  const given = answer;
  answer = (request, response) => {
    seen.push(request.headers.authorization);
    given(request, response);
  };
  await authorizing();
  expect(new URLSearchParams(asked[0]?.body).get("client_secret")).toBe(clientSecret);
  expect(asked[1]?.body).not.toContain("client_secret");
  // RFC 6749, section 2.3.1: each is form-encoded before they are joined.
  const [name, password] = Buffer.from(`${seen[0]}`.replace(/^Basic /, ""), "base64")
    .toString()
    .split(":");
  expect([name, new URLSearchParams(`p=${password}`).get("p")]).toEqual(["c", clientSecret]);
});
