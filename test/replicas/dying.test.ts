/** Replicas that die with a call that they were sent, behind the load balancer of `deploy/`: who sends it again, and who leaves it. */
import { EventEmitter, once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type ConnectorClient, createConnectorClient } from "../../src/client/index.ts";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { type HaProxy, haproxy } from "../support/haproxy.ts";

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = http2.constants;

/** Paths of the calls that came to any of the replicas. */
const seen: string[] = [];
let replicas: http2.Http2Server[];
let front: HaProxy;

/** Of calls that are never answered: those that run at a replica. */
const running = new EventEmitter<{ begun: []; ended: [] }>();

/** It says that it is well, and dies of every call, its connection with it; one to delete it never answers. */
async function dyingReplica(): Promise<http2.Http2Server> {
  const server = http2.createServer();
  server.on("stream", (stream: http2.ServerHttp2Stream, { ":path": path = "" }) => {
    stream.on("error", () => {});
    if (path.startsWith("/grpc.health")) {
      stream.respond({ ":status": 200, "content-type": "application/json" });
      stream.end('{"status":"SERVING"}');
      return;
    }
    seen.push(path);
    if (path !== pathOf("deleteConnector")) return stream.session?.destroy();
    stream.once("close", () => running.emit("ended"));
    running.emit("begun");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

beforeAll(async () => {
  replicas = await Promise.all([dyingReplica(), dyingReplica()]);
  front = await haproxy(replicas.map((server) => (server.address() as AddressInfo).port));
});
beforeEach(() => {
  seen.length = 0;
});
afterAll(async () => {
  await front.stop();
  for (const server of replicas) server.close();
});

const id = "0199a5a0-0000-7000-8000-000000000001";

function pathOf(method: keyof typeof ConnectorService.method): string {
  const { parent, name } = ConnectorService.method[method];
  return `/${parent.typeName}/${name}`;
}

test.each(["connect", "grpc"] as const)(
  "a write is not sent again by the library of a caller of %s",
  async (protocol) => {
    const client: ConnectorClient = createConnectorClient({
      url: `http://127.0.0.1:${front.port}`,
      token: "t",
      protocol,
    });
    // The first call on a connection, and those behind it.
    for (let count = 0; count < 3; count++) {
      await expect(client.execute(id, { create: "city", rows: [{ name: "Bern" }] })).rejects.toMatchObject({
        code: Code.Unavailable,
      });
    }
    client.close();
    expect(seen).toEqual(Array.from({ length: 3 }, () => pathOf("execute")));
  },
);

test("a caller is not told that its write was refused, which would promise that nobody has seen it", async () => {
  const session = http2.connect(`http://127.0.0.1:${front.port}`);
  for (let count = 0; count < 3; count++) {
    const stream = session.request({ ":method": "POST", ":path": `/api/connectors/${id}/execute` });
    stream.resume().end("{}");
    const [head] = await once(stream, "response");
    expect(head[":status"]).toBe(502);
    await once(stream, "close");
    expect(stream.rstCode).toBe(NGHTTP2_NO_ERROR);
  }
  session.close();
  expect(seen.length).toBe(3);
});

test("whoever leaves a write leaves its replica, too, each time", async () => {
  const session = http2.connect(`http://127.0.0.1:${front.port}`);
  for (let count = 0; count < 20; count++) {
    const stream = session.request({ ":method": "POST", ":path": pathOf("deleteConnector") });
    const [begun, ended] = [once(running, "begun"), once(running, "ended")];
    stream.end("{}");
    await begun;
    stream.close(NGHTTP2_CANCEL);
    await ended;
  }
  session.close();
});

test("a read goes to other replicas, until all have died of it", async () => {
  const client = createConnectorClient({ url: `http://127.0.0.1:${front.port}`, token: "t" });
  await expect(client.query(id, { resource: "city" })).rejects.toMatchObject({ code: Code.Unavailable });
  client.close();
  expect(seen.length).toBeGreaterThan(1);
});
