import { once } from "node:events";
import http2 from "node:http2";
import { connect as tcpConnect } from "node:net";
import { text } from "node:stream/consumers";
import { createClient } from "@connectrpc/connect";
import { describe, expect, test, vi } from "vitest";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { patience } from "../support/patience.ts";
import { body, path, post, service } from "./posting.ts";
import { connectorId, serve, transports } from "./serving.ts";

const request = `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const settingsFrame = Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0);

/** What the server answers to raw bytes before it closes the connection. */
async function say(port: number, ...chunks: (string | Uint8Array)[]): Promise<string> {
  const socket = tcpConnect({ port, host: "127.0.0.1", noDelay: true });
  const answer = text(socket);
  for (const chunk of chunks) {
    await new Promise((resolve) => socket.write(chunk, resolve));
    await new Promise(setImmediate);
  }
  return answer;
}

describe("a connection", () => {
  test("may send an HTTP/1.1 request byte by byte", async () => {
    const { port } = await serve({ service });

    const answer = await say(port, ...request);

    expect(answer).toContain("HTTP/1.1 200 OK");
    expect(answer).toContain(`connector ${connectorId}`);
  });

  test("may send the HTTP/2 preface byte by byte", async () => {
    const { port } = await serve({ service });
    const socket = tcpConnect({ port, host: "127.0.0.1", noDelay: true });
    const first = once(socket, "data");
    for (const byte of preface) {
      await new Promise((resolve) => socket.write(byte, resolve));
      await new Promise(setImmediate);
    }
    socket.write(settingsFrame);

    const [frame] = await first;

    expect(frame[3]).toBe(4);
    socket.destroy();
  });

  test("that starts like HTTP/2 and goes on like HTTP/1.1 is HTTP/1.1", async () => {
    const { port } = await serve({ service });

    expect(await say(port, "PRI ", "* HTTP/2.0\r", "x\r\n\r\n")).toContain("HTTP/1.1 400 Bad Request");
  });

  for (const [what, ...chunks] of [
    ["that sends nothing"],
    ["that stops in the HTTP/2 preface", preface.slice(0, 20)],
    ["that stops in its HTTP/1.1 headers", "POST / HTTP/1.1\r\nHost: a\r\n"],
  ] as [string, ...string[]][]) {
    test(`${what} is dropped when its time is over`, async () => {
      const { port, url } = await serve({ service, limits: { headerTimeoutMs: 100 } });

      expect(await say(port, ...chunks)).toMatch(/^$|^HTTP\/1.1 408/);

      // A busy machine may be late, too.
      await vi.waitFor(async () => expect((await post(url)).status).toBe(200), patience);
    });
  }

  test("without a call is closed after a while, with either version", async () => {
    const { port, url } = await serve({ service, limits: { idleTimeoutMs: 100 } });
    const session = http2.connect(url);

    await once(session, "close");

    const kept = request.replace("Connection: close\r\n", "");
    // A busy machine may take longer than that to say it.
    await vi.waitFor(async () => expect(await say(port, kept)).toContain("HTTP/1.1 200 OK"), patience);
  });

  test("that is reset at any time does not stop the server", async () => {
    const { port, url } = await serve({ service });
    for (const bytes of ["", "P", preface, request.slice(0, 60), request]) {
      const socket = tcpConnect(port, "127.0.0.1");
      await once(socket, "connect");
      if (bytes !== "") await new Promise((resolve) => socket.write(bytes, resolve));
      socket.resetAndDestroy();
      await once(socket, "close");
    }

    expect((await post(url)).status).toBe(200);
  });
});

describe("a request", () => {
  test("for an unknown path is answered with 404 and JSON, with either version", async () => {
    const { url } = await serve({ service });
    const session = http2.connect(url);
    const stream = session.request({ ":path": "/nothing" });
    const overHttp2 = text(stream);
    const [headers] = await once(stream, "response");
    const overHttp1 = await fetch(`${url}/nothing`);

    expect(headers[":status"]).toBe(404);
    expect(overHttp1.status).toBe(404);
    const expected = { code: "unimplemented", message: expect.stringContaining("nothing at this path") };
    expect(JSON.parse(await overHttp2)).toEqual(expected);
    expect(await overHttp1.json()).toEqual(expected);
    session.destroy();
  });

  test("that is no RPC goes to the pages", async () => {
    const { url } = await serve({
      pages: (request, response) => {
        if (request.url !== "/metrics") return false;
        response.end("up 1\n");
        return true;
      },
    });

    expect(await (await fetch(`${url}/metrics`)).text()).toBe("up 1\n");
    expect((await fetch(`${url}/other`)).status).toBe(404);
  });

  test("without a usable host is refused and does not stop the server", async () => {
    const { port, url } = await serve({ service });
    const http10 = request.replace("HTTP/1.1", "HTTP/1.0").replace("Host: a\r\n", "");

    expect(await say(port, http10)).toContain("400 Bad Request");
    expect(await say(port, request.replace("Host: a", "Host: a b["))).toContain("400 Bad Request");

    expect((await post(url)).status).toBe(200);
  });

  test("with headers over the limit is refused, with either version", async () => {
    const { url } = await serve({ service });
    const large = "x".repeat(20_000);
    const session = http2.connect(url);
    // The limit holds once the client has heard of it.
    await once(session, "remoteSettings");
    await new Promise((resolve) => session.ping(resolve));
    const stream = session.request({ ":method": "POST", ":path": path, "x-large": large });

    await expect(once(stream, "response")).rejects.toThrow();
    expect((await post(url, { "x-large": large })).status).toBe(431);

    expect((await post(url)).status).toBe(200);
    session.destroy();
  });

  test("of several megabytes passes, and one over the limit is refused", async () => {
    const { url } = await serve({ service: { query: async () => ({}) } });
    for (const transport of Object.values(transports(url))) {
      const client = createClient(ConnectorService, transport);
      const native = (length: number) => ({
        query: { source: { case: "native" as const, value: { text: "x".repeat(length) } } },
      });

      await client.query(native(4_000_000));
      // Far more than fits into the buffers between client and server.
      await expect(client.query(native(20_000_000))).rejects.toMatchObject({ code: 8 });
    }
  });

  test("whose body never ends is given up, with either version", async () => {
    const { port, url } = await serve({ service, limits: { requestTimeoutMs: 1_000, headerTimeoutMs: 1_000 } });
    const session = http2.connect(url);
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
    const closed = once(stream, "close");

    expect(await say(port, request.slice(0, -5))).toContain("408 Request Timeout");

    stream.resume();
    await closed;
    expect(stream.rstCode).toBe(http2.constants.NGHTTP2_CANCEL);
    session.destroy();
  });

  test("may have an answer that takes longer than requests may take", async () => {
    const gate = Promise.withResolvers<void>();
    const { url } = await serve({
      service: {
        async *streamQuery() {
          yield {};
          await gate.promise;
          yield {};
        },
      },
      limits: { requestTimeoutMs: 1_000, headerTimeoutMs: 1_000, idleTimeoutMs: 1_000 },
    });
    const streams = Object.values(transports(url)).map((transport) =>
      createClient(ConnectorService, transport).streamQuery({})[Symbol.asyncIterator](),
    );
    for (const stream of streams) expect((await stream.next()).done).toBe(false);

    // Longer than the check of the timeouts takes to come round.
    setTimeout(gate.resolve, 2_500);

    for (const stream of streams) expect((await stream.next()).done).toBe(false);
    for (const stream of streams) expect((await stream.next()).done).toBe(true);
  });

  test("in JSON with a field that the contract does not have is refused by its name", async () => {
    const { url } = await serve({ service });

    const response = await post(url, {}, JSON.stringify({ connectorId, filtr: {} }));

    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "invalid_argument", message: "filtr: no such field" });
  });

  test("for a deadline beyond the longest is refused", async () => {
    const { url } = await serve({ service, limits: { maxTimeoutMs: 1_000 } });

    const client = createClient(ConnectorService, transports(url).gRPC);

    await expect(client.getConnector({ connectorId }, { timeoutMs: 5_000 })).rejects.toMatchObject({ code: 3 });
  });
});
