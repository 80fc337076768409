/** Secrets that are sent as they are, and certificates, at servers that check them by other means. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request as send } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createFetch } from "../../../../src/egress/fetch.ts";
import { authenticationOf } from "../../../../src/providers/http/auth/authentication.ts";
import { certificateAuthority } from "../../../support/certificate.ts";
import { call, configured, dial, expectHidden, get, secret } from "./setting.ts";

const asked: IncomingMessage[] = [];
const server = createServer((request, response) => {
  asked.push(request);
  response.end();
});
let base: string;
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});

/** What the server sees of a request to `/x?a=b%20c`. */
async function seen(
  config: object,
  credential: object,
  headers: Record<string, string> = {},
): Promise<IncomingMessage> {
  const authentication = authenticationOf(configured(config), secret(credential), { dial });
  expectHidden(authentication, ["s3cret"]);
  const { url, ...authorized } = await authentication.authorize(get(`${base}/x?a=b%20c`, headers), call());
  const [response] = (await once(send(url, { headers: authorized.headers }).end(), "response")) as [IncomingMessage];
  response.resume();
  return asked.at(-1) as IncomingMessage;
}

describe("an API key", () => {
  const credential = { type: "api_key", key: "s3cret/+=&" };

  test("goes in a header, behind what stands before it", async () => {
    const { headers } = await seen({ type: "api_key", name: "X-Api-Key" }, credential);
    expect(headers["x-api-key"]).toBe("s3cret/+=&");
    const prefixed = await seen({ type: "api_key", name: "Authorization", prefix: "Token " }, credential);
    expect(prefixed.headers.authorization).toBe("Token s3cret/+=&");
  });

  test("goes in a query, behind parameters that stay as they were", async () => {
    const { url = "" } = await seen({ type: "api_key", in: "query", name: "api key" }, credential);
    expect(url).toBe("/x?a=b%20c&api%20key=s3cret%2F%2B%3D%26");
    expect(new URL(url, base).searchParams.get("api key")).toBe("s3cret/+=&");
  });

  test("goes in a cookie, beside others", async () => {
    const { headers } = await seen({ type: "api_key", in: "cookie", name: "sid" }, credential, { cookie: "lang=de" });
    expect(headers.cookie).toBe("lang=de; sid=s3cret/+=&");
  });
});

test("a bearer token goes in its header", async () => {
  const { headers } = await seen({ type: "bearer" }, { type: "bearer", token: "s3cret.t" });
  expect(headers.authorization).toBe("Bearer s3cret.t");
});

test.each([
  ["ärger", "s3cret:with:colons ✓"],
  ["sk_test_s3cret", ""],
])("a user and a password go in their header: %s", async (user, password) => {
  const { headers } = await seen({ type: "basic" }, { type: "basic", user, password });
  const decoded = new TextDecoder().decode(Uint8Array.fromBase64(`${headers.authorization}`.replace(/^Basic /, "")));
  expect([decoded.slice(0, decoded.indexOf(":")), decoded.slice(decoded.indexOf(":") + 1)]).toEqual([user, password]);
});

test("who needs none sends none", async () => {
  const { headers } = await seen({ type: "none" }, { type: "none" });
  expect(Object.keys(headers).sort()).toEqual(["connection", "host"]);
  const { certificate, authorize } = authenticationOf(configured({ type: "none" }), undefined, { dial });
  const request = get(base);
  expect([certificate, await authorize(request, call())]).toEqual([undefined, request]);
});

test("a certificate says who asks, and is shown beside everything else", async () => {
  const authority = certificateAuthority("clients");
  const { cert, key } = authority.issue({ names: ["me.test"] });
  const requestCert = { requestCert: true, rejectUnauthorized: true };
  const tls = createTlsServer({ ...authority.issue(), ca: authority.cert, ...requestCert }, ({ socket }, response) => {
    response.end((socket as TLSSocket).getPeerX509Certificate()?.subjectAltName);
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void tls.close());
  await once(tls, "listening");
  const url = `https://localhost:${(tls.address() as AddressInfo).port}`;
  const client_certificate = { certificate: cert, private_key: key };
  for (const credential of [{ type: "mtls" }, { type: "bearer", token: "t" }]) {
    const whole = secret({ ...credential, client_certificate });
    const { certificate } = authenticationOf(configured({ type: credential.type }), whole, { dial });
    const response = await createFetch(dial)(url, { ca: authority.cert, certificate });
    expect(await response.text()).toBe("DNS:me.test");
  }
  // The refusal may be heard, or only that the connection ends.
  const refused = expect.stringMatching(/^(tls_failed|upstream_lost)$/);
  await expect(createFetch(dial)(url, { ca: authority.cert })).rejects.toMatchObject({ kind: refused });
});
