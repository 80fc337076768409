import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { createDial } from "../../../src/egress/dial.ts";
import { createEgressPolicy } from "../../../src/egress/policy.ts";
import { createTrust } from "../../../src/egress/tls.ts";
import type { Failure } from "../../../src/failure.ts";
import type { Authentication } from "../../../src/providers/http/exchange.ts";
import { certificateAuthority } from "../../support/certificate.ts";
import { bearer, callFor, get, nobody, ok, post, rawServer, stage, textOf } from "./stage.ts";

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
