/** What an error tells its caller beside its code. */
import { Code, createClient } from "@connectrpc/connect";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { BadRequestSchema, RetryInfoSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { call, grpcClient } from "../server/grpc-js.ts";
import { serve, transports } from "../server/serving.ts";
import { failuresOf, infoOf, secret, throwing } from "./failing.ts";

describe("a failure", () => {
  const failure = () =>
    new Failure("rate_limited", "The connector's rate limit is used up.", {
      where: "rate_limit",
      remedy: "Wait, or ask for a higher limit.",
      upstream: "postgresql",
      status: "53300",
      retryAfterMs: 1_250,
      metadata: { connector: "c1" },
      fields: [{ field: "query.limit", description: "too high" }],
      cause: new Error(secret),
    });

  test("reaches the caller whole, with every protocol, unary and in mid-stream", async () => {
    const { url } = await serve({ service: throwing(failure) });

    for (const [name, error] of await failuresOf(url)) {
      expect(error.code, name).toBe(Code.ResourceExhausted);
      expect(error.rawMessage, name).toBe("The connector's rate limit is used up. Wait, or ask for a higher limit.");
      expect(infoOf(error), name).toMatchObject({
        reason: "RATE_LIMITED",
        domain: "connector.v1",
        metadata: {
          where: "rate_limit",
          remedy: "Wait, or ask for a higher limit.",
          upstream: "postgresql",
          status: "53300",
          connector: "c1",
        },
      });
      expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay).toMatchObject({ seconds: 1n, nanos: 250_000_000 });
      expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations).toMatchObject([
        { field: "query.limit", description: "too high" },
      ]);
      expect(JSON.stringify(error.details), name).not.toContain(secret);
    }
  });

  test("reaches a grpc-js client with its details", async () => {
    const { port } = await serve({ service: throwing(failure) });
    const client = grpcClient(port, "connector.v1.ConnectorService", "connector/v1/service.proto");

    const error = (await call(client, "getConnector", {}).catch((cause) => cause)) as ServiceError;

    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(error.metadata).toBeInstanceOf(Metadata);
    expect(String(error.metadata.get("grpc-status-details-bin")[0])).toContain("RATE_LIMITED");
  });

  test("with more, longer and stranger text than headers can hold still arrives", async () => {
    const service = throwing(
      () =>
        new Failure("invalid_request", `lone \ud800 and long ${"ä".repeat(10_000)}`, {
          remedy: "\u0000\r\n".repeat(1_000),
          metadata: { long: "x".repeat(100_000) },
          fields: Array.from({ length: 5_000 }, (_, i) => ({ field: `fields[${i}]`, description: `wrong ${i}` })),
        }),
    );
    const { port, url } = await serve({ service });
    const client = grpcClient(port, "connector.v1.ConnectorService", "connector/v1/service.proto");

    const grpcJs = (await call(client, "getConnector", {}).catch((cause) => cause)) as ServiceError;

    expect(grpcJs.code).toBe(status.INVALID_ARGUMENT);
    for (const [name, error] of await failuresOf(url)) {
      expect(error.code, name).toBe(Code.InvalidArgument);
      expect(error.findDetails(BadRequestSchema)[0]?.fieldViolations.length, name).toBeGreaterThan(50);
    }
  });
});

describe("what the library finds wrong", () => {
  const path = "/connector.v1.ConnectorService/GetConnector";

  for (const [what, headers, body, expected] of [
    [
      "JSON that is none",
      { "content-type": "application/json" },
      `{"${secret}": `,
      ["INVALID_REQUEST", "invalid_argument"],
    ],
    [
      "a value of a wrong type",
      { "content-type": "application/json" },
      `{"connectorId": ["${secret}"]}`,
      ["INVALID_REQUEST", "invalid_argument"],
    ],
    [
      "bytes that are no message",
      { "content-type": "application/proto" },
      secret,
      ["INVALID_REQUEST", "invalid_argument"],
    ],
    [
      "an unknown compression",
      { "content-type": "application/json", "content-encoding": "lzma" },
      "{}",
      ["NOT_IMPLEMENTED", "unimplemented"],
    ],
    [
      "a timeout that is none",
      { "content-type": "application/json", "connect-timeout-ms": "soon" },
      "{}",
      ["INVALID_REQUEST", "invalid_argument"],
    ],
    [
      "a body that is too large",
      { "content-type": "application/json" },
      `{"connectorId": "${"x".repeat(5_000_000)}"}`,
      ["TOO_LARGE", "resource_exhausted"],
    ],
    [
      "a method that is not there yet",
      { "content-type": "application/json" },
      "{}",
      ["NOT_IMPLEMENTED", "unimplemented"],
    ],
  ] as [string, Record<string, string>, string, [string, string]][]) {
    test(`(${what}) has its reason, and nothing of the request`, async () => {
      const { url } = await serve();

      const response = await fetch(`${url}${path}`, { method: "POST", headers, body });
      const text = await response.text();

      const [reason, code] = expected;
      const error = JSON.parse(text);
      expect(error.code).toBe(code);
      expect(error.details[0].debug).toMatchObject({ reason, domain: "connector.v1" });
      expect(text).not.toContain(secret);
    });
  }

  test("names the field whose value does not fit", async () => {
    const { url } = await serve();

    const response = await fetch(`${url}/connector.v1.ConnectorService/Query`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ pageSize: secret }),
    });

    expect(await response.json()).toMatchObject({
      message: "page_size: does not fit the type of connector.v1.QueryRequest.page_size",
      details: [{}, { debug: { fieldViolations: [{ field: "page_size" }] } }],
    });
  });

  test("has its reason in a stream and over gRPC, too", async () => {
    const { url } = await serve({ service: { streamQuery: () => (async function* () {})() } });
    for (const name of ["gRPC", "gRPC-Web, HTTP/1.1", "Connect, HTTP/2"] as const) {
      const client = createClient(ConnectorService, transports(url)[name]);
      const native = { source: { case: "native" as const, value: { text: "x".repeat(5_000_000) } } };
      const stream = await Array.fromAsync(client.streamQuery({ query: native })).catch((error) => error);
      const unary = await client.query({ query: native }).catch((error) => error);

      expect(infoOf(stream), name).toMatchObject({ reason: "TOO_LARGE" });
      expect(infoOf(unary), name).toMatchObject({ reason: "TOO_LARGE" });
    }
  });
});
