import { describe, expect, onTestFinished, test } from "vitest";
import { faultProxy } from "../../support/fault-proxy.ts";
import { type Answering, callFor, get, ok, post, rawServer, stage, textOf } from "./stage.ts";

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

const slowly =
  (body: string, ms: number): Answering =>
  (socket) =>
    void setTimeout(() => socket.write(ok(body)), ms);

/** A server, and a client that reaches it by a network which forgets connections. */
async function forgetful(limits: { readonly freshMs?: number } = {}) {
  const server = await rawServer(ok("first"), ok("second"));
  const proxy = await faultProxy({ host: "127.0.0.1", port: server.port });
  onTestFinished(() => proxy.stop());
  const url = `http://127.0.0.1:${proxy.port}/`;
  const { client } = stage(url, { limits });
  await textOf(await client.send(get(url), callFor()));
  await proxy.set({ kind: "forgotten" });
  return { server, proxy, url, client };
}

describe("a connection that the network has forgotten while it was unused", () => {
  test("costs a read a second when it was unused for a while, and not its deadline", async () => {
    const { server, proxy, url, client } = await forgetful({ freshMs: 0 });
    expect(await textOf(await client.send(get(url), callFor(AbortSignal.timeout(30_000))))).toBe("second");
    expect([server.heads.length, proxy.accepted]).toEqual([2, 2]);
  });

  test.each([
    ["POST that may be sent only once", { method: "POST", body: Buffer.from("{}") }],
    ["POST that may be repeated", { method: "POST", body: Buffer.from("{}"), repeatable: true }],
    ["GET that may be sent only once", { repeatable: false }],
  ])("is not given a %s, when it was unused for a while", async (_, request) => {
    const { server, url, client } = await forgetful({ freshMs: 0 });
    const call = callFor(AbortSignal.timeout(30_000));
    expect(await textOf(await client.send(get(url, request), call))).toBe("second");
    expect(server.heads.length).toBe(2);
    // Nobody had to wait for the silence of the old one.
    expect(call.phases).toEqual(["pool", "connect", "source", "transfer"]);
  });

  test("is not what a source is taken for that is slow to answer, once that is known", async () => {
    const server = await rawServer(slowly("slow", 600), slowly("slower", 1_100));
    const { client } = stage(server.url, { limits: { freshMs: 0 } });
    expect(await textOf(await client.send(get(server.url), callFor()))).toBe("slow");
    expect(await textOf(await client.send(get(server.url), callFor()))).toBe("slower");
    expect([server.heads.length, server.connections]).toEqual([2, 1]);
  });
});

/** More than the silence after which a connection that was unused for long is doubted. */
const slowMs = 1_300;

describe("a connection that was in use just now", () => {
  const key = { "idempotency-key": "k" };

  test.each([
    ["POST with a key", { method: "POST", headers: key, body: Buffer.from("{}"), repeatable: true }],
    ["DELETE", { method: "DELETE", repeatable: true }],
    ["GET", { method: "GET" }],
  ] as const)("waits for the answer to a slow %s, which is sent once", async (_, request) => {
    const server = await rawServer(ok("first"), slowly("slow", slowMs));
    const { client } = stage(server.url);
    await textOf(await client.send(get(server.url), callFor()));
    expect(await textOf(await client.send(get(server.url, request), callFor()))).toBe("slow");
    expect([server.heads.length, server.connections]).toEqual([2, 1]);
  });

  test("waits for slow answers also when more callers than connections ask", async () => {
    const server = await rawServer(ok("first"), slowly("slow", slowMs));
    const { client } = stage(server.url, { maxConnections: 1 });
    await textOf(await client.send(get(server.url), callFor()));
    const reads = Array.from({ length: 3 }, () => client.send(get(server.url), callFor()).then(textOf));
    expect(await Promise.all(reads)).toEqual(["slow", "slow", "slow"]);
    expect([server.heads.length, server.connections]).toEqual([4, 1]);
  });
});
