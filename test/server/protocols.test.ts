import { once } from "node:events";
import { request as http1Request } from "node:http";
import http2 from "node:http2";
import { buffer } from "node:stream/consumers";
import { connect as tlsConnect } from "node:tls";
import { gzipSync } from "node:zlib";
import { createClient } from "@connectrpc/connect";
import { compressionGzip, createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, test } from "vitest";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { selfSignedCertificate } from "../support/certificate.ts";
import { call, grpcClient } from "./grpc-js.ts";
import { body, path, post, service } from "./posting.ts";
import { connectorId, serve, transports } from "./serving.ts";

describe("one port speaks", () => {
  for (const name of Object.keys(transports("http://localhost")) as (keyof ReturnType<typeof transports>)[]) {
    test(`${name}, for unary calls and streams`, async () => {
      const { url } = await serve({ service });
      const client = createClient(ConnectorService, transports(url)[name]);

      const { connector } = await client.getConnector({ connectorId });
      let bytes = 0;
      for await (const { part } of client.streamQuery({}))
        if (part.case === "arrow") bytes += part.value.message.length;

      expect(connector?.name).toBe(`connector ${connectorId}`);
      expect(bytes).toBe(600_000);
    });
  }

  test("gRPC with a grpc-js client", async () => {
    const { port } = await serve({ service });
    const client = grpcClient(port, "connector.v1.ConnectorService", "connector/v1/service.proto");

    const answer = await call<{ connector: { name: string } }>(client, "getConnector", { connector_id: connectorId });

    expect(answer.connector.name).toBe(`connector ${connectorId}`);
  });

  test("both HTTP versions over TLS, as ALPN says", async () => {
    const { url, port } = await serve({ service, tls: selfSignedCertificate() });

    for (const transport of Object.values(transports(url))) {
      const { connector } = await createClient(ConnectorService, transport).getConnector({ connectorId });
      expect(connector?.name).toBe(`connector ${connectorId}`);
    }
    const negotiated = await Promise.all(
      [["h2", "http/1.1"], ["http/1.1"]].map(async (ALPNProtocols) => {
        const socket = tlsConnect({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols });
        await once(socket, "secureConnect");
        socket.destroy();
        return socket.alpnProtocol;
      }),
    );
    expect(negotiated).toEqual(["h2", "http/1.1"]);
  });
});

describe("compression", () => {
  const large = { connector: { name: "x".repeat(100_000) } };
  const getConnector = async () => large;

  test("is left out of answers to clients that announce gzip without being told to", async () => {
    const { port, url } = await serve({ service: { getConnector } });
    const client = grpcClient(port, "connector.v1.ConnectorService", "connector/v1/service.proto");
    const received = async (accept: string) => {
      const request = http1Request(`${url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", "accept-encoding": accept },
      }).end(body);
      const [response] = await once(request, "response");
      return { encoding: response.headers["content-encoding"], size: (await buffer(response)).length };
    };

    expect(await received("gzip, br")).toEqual({ encoding: undefined, size: expect.closeTo(100_030, -3) });
    expect(await call(client, "getConnector", {})).toMatchObject(large);
  });

  test("is used where the server is told from which size on", async () => {
    const { url } = await serve({ service: { getConnector }, limits: { compressMinBytes: 1_000 } });

    expect((await post(url, { "accept-encoding": "gzip" })).headers.get("content-encoding")).toBe("gzip");
  });

  test("of requests is understood", async () => {
    const { url } = await serve({ service });
    for (const create of [createConnectTransport, createGrpcTransport]) {
      const transport = create({
        baseUrl: url,
        httpVersion: "2",
        sendCompression: compressionGzip,
        compressMinBytes: 1,
      });
      const { connector } = await createClient(ConnectorService, transport).getConnector({ connectorId });
      expect(connector?.name).toBe(`connector ${connectorId}`);
    }
  });

  test("can't be used to fill the memory: a bomb is refused before it has grown", async () => {
    const { url } = await serve({ service });
    const bomb = gzipSync(Buffer.alloc(200_000_000), { level: 9 });
    expect(bomb.length).toBeLessThan(200_000);
    const envelope = Buffer.concat([Uint8Array.of(1), Buffer.alloc(4), bomb]);
    envelope.writeUInt32BE(bomb.length, 1);
    const before = process.memoryUsage().rss;

    const unary = await post(url, { "content-encoding": "gzip" }, bomb);
    const session = http2.connect(url);
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      "grpc-encoding": "gzip",
    });
    const trailers = once(stream, "trailers");
    stream.resume().end(envelope);
    const [{ "grpc-status": status }] = await trailers;
    const grown = process.memoryUsage().rss - before;

    expect(unary.status).toBe(429);
    expect(await unary.json()).toMatchObject({ code: "resource_exhausted" });
    expect(status).toBe("8");
    expect(grown).toBeLessThan(32 * 1_048_576);
    session.destroy();
  });
});
