/** Connectors of an API that checks who asks, in every way, through the whole service. */
import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { inspect } from "node:util";
import type { JsonObject } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConnectorError } from "../../src/client/index.ts";
import { CheckOutcome } from "../../src/gen/connector/v1/connector_pb.js";
import { certificateAuthority } from "../support/certificate.ts";
import { assertionIssuer, type OAuthServer, startOAuthServer } from "../support/oauth-server.ts";
import { keepSought } from "../support/outputs.ts";
import { type TestService, testService } from "../support/service.ts";

const authority = certificateAuthority("api");
/** Like no other text, so that they can be looked for in all that the service puts out. */
const [apiKey, password, signingSecret, wrong] = ["key", "password", "hmac", "wrong"].map(
  (name) => `s3cret-${name}+${randomBytes(18).toString("base64")}`,
) as [string, string, string, string];

/** Whether who asks is known, by the first segment of what is asked for. */
const known: Record<string, (request: IncomingMessage) => boolean | Promise<boolean>> = {
  header: ({ headers }) => headers["x-api-key"] === apiKey,
  query: ({ url = "" }) => new URL(url, "https://x").searchParams.get("key") === apiKey,
  basic: ({ headers }) => headers.authorization === `Basic ${btoa(`user:${password}`)}`,
  hmac({ method, url, headers }) {
    const time = Number(headers["x-time"]);
    const signature = createHmac("sha256", signingSecret).update(`${method} ${url} ${time}`).digest("hex");
    return headers["x-signature"] === signature && Math.abs(time * 1_000 - Date.now()) < 60_000;
  },
  mtls: ({ socket }) => (socket as TLSSocket).authorized,
  oauth: ({ headers }) => oauth.accepts(`${headers.authorization}`.replace(/^Bearer /, "")),
};

/** Tokens that came, in their order. */
const tokens: string[] = [];
/** All that came ever, without their kind. */
const given = new Set<string>();
/** Answers 401 to as many requests with good tokens. */
let refusals = 0;
const api = createServer(
  { ...authority.issue(), ca: authority.cert, requestCert: true, rejectUnauthorized: false },
  async (request, response) => {
    const [, kind = ""] = /^\/(\w+)/.exec(request.url ?? "") ?? [];
    tokens.push(`${request.headers.authorization}`);
    given.add(tokens.at(-1)?.replace(/^Bearer /, "") ?? "");
    const isGood = (await known[kind]?.(request)) && refusals-- <= 0;
    response.writeHead(isGood ? 200 : 401, { "content-type": "application/json" });
    response.end(isGood ? '[{"id":1}]' : `{"error":"s3cret-of-the-source ${tokens.at(-1)}"}`);
  },
);

let oauth: OAuthServer;
let service: TestService;
let base: string;

beforeAll(async () => {
  api.listen(0, "127.0.0.1");
  await once(api, "listening");
  base = `https://localhost:${(api.address() as AddressInfo).port}`;
  [oauth, service] = await Promise.all([startOAuthServer(), testService()]);
});

afterAll(async () => {
  await service.stop();
  const accessTokens = [...given].filter((token) => /^[\w-]{20,}$/.test(token));
  expect(accessTokens.length).toBeGreaterThan(1);
  const keys = [oauth.privateKey, certificate.private_key].map((pem) => pem.split("\n")[2] ?? pem);
  await keepSought([apiKey, password, signingSecret, wrong, oauth.clients.basic.secret, ...accessTokens, ...keys]);
  await oauth.stop();
  api.close();
  api.closeAllConnections();
});

interface Case {
  readonly kind: string;
  readonly authentication: JsonObject & { readonly type: string };
  readonly credential: JsonObject;
  /** Refused by the API or the OAuth server. */
  readonly wrong: JsonObject;
}

const certificateOf = ({ cert, key }: { cert: string; key: string }) => ({ certificate: cert, private_key: key });
const certificate = certificateOf(authority.issue());

const hmac = {
  ...{ type: "hmac", signed: "{method} {path_and_query} {timestamp}" },
  headers: { "X-Time": "{timestamp}", "X-Signature": "{signature}" },
};

const cases: Readonly<Record<string, () => Case>> = {
  "an API key in a header": () => ({
    kind: "header",
    authentication: { type: "api_key", name: "X-Api-Key" },
    credential: { key: apiKey },
    wrong: { key: wrong },
  }),
  "an API key in a query": () => ({
    kind: "query",
    authentication: { type: "api_key", in: "query", name: "key" },
    credential: { key: apiKey },
    wrong: { key: wrong },
  }),
  "a password": () => ({
    kind: "basic",
    authentication: { type: "basic" },
    credential: { user: "user", password },
    wrong: { user: "user", password: wrong },
  }),
  "a signature": () => ({
    kind: "hmac",
    authentication: hmac,
    credential: { secret: signingSecret },
    wrong: { secret: wrong },
  }),
  "a certificate": () => ({
    kind: "mtls",
    authentication: { type: "mtls" },
    credential: { client_certificate: certificate },
    wrong: { client_certificate: certificateOf(certificateAuthority("stranger").issue()) },
  }),
  "its own token": () => ({
    kind: "oauth",
    authentication: { type: "oauth2_client_credentials", ...server(), client_id: oauth.clients.basic.id },
    credential: { client_secret: oauth.clients.basic.secret },
    wrong: { client_secret: wrong },
  }),
  "an assertion": () => ({
    kind: "oauth",
    authentication: {
      ...{ type: "oauth2_jwt_bearer", ...server(), client_id: oauth.clients.public.id },
      assertion_issuer: assertionIssuer,
    },
    credential: { private_key: oauth.privateKey },
    wrong: { private_key: authority.issue().key },
  }),
};

const server = () => ({ issuer: oauth.issuer, ca: oauth.ca });

let made = 0;
async function connector({ kind, authentication }: Case, credential: JsonObject) {
  const resources = [{ name: "rows", path: `/${kind}/rows`, fields: [{ name: "id", type: "int64" }] }];
  const { id } = await service.client.createConnector({
    ...{ provider: "rest", name: `c-${made++}` },
    config: { base_url: base, ca: authority.cert, authentication, resources },
    credential: { type: authentication.type, ...credential },
  });
  return id;
}

const read = (id: string) => service.client.query(id, { resource: "rows" });

test.each(Object.entries(cases))(
  "%s is shown to the API, and a wrong one is told of without its bytes",
  async (_, of) => {
    const each = of();
    const good = await connector(each, each.credential);
    expect((await read(good)).rows.length).toBe(1);
    expect(await service.client.testConnector(good)).toMatchObject({ ok: true });

    const bad = await connector(each, each.wrong);
    const error = await read(bad).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConnectorError);
    expect(error).toMatchObject({ reason: "CREDENTIAL_REJECTED" });
    expect(inspect(error, { depth: 10 })).not.toMatch(/s3cret|PRIVATE KEY/);
    const { ok, checks } = await service.client.testConnector(bad);
    expect(ok).toBe(false);
    expect(checks.find(({ outcome }) => outcome === CheckOutcome.FAILED)?.name).toBe("authenticate");
  },
);

test("a connector that gets no token is told from one whose API can't be had", async () => {
  const each = (cases["its own token"] as () => Case)();
  const { issuer: _, ...authentication } = each.authentication;
  const nowhere = { ...authentication, token_endpoint: "https://127.0.0.1:1/token" };
  const id = await connector({ ...each, authentication: nowhere }, each.credential);
  const { checks } = await service.client.testConnector(id);
  expect(checks.map(({ name, outcome }) => [name, CheckOutcome[outcome]])).toEqual([
    ["configuration", "PASSED"],
    ["connect", "SKIPPED"],
    ["tls", "SKIPPED"],
    ["authenticate", "FAILED"],
    ["query", "SKIPPED"],
  ]);
  await expect(read(id)).rejects.toMatchObject({ metadata: { authorization_server: "127.0.0.1" } });
});

test("a token that the API refuses when it is new is not replaced at once, as the next one would be no better", async () => {
  const each = (cases["its own token"] as () => Case)();
  const id = await connector(each, each.credential);
  await read(id);
  tokens.splice(0);
  const before = oauth.tokenRequests.length;
  refusals = 1;
  await expect(read(id)).rejects.toMatchObject({ reason: "CREDENTIAL_REJECTED" });
  expect([tokens.length, oauth.tokenRequests.length]).toEqual([1, before]);
  expect((await read(id)).rows.length).toBe(1);
});

test("a credential that does not fit its connector's authentication is refused, field by field", async () => {
  const creating = (authentication: object, credential: object) =>
    service.client.createConnector({
      ...{ provider: "rest", name: "misfit" },
      ...{ config: { base_url: base, authentication: { ...authentication } }, credential: { ...credential } },
    });
  const code = { type: "oauth2_client_credentials", issuer: "https://login.test", client_id: "c" };
  for (const [authentication, credential, field] of [
    [{ type: "bearer" }, { type: "basic", user: "s3cret" }, "credential.type"],
    [code, { type: code.type }, "credential.client_secret"],
    [{ ...hmac, signed: "{nothing}" }, { type: "hmac", secret: "s3cret" }, "config.authentication.signed"],
  ] as const) {
    const error = await creating(authentication, credential).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: "INVALID_REQUEST", fields: [{ field }] });
    expect(inspect(error, { depth: 10 })).not.toContain("s3cret");
  }
});

test("a credential is given again when it would be sent elsewhere, and must fit there", async () => {
  const each = (cases["its own token"] as () => Case)();
  const id = await connector(each, each.credential);
  const config = (authentication: object) => ({
    base_url: base,
    ca: authority.cert,
    authentication: { ...authentication },
  });
  const elsewhere = { ...each.authentication, issuer: "https://attacker.test" };
  for (const [change, field] of [
    [{ config: config(elsewhere) }, "connector.credential"],
    [{ config: config({ type: "bearer" }) }, "connector.credential"],
    [{ credential: { type: "bearer", token: "t" } }, "connector.credential.type"],
  ] as const) {
    const error = await service.client.updateConnector(id, change).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: "INVALID_REQUEST", fields: [{ field }] });
  }
});
