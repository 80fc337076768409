import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { createDial } from "../../../src/egress/dial.ts";
import { createEgressPolicy } from "../../../src/egress/policy.ts";
import { createTrust } from "../../../src/egress/tls.ts";
import type { Failure } from "../../../src/failure.ts";
import { apiKey, apiKeyConfig } from "../../../src/providers/http/auth/plain.ts";
import type { Authentication } from "../../../src/providers/http/exchange.ts";
import { certificateAuthority } from "../../support/certificate.ts";
import { type Answering, bearer, callFor, get, nobody, ok, post, rawServer, stage, textOf } from "./stage.ts";

describe("connections", () => {
  test("carry requests one after the other, each with the headers that it was given and no others", async () => {
    const server = await rawServer(ok("first"), ok("second"));
    const { client, places } = stage(server.url);
    const call = callFor();
    const first = await client.send(get(`${server.url}a?b=c%20d`, { headers: { "x-own": "yes" } }), call);
    expect(await textOf(first)).toBe("first");
    expect(await textOf(await client.send(get(`${server.url}z`), call))).toBe("second");
    expect(server.connections).toBe(1);
    expect(server.heads[0]?.split("\r\n").toSorted()).toEqual(
      [
        "GET /a?b=c%20d HTTP/1.1",
        "x-own: yes",
        "user-agent: connector-service",
        "accept-encoding: gzip, br",
        `Host: 127.0.0.1:${server.port}`,
        "Connection: keep-alive",
      ].toSorted(),
    );
    expect(call.phases).toEqual(["pool", "connect", "source", "transfer", "source", "transfer"]);
    expect(places()).toMatchObject({ open: 1, lent: 1 });
  });

  test("are not shared: who finds all in use waits until an answer was read to the end", async () => {
    const server = await rawServer(ok("first"), ok("second"));
    const { client } = stage(server.url, { maxConnections: 1 });
    const first = await client.send(get(server.url), callFor());
    const second = client.send(get(server.url), callFor()).then(textOf);
    expect(server.heads.length).toBe(1);
    expect(await textOf(first)).toBe("first");
    expect(await second).toBe("second");
    expect(server.connections).toBe(1);
  });

  test("are closed when an answer is given up in the middle, and kept when all of it had come", async () => {
    const server = await rawServer(`HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf`, ok("whole"), ok("more"));
    const { client, places } = stage(server.url);
    const readOnce = async () => {
      const { body } = await client.send(get(server.url), callFor());
      for await (const _ of body) break;
    };
    await readOnce();
    await server.allClosed();
    expect(places()).toMatchObject({ open: 0 });
    await readOnce();
    await expect.poll(() => places().lent).toBe(1);
    expect(await textOf(await client.send(get(server.url), callFor()))).toBe("more");
    expect(server.connections).toBe(2);
  });

  test("that nobody reads from are ended before the first byte, too", async () => {
    const server = await rawServer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    const { client, places } = stage(server.url);
    const { body } = await client.send(get(server.url), callFor());
    await body[Symbol.asyncIterator]().return?.();
    await server.allClosed();
    expect(places()).toMatchObject({ open: 0 });
  });

  test("are not used when the server says that it closes them soon", async () => {
    const server = await rawServer(
      ok("short", ["Keep-Alive: timeout=1"]),
      ok("closing", ["Connection: close"]),
      ok("x"),
    );
    const { client } = stage(server.url);
    for (let sent = 1; sent <= 3; sent++) {
      await textOf(await client.send(get(server.url), callFor()));
      expect(server.connections).toBe(sent);
    }
  });

  test("that are unused are closed after a while, and when the session closes", async () => {
    const server = await rawServer(ok("a"));
    const idle = stage(server.url, { limits: { idleMs: 50 } });
    await textOf(await idle.client.send(get(server.url), callFor()));
    await server.allClosed();
    const closed = stage(server.url);
    await textOf(await closed.client.send(get(server.url), callFor()));
    expect(server.open()).toBe(1);
    await closed.client.close();
    await server.allClosed();
    expect([idle.places().open, closed.places().open]).toEqual([0, 0]);
  });
});

/** Answers once, and then closes the connection as soon as another request comes. */
const closesAfterOne = (): [Answering | string, ...Answering[]] => [
  ok("first"),
  (socket) => void socket.destroy(),
  (socket) => void socket.write(ok("second")),
];

describe("a connection that the server closed while it was unused", () => {
  test("makes a request that may be repeated go to a new one", async () => {
    const server = await rawServer(...closesAfterOne());
    const { client, places } = stage(server.url);
    await textOf(await client.send(get(server.url), callFor()));
    expect(await textOf(await client.send(get(server.url), callFor()))).toBe("second");
    expect(server.connections).toBe(2);
    await expect.poll(places).toMatchObject({ open: 1, lent: 1 });
  });

  test("leaves what may not be repeated unknown, and sends it once", async () => {
    const server = await rawServer(...closesAfterOne());
    const { client } = stage(server.url);
    await textOf(await client.send(get(server.url), callFor()));
    await expect(client.send(post(server.url, "{}"), callFor())).rejects.toMatchObject({ kind: "outcome_unknown" });
    expect(server.heads.length).toBe(2);
    expect(await textOf(await client.send(post(server.url, "{}", { repeatable: true }), callFor()))).toBe("second");
  });

  test("is asked no third time", async () => {
    const server = await rawServer(ok("first"), (socket) => void socket.destroy());
    const { client } = stage(server.url);
    await textOf(await client.send(get(server.url), callFor()));
    await expect(client.send(get(server.url), callFor())).rejects.toMatchObject({ kind: "upstream_lost" });
    expect(server.heads.length).toBe(3);
  });
});

test("a body is sent as it is, with its length", async () => {
  let received = "";
  const server = await rawServer((socket, head) => {
    received = head;
    socket.write(ok("done"));
  });
  const { client } = stage(server.url);
  const request = post(server.url, "größer", { headers: { "content-type": "text/plain" } });
  expect(await textOf(await client.send(request, callFor()))).toBe("done");
  expect(received).toMatch(/^POST \/ HTTP\/1.1\r\n/);
  expect(received).toContain("content-type: text/plain");
  expect(received).toMatch(/content-length: 8/i);
});

test("nothing listens: nothing was sent", async () => {
  const server = await rawServer(ok("a"));
  const { client, places } = stage(server.url.replace(/:\d+/, ":1"));
  for (const request of [get("http://127.0.0.1:1/"), post("http://127.0.0.1:1/", "{}")]) {
    await expect(client.send(request, callFor())).rejects.toMatchObject({ kind: "upstream_unreachable" });
  }
  expect(places()).toMatchObject({ open: 0 });
});

describe("the end of a call", () => {
  const reason = new Error("the caller left");

  /** Sends, ends the call when the server says so, and gives what the call failed with. */
  async function endedCall(request: (url: string) => ReturnType<typeof get>, answer: string) {
    const controller = new AbortController();
    const asked = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<number>();
    const server = await rawServer((socket) => {
      socket.once("close", () => closed.resolve(performance.now()));
      socket.write(answer, () => asked.resolve());
    });
    const { client, places } = stage(server.url);
    const call = callFor(controller.signal);
    const reading = client.send(request(server.url), call).then(textOf);
    reading.catch(() => {});
    await asked.promise;
    if (answer !== "") await expect.poll(() => call.phases.at(-1)).toBe("transfer");
    const left = performance.now();
    controller.abort(reason);
    const failure: Failure = await reading.then(
      () => expect.unreachable(),
      (error) => error,
    );
    const took = (await closed.promise) - left;
    expect(await Promise.all(call.settlings)).toEqual(["answered"]);
    expect(places()).toMatchObject({ open: 0 });
    return { failure, took };
  }

  const half = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf";

  test.each([
    ["before the answer", ""],
    ["amid the answer", half],
  ])("%s ends the exchange at the source", async (_when, answer) => {
    const { failure, took } = await endedCall(get, answer);
    expect(failure).toBe(reason);
    // A machine that is busy with other things may take its time to tell of it.
    expect(took).toBeLessThan(2_000);
  });

  test("leaves a change that was sent unknown, until it was answered", async () => {
    const change = (url: string) => post(url, "{}");
    expect((await endedCall(change, "")).failure).toMatchObject({ kind: "outcome_unknown", cause: reason });
    expect((await endedCall(change, half)).failure).toBe(reason);
  });

  test("that comes before anything was sent sends nothing", async () => {
    const server = await rawServer(ok("a"));
    const { client, places } = stage(server.url);
    const over = callFor(AbortSignal.abort(reason));
    await expect(client.send(post(server.url, "{}"), over)).rejects.toBe(reason);
    await textOf(await client.send(get(server.url), callFor()));
    await expect(client.send(post(server.url, "{}"), over)).rejects.toBe(reason);
    expect(server.heads.length).toBe(1);
    expect(places().open).toBe(places().lent);
  });
});

describe("a request that is refused for who sends it", () => {
  /** Gives a new token each time that it is renewed, so many times. */
  function renewing(times: number): Authentication & { readonly renewed: number } {
    let renewed = 0;
    return {
      authorize: async (request) => ({
        ...request,
        headers: { ...request.headers, authorization: `token ${renewed}` },
      }),
      renew: async () => renewed < times && ++renewed > 0,
      get renewed() {
        return renewed;
      },
    };
  }

  const refusal = ok("no", [], "401 Unauthorized");

  test("is sent once more with what is newer, a change, too", async () => {
    const server = await rawServer(refusal, ok("yes"));
    const { client } = stage(server.url, { authentication: renewing(1) });
    expect(await textOf(await client.send(post(server.url, "{}"), callFor()))).toBe("yes");
    expect(server.heads.map((head) => /authorization: (.*)/.exec(head)?.[1])).toEqual(["token 0", "token 1"]);
  });

  test("is not sent again when nothing newer helps", async () => {
    const server = await rawServer(refusal);
    const again = renewing(9);
    const { client } = stage(server.url, { authentication: again });
    const expected = { kind: "credential_rejected", where: "credential", status: "401" };
    await expect(client.send(get(server.url), callFor())).rejects.toMatchObject(expected);
    expect([again.renewed, server.heads.length]).toEqual([1, 2]);
    const { client: other } = stage(server.url, { authentication: renewing(0) });
    await expect(other.send(get(server.url), callFor())).rejects.toMatchObject(expected);
    expect(server.heads.length).toBe(3);
  });
});

test("a renewal that fails leaves no connection in use", async () => {
  const server = await rawServer(ok("no", [], "401 Unauthorized"));
  const reason = new Error("no token");
  const authentication: Authentication = { ...nobody, renew: () => Promise.reject(reason) };
  const { client, places } = stage(server.url, { authentication });
  await expect(client.send(get(server.url), callFor())).rejects.toBe(reason);
  await expect.poll(places).toMatchObject({ open: 1, lent: 1 });
});

describe("a redirect", () => {
  const to = (location: string, status = "301 Moved Permanently") => ok("", [`Location: ${location}`], status);

  test.each([
    "301 Moved Permanently",
    "302 Found",
    "303 See Other",
    "307 Temporary Redirect",
    "308 Permanent Redirect",
  ])("of a GET is followed: %s", async (status) => {
    const server = await rawServer(to("next?b=2#part", status), ok("there"));
    const { client } = stage(server.url, { authentication: bearer });
    expect(await textOf(await client.send(get(`${server.url}a/b?a=1`), callFor()))).toBe("there");
    expect(server.heads[1]).toMatch(/^GET \/a\/next\?b=2 HTTP/);
    expect(server.heads[1]).toContain("canary-token");
  });

  test("to another origin shows nothing of who asks, and leaves no connection", async () => {
    const stranger = await rawServer(ok("theirs", ["X-RateLimit-Limit: 1", "X-RateLimit-Remaining: 0"]));
    const server = await rawServer(to(stranger.url));
    const { client, places } = stage(server.url, {
      authentication: bearer,
      headers: { "x-api-version": "configured" },
    });
    const request = get(server.url, { headers: { accept: "application/json", cookie: "session=canary-token" } });
    const call = callFor();
    expect(await textOf(await client.send(request, call))).toBe("theirs");
    expect(server.heads[0]).toContain("authorization: Bearer canary-token");
    expect(stranger.heads[0]).toContain("accept: application/json");
    expect(stranger.heads[0]).not.toMatch(/canary-token|authorization|cookie|configured/i);
    expect(call.quotas).toEqual([]);
    await stranger.allClosed();
    expect(places()).toMatchObject({ open: 1, lent: 1 });
  });

  test.each([
    ["another origin", true],
    ["its own", false],
  ])("that repeats what the query shows of who asks goes to %s without it", async (_where, isAway) => {
    const stranger = await rawServer(ok("there"));
    const server = await rawServer((socket, head) => {
      const path = head.split(" ")[1] ?? "";
      if (path.startsWith("/moved")) return void socket.write(ok("there"));
      const base = isAway ? stranger.url : "/";
      return void socket.write(to(`${base}moved${path.slice(path.indexOf("?"))}&key=kept#${path}`));
    });
    const authentication = apiKey(apiKeyConfig.parse({ type: "api_key", in: "query", name: "key" }), "canary-token");
    const { client } = stage(server.url, { authentication });
    await textOf(await client.send(get(`${server.url}?a=1`), callFor()));
    if (isAway) expect(stranger.heads[0]).toMatch(/^GET \/moved\?a=1&key=kept HTTP/);
    else expect(server.heads[1]).toMatch(/^GET \/moved\?a=1&key=kept&key=canary-token HTTP/);
  });

  test("to another origin is not followed with who asks in the middle of it", async () => {
    const stranger = await rawServer(ok("there"));
    const server = await rawServer((socket, head) => {
      const came = encodeURIComponent(`${server.url}${head.split(" ")[1]}`);
      socket.write(to(`${stranger.url}login?return_to=${came}`));
    });
    const authentication = apiKey(apiKeyConfig.parse({ type: "api_key", in: "query", name: "key" }), "canary-token");
    const { client } = stage(server.url, { authentication });
    await expect(client.send(get(server.url), callFor())).rejects.toMatchObject({ kind: "egress_denied" });
    expect(stranger.heads).toEqual([]);
  });

  test("to another origin that wants a credential says so, and not that the credential is wrong", async () => {
    const stranger = await rawServer(ok("who?", [], "401 Unauthorized"));
    const server = await rawServer(to(stranger.url));
    const { client } = stage(server.url, { authentication: bearer });
    await expect(client.send(get(server.url), callFor())).rejects.toMatchObject({ kind: "egress_denied" });
    expect(stranger.heads.length).toBe(1);
  });

  test("a request to another origin shows nothing of who asks, either", async () => {
    const stranger = await rawServer(ok("theirs"));
    const { client } = stage("http://127.0.0.1:1/", { authentication: bearer });
    await textOf(await client.send(get(stranger.url), callFor()));
    expect(stranger.heads[0]).not.toContain("canary-token");
  });
});

describe("what an answer means", () => {
  test.each([
    ["400 Bad Request", "statement_rejected"],
    ["401 Unauthorized", "credential_rejected"],
    ["403 Forbidden", "upstream_permission_denied"],
    ["404 Not Found", "unknown_resource"],
    ["409 Conflict", "conflict"],
    ["410 Gone", "unknown_resource"],
    ["412 Precondition Failed", "conflict"],
    ["418 I'm a teapot", "statement_rejected"],
    ["422 Unprocessable Content", "statement_rejected"],
    ["429 Too Many Requests", "upstream_rate_limited"],
    ["500 Internal Server Error", "upstream_unavailable"],
    ["501 Not Implemented", "upstream_unavailable"],
    ["503 Service Unavailable", "upstream_unavailable"],
    ["300 Multiple Choices", "configuration_rejected"],
    ["999 Request denied", "upstream_unavailable"],
  ])("%s", async (status, kind) => {
    const server = await rawServer(
      ok('{"message":"secret of the source"}', ["X-Request-Id: req-1.2", "X-Secret: secret of the source"], status),
      ok("next"),
    );
    const { client, places } = stage(server.url);
    const failure = await client.send(get(`${server.url}path-of-a-row`), callFor()).catch((error: Failure) => error);
    expect(failure).toMatchObject({
      kind,
      upstream: "test",
      status: status.slice(0, 3),
      metadata: { request_id: "req-1.2" },
    });
    expect(JSON.stringify(failure) + String(failure)).not.toMatch(/secret|path-of-a-row/);
    // The refusal is read to the end, so that its connection is good.
    await expect.poll(() => places().lent).toBe(1);
    await textOf(await client.send(get(server.url), callFor()));
    expect(server.connections).toBe(1);
  });

  test("a refusal without end is not read", async () => {
    const server = await rawServer(`HTTP/1.1 500 Oh\r\nContent-Length: 100000\r\n\r\n${"x".repeat(70_000)}`);
    const { client, places } = stage(server.url);
    await expect(client.send(get(server.url), callFor())).rejects.toMatchObject({ kind: "upstream_unavailable" });
    await server.allClosed();
    expect(places()).toMatchObject({ open: 0 });
  });

  test.each([
    ["429 Too Many Requests", ["Retry-After: 7"], 7_000, {}],
    ["503 Service Unavailable", ["Retry-After: 2"], 2_000, {}],
    ["403 Forbidden", ["Retry-After: 60"], 60_000, {}],
    [
      "403 Forbidden",
      ["X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 30", "X-RateLimit-Resource: search"],
      expect.closeTo(30_000, -4),
      { quota: "search", quota_limit: "60", quota_remaining: "0", quota_reset_time: expect.stringMatching(/Z$/) },
    ],
    ["429 Too Many Requests", [], undefined, {}],
  ])("%s with %j asks for patience", async (status, headers, retryAfterMs, metadata) => {
    const server = await rawServer(ok("", headers, status));
    const { client } = stage(server.url);
    await expect(client.send(get(server.url), callFor())).rejects.toMatchObject({
      ...{ kind: "upstream_rate_limited", retryAfterMs, metadata },
    });
  });

  test("what is left of a quota is told, whatever the answer", async () => {
    const quota = ["X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 59"];
    const server = await rawServer(ok("fine", quota), ok("", quota, "404 Not Found"));
    const { client } = stage(server.url);
    const call = callFor();
    await textOf(await client.send(get(server.url), call));
    await client.send(get(server.url), call).catch(() => {});
    const told = { name: "default", limit: 60, remaining: 59, resetTime: undefined };
    expect(call.quotas).toEqual([told, told]);
  });

  test("an id that is no id is not passed on", async () => {
    const server = await rawServer(ok("", ["X-Request-Id: <script>", "CF-Ray: 8a1-FRA"], "500 Oh"));
    const { client } = stage(server.url);
    await expect(client.send(get(server.url), callFor())).rejects.toMatchObject({
      metadata: { request_id: "8a1-FRA" },
    });
  });
});

test.each([
  ["gzip", gzipSync("größer ".repeat(10_000))],
  ["br", brotliCompressSync("größer ".repeat(10_000))],
  ["deflate", deflateSync("größer ".repeat(10_000))],
])("what is compressed with %s is read as what it was", async (encoding, body) => {
  const server = await rawServer((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${body.length}\r\n\r\n`);
    for (let at = 0; at < body.length; at += 7) socket.write(body.subarray(at, at + 7));
  });
  const { client } = stage(server.url);
  expect(await textOf(await client.send(get(server.url), callFor()))).toBe("größer ".repeat(10_000));
  expect(await textOf(await client.send(get(server.url), callFor()))).toBe("größer ".repeat(10_000));
  expect(server.connections).toBe(1);
});

test.each([
  ["a line's end in a value", { "x-a": "b\r\nx-c: d" }],
  ["a character beyond Latin-1 in a value", { authorization: "Bearer “smart”" }],
  ["a name that is none", { "x a": "b" }],
])("%s is refused, and nothing is sent", async (_what, headers) => {
  const server = await rawServer(ok("a"));
  const { client } = stage(server.url);
  await expect(client.send(get(server.url, { headers }), callFor())).rejects.toMatchObject({ kind: "invalid_request" });
  expect(server.connections).toBe(0);
});

describe("with encryption", () => {
  const root = certificateAuthority();
  const clients = certificateAuthority("clients");

  /** Says who has asked. */
  async function secure(ask: boolean): Promise<string> {
    const options = { ...root.issue(), ca: clients.cert, requestCert: ask, rejectUnauthorized: ask };
    const server: Server = createServer(options, (request, response) => {
      const peer = (request.socket as TLSSocket).getPeerCertificate();
      response.end(peer.subject?.CN ?? "nobody");
    });
    server.on("tlsClientError", () => {}).listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    return `https://localhost:${(server.address() as AddressInfo).port}/`;
  }

  test("a source is believed by its own authority or the operator's, and no other", async () => {
    const url = await secure(false);
    const request = get(url);
    for (const trusting of [{ ca: root.cert }, { trust: createTrust(root.cert) }]) {
      const answer = await stage(url, trusting).client.send(request, callFor());
      expect([answer.tls, await textOf(answer)]).toEqual(["TLSv1.3", "nobody"]);
    }
    for (const trusting of [{}, { ca: clients.cert }]) {
      const { client, places } = stage(url, trusting);
      await expect(client.send(request, callFor())).rejects.toMatchObject({ kind: "tls_failed" });
      expect(places()).toMatchObject({ open: 0 });
    }
  });

  test("a client's certificate is shown to the source that asks for it", async () => {
    const url = await secure(true);
    const certificate = clients.issue({ names: ["connector"] });
    const authentication: Authentication = { ...bearer, certificate };
    const { client } = stage(url, { ca: root.cert, authentication });
    expect(await textOf(await client.send(get(url), callFor()))).toBe("connector");
    const { client: other } = stage(url, { ca: root.cert });
    await expect(other.send(get(url), callFor())).rejects.toMatchObject({ where: "upstream" });
  });

  test("no certificate is shown to another origin", async () => {
    const server = await rawServer(ok("", [`Location: ${await secure(false)}`], "302 Found"));
    const authentication: Authentication = { ...bearer, certificate: clients.issue() };
    const { client } = stage(server.url, { authentication, trust: createTrust(root.cert) });
    expect(await textOf(await client.send(get(server.url), callFor()))).toBe("nobody");
  });

  test("a certificate that can't be read is known before the first call", () => {
    const certificate = { ...clients.issue(), key: "no key" };
    expect(() => stage("https://localhost/", { authentication: { ...bearer, certificate } })).toThrow();
  });

  test("a redirect away from it is not followed", async () => {
    const server: Server = createServer(root.issue(), (_, response) => {
      response.writeHead(302, { location: "http://localhost/" }).end();
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    await once(server, "listening");
    const url = `https://localhost:${(server.address() as AddressInfo).port}/`;
    const { client } = stage(url, { ca: root.cert });
    await expect(client.send(get(url), callFor())).rejects.toMatchObject({
      kind: "egress_denied",
      message: expect.stringContaining("from https to http"),
    });
    server.closeAllConnections();
  });
});

test("without encryption nothing goes to the public internet unless the operator opened the way", async () => {
  const dial = createDial(createEgressPolicy({ allow: [] }));
  const { client } = stage("http://1.1.1.1/", { dial, authentication: bearer });
  await expect(client.send(get("http://1.1.1.1/"), callFor())).rejects.toMatchObject({
    kind: "egress_denied",
    message: expect.stringContaining("without encryption"),
  });
});
