import { once } from "node:events";
import { Agent, request as http1Request } from "node:http";
import http2 from "node:http2";
import { connect } from "node:net";
import { json, text } from "node:stream/consumers";
import { Code, ConnectError, createClient, type HandlerContext } from "@connectrpc/connect";
import { describe, expect, test } from "vitest";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { Health, HealthCheckResponse_ServingStatus } from "../../src/gen/grpc/health/v1/health_pb.js";
import { call, grpcClient } from "./grpc-js.ts";
import { serve, transports } from "./serving.ts";

type Name = keyof ReturnType<typeof transports>;
const names = Object.keys(transports("http://localhost")) as Name[];

/** A service whose calls say that they have begun and end when they are let. */
function gated(onSignal: (context: HandlerContext) => Promise<unknown> = () => new Promise(() => {})) {
  const begun = new EventTarget();
  const release = Promise.withResolvers<void>();
  const wait = async (context: HandlerContext) => {
    begun.dispatchEvent(new Event("begun"));
    await Promise.race([release.promise, onSignal(context)]);
  };
  return {
    begun: (count: number) =>
      new Promise<void>((resolve) => {
        let left = count;
        begun.addEventListener("begun", () => --left === 0 && resolve());
      }),
    release: release.resolve,
    service: {
      getConnector: async (_: unknown, context: HandlerContext) => {
        await wait(context);
        return { connector: { name: "answered" } };
      },
      async *streamQuery(_: unknown, context: HandlerContext) {
        yield {};
        await wait(context);
        yield {};
      },
    },
  };
}

describe("a drain", () => {
  test("lets running calls end, with every protocol, and says how many did", async () => {
    const gate = gated();
    const server = await serve({ service: gate.service });
    const begun = gate.begun(names.length * 2);
    const clients = names.map((name) => createClient(ConnectorService, transports(server.url)[name]));
    const unary = clients.map((client) => client.getConnector({}));
    const streams = clients.map((client) => Array.fromAsync(client.streamQuery({})));
    await begun;

    const drained = server.drain(10_000);
    gate.release();

    for (const answer of await Promise.all(unary)) expect(answer.connector?.name).toBe("answered");
    for (const messages of await Promise.all(streams)) expect(messages.length).toBe(2);
    expect(await drained).toEqual({ finished: names.length * 2, aborted: 0 });
  });

  test("accepts no connection any more and tells HTTP/2 clients to go away", async () => {
    const gate = gated();
    const server = await serve({ service: gate.service });
    const begun = gate.begun(1);
    const running = createClient(ConnectorService, transports(server.url).gRPC).getConnector({});
    const idle = http2.connect(server.url);
    await Promise.all([begun, once(idle, "connect")]);
    const goaway = once(idle, "goaway");

    const drained = server.drain(10_000);

    const [code] = await goaway;
    expect(code).toBe(http2.constants.NGHTTP2_NO_ERROR);
    await expect(once(connect(server.port, "127.0.0.1"), "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    gate.release();
    await running;
    await drained;
  });

  test("is not ready at once, and takes new connections and calls until its delay is over", async () => {
    const callDuringDelay = async (delayMs: number) => {
      const server = await serve({ service: { getConnector: () => ({ connector: { name: "answered" } }) } });
      const begin = performance.now();
      const drained = server.drain(10_000, delayMs);
      const calls = names.map(async (name) => {
        const transport = transports(server.url)[name];
        const { status } = await createClient(Health, transport).check({});
        const { connector } = await createClient(ConnectorService, transport).getConnector({});
        return { status, name: connector?.name };
      });
      const answers = await Promise.allSettled(calls);
      const tookMs = performance.now() - begin;
      await drained;
      expect(performance.now() - begin).toBeGreaterThan(delayMs - 10);
      await expect(once(connect(server.port, "127.0.0.1"), "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
      return { tookMs, answers };
    };
    let delayMs = 500;
    let outcome = await callDuringDelay(delayMs);
    // A busy machine may take longer for the calls than it was given.
    while (outcome.tookMs > delayMs && delayMs < 16_000) {
      delayMs *= 2;
      outcome = await callDuringDelay(delayMs);
    }

    const value = { status: HealthCheckResponse_ServingStatus.NOT_SERVING, name: "answered" };
    expect(outcome.answers).toEqual(names.map(() => ({ status: "fulfilled", value })));
  });

  test("closes kept HTTP/1.1 connections at once, or after the answer that is under way", async () => {
    const gate = gated();
    const server = await serve({ service: gate.service });
    const agent = new Agent({ keepAlive: true });
    const idle = http1Request(`${server.url}/nothing`, { agent }).end();
    const [[socket], [nothing]] = await Promise.all([once(idle, "socket"), once(idle, "response")]);
    await text(nothing);
    const begun = gate.begun(1);
    const busy = http1Request(`${server.url}/connector.v1.ConnectorService/GetConnector`, {
      agent: new Agent({ keepAlive: true }),
      method: "POST",
      headers: { "content-type": "application/json" },
    }).end("{}");
    await begun;
    const idleClosed = once(socket, "close");

    const drained = server.drain(10_000);
    await idleClosed;
    gate.release();

    const [response] = await once(busy, "response");
    expect(await json(response)).toEqual({ connector: { name: "answered" } });
    expect(await drained).toEqual({ finished: 1, aborted: 0 });
  });

  for (const [what, onSignal] of [
    ["that listen to their signal", ({ signal }) => once(signal, "abort").then(() => signal.throwIfAborted())],
    ["that don't", () => new Promise(() => {})],
  ] as [string, (context: HandlerContext) => Promise<unknown>][]) {
    test(`ends calls ${what} with UNAVAILABLE when its budget is used up`, async () => {
      const gate = gated(onSignal);
      const server = await serve({ service: gate.service });
      const begun = gate.begun(names.length * 2 + 1);
      const clients = names.map((name) => createClient(ConnectorService, transports(server.url)[name]));
      const calls: Promise<unknown>[] = clients.flatMap((client) => [
        client.getConnector({}),
        Array.fromAsync(client.streamQuery({})),
      ]);
      const grpcJs = grpcClient(server.port, "connector.v1.ConnectorService", "connector/v1/service.proto");
      const outcomes = Promise.allSettled(calls);
      const grpcJsOutcome = call(grpcJs, "getConnector", {}).catch((error) => error);
      await begun;

      const summary = await server.drain(50);

      for (const outcome of await outcomes) {
        const error = ConnectError.from((outcome as PromiseRejectedResult).reason);
        expect(error.code).toBe(Code.Unavailable);
        expect(error.findDetails(ErrorInfoSchema)[0]).toMatchObject({
          reason: "SHUTTING_DOWN",
          domain: "connector.v1",
        });
      }
      expect(await grpcJsOutcome).toMatchObject({ code: 14, details: expect.stringContaining("stopping") });
      expect(summary).toEqual({ finished: 0, aborted: names.length * 2 + 1 });
    });
  }

  test("does not wait for a reader that has stalled", async () => {
    const server = await serve({
      service: {
        async *streamQuery() {
          for (;;) yield { part: { case: "arrow" as const, value: { message: new Uint8Array(1_000_000) } } };
        },
      },
    });
    const session = http2.connect(server.url);
    session.on("error", () => {});
    const stream = session.request({
      ":method": "POST",
      ":path": "/connector.v1.ConnectorService/StreamQuery",
      "content-type": "application/grpc",
    });
    stream.on("error", () => {}).end(Buffer.alloc(5));
    await once(stream, "response");

    expect(await server.drain(50)).toEqual({ finished: 0, aborted: 1 });
  });

  test("is one drain, however often it is asked for", async () => {
    const server = await serve();

    expect(server.drain(1_000)).toBe(server.drain(0));
    expect(await server.drain(0)).toEqual({ finished: 0, aborted: 0 });
  });
});
