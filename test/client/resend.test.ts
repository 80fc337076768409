/** What a server refuses unseen, as one does that stops, is sent again; what it has begun is not. */
import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { Code } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { expect, onTestFinished, test } from "vitest";
import { createConnectorClient } from "../../src/client/index.ts";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";

const id = "0199a5a0-0000-7000-8000-000000000001";
const { NGHTTP2_REFUSED_STREAM, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = http2.constants;

/** A service that resets its first streams so, and counts all of them. */
async function serviceThatResets(times: number, code: number) {
  const seen = { requests: 0, names: [] as string[] };
  const handle = connectNodeAdapter({
    routes: (router) =>
      router.service(ConnectorService, {
        createConnector: ({ name }) => {
          seen.names.push(name);
          return { connector: { id, name } };
        },
        async *streamQuery() {
          yield { part: { case: "header" as const, value: { fields: [], format: 2 } } };
          yield { part: { case: "trailer" as const, value: { rows: 0n } } };
        },
      }),
  });
  const server = http2.createServer((request, response) => {
    seen.requests++;
    if (seen.requests <= times) request.stream.close(code);
    else handle(request, response);
  });
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = createConnectorClient({ url, token: "t" });
  onTestFinished(() => {
    client.close();
    server.close();
  });
  return { seen, client, sessions };
}

const request = { provider: "postgresql", name: "sales", config: {} };

test("a write that was refused is sent again, and done once", async () => {
  const { client, seen } = await serviceThatResets(2, NGHTTP2_REFUSED_STREAM);
  expect(await client.createConnector(request)).toMatchObject({ name: "sales" });
  expect(seen).toEqual({ requests: 3, names: ["sales"] });
});

test("so is a stream", async () => {
  const { client, seen } = await serviceThatResets(1, NGHTTP2_REFUSED_STREAM);
  expect(await Array.fromAsync(client.stream(id, { resource: "cities" }))).toEqual([]);
  expect(seen.requests).toBe(2);
});

test("a service that refuses every time is not asked for ever", async () => {
  const { client, seen } = await serviceThatResets(100, NGHTTP2_REFUSED_STREAM);
  await expect(client.createConnector(request)).rejects.toMatchObject({ code: Code.Unavailable });
  expect(seen.requests).toBe(3);
});

test("a call that may have been begun is not sent again", async () => {
  const { client, seen } = await serviceThatResets(1, NGHTTP2_INTERNAL_ERROR);
  await expect(client.createConnector(request)).rejects.toThrow();
  expect(seen.requests).toBe(1);
});

test("calls that cross a server's word to go away are answered by its next connection", async () => {
  const { client, seen, sessions } = await serviceThatResets(0, NGHTTP2_NO_ERROR);
  await client.createConnector(request);
  for (let round = 0; round < 20; round++) {
    const calls = Array.from({ length: 5 }, () => client.createConnector(request));
    for (const session of sessions) session.close();
    await Promise.all(calls);
  }
  expect(seen.names.length).toBe(101);
});
