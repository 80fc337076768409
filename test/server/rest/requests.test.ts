/** What an HTTP request becomes, and what is refused before it is a call. */
import { gzipSync } from "node:zlib";
import { toJson } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../../src/failure.ts";
import {
  ListConnectorsRequestSchema,
  UpdateConnectorRequestSchema,
} from "../../../src/gen/connector/v1/connector_pb.js";
import { ConnectorService } from "../../../src/gen/connector/v1/service_pb.js";
import { listen, type Server } from "../../../src/server/port.ts";
import { connectHeader } from "../../../src/server/rest/header.ts";

let server: Server;
/** The last request that came to a handler, as JSON. */
let asked: unknown;
let timeoutMs: number | undefined;
let admitted: number;

beforeAll(async () => {
  server = await listen({
    host: "127.0.0.1",
    port: 0,
    limits: { readMaxBytes: 100_000 },
    admit: ({ requestHeader }) => {
      admitted++;
      if (requestHeader.get("authorization") === "none") throw new Failure("unauthenticated", "Nobody.");
    },
    routes: (router) =>
      router.service(ConnectorService, {
        async listConnectors(request) {
          asked = toJson(ListConnectorsRequestSchema, request);
          return {};
        },
        async updateConnector(request, context) {
          asked = toJson(UpdateConnectorRequestSchema, request);
          timeoutMs = context.timeoutMs();
          return { connector: { id: request.connectorId, etag: "v2" } };
        },
        async getConnector({ connectorId }) {
          asked = connectorId;
          throw new Failure("rate_limited", "Too fast.", { retryAfterMs: 1_200, where: "rate_limit", remedy: "Wait." });
        },
        async deleteConnector() {
          return {};
        },
        async *streamQuery() {},
      }),
  });
});

beforeEach(() => {
  asked = undefined;
  admitted = 0;
});

afterAll(() => server.drain(0));

async function ask(path: string, init: RequestInit = {}) {
  const response = await fetch(`${server.url}${path}`, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, json: text === "" ? undefined : JSON.parse(text) };
}

const patch = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}, query = "") =>
  ask(`/api/connectors/c1${query}`, {
    method: "PATCH",
    headers: { "content-type": "application/json", ...headers },
    body,
  });

describe("a query of a URL", () => {
  test.each([
    ["", {}],
    ["pageSize=5&page_token=a%20b", { pageSize: 5, pageToken: "a b" }],
    ["filter.providers=a&filter.providers=b", { filter: { providers: ["a", "b"] } }],
    ["filter.labels[a.b]=c&filter.labels[__proto__]=d", { filter: { labels: { "a.b": "c", ["__proto__"]: "d" } } }],
    ["filter.disabled=false&descending=true", { filter: { disabled: false }, descending: true }],
    ["orderBy=CONNECTOR_ORDER_CREATE_TIME", { orderBy: "CONNECTOR_ORDER_CREATE_TIME" }],
  ])("%s is the request's fields", async (query, expected) => {
    expect(await ask(`/api/connectors?${query}`)).toMatchObject({ status: 200 });
    expect(asked).toEqual(expected);
  });

  test.each([
    ["pagesize=5", "pagesize", "no such parameter"],
    ["toString=5", "toString", "no such parameter"],
    ["__proto__.a=5", "__proto__.a", "no such parameter"],
    ["pageSize=5&pageSize=6", "pageSize", "is given twice"],
    ["pageSize=5&page_size=6", "page_size", "is given twice"],
    ["pageSize=many", "page_size", expect.stringContaining("does not fit the type")],
    ["pageSize.a=5", "pageSize.a", "no such parameter"],
    ["filter=a", "filter", expect.stringContaining("fields of its own")],
    ["filter.labels=a", "filter.labels", "name an entry in brackets"],
    ["descending=1", "descending", "must be true or false"],
    ["orderBy=name", "orderBy", expect.stringContaining("must be CONNECTOR_ORDER_UNSPECIFIED or")],
  ])("%s is refused, naming the parameter", async (query, field, description) => {
    const { status, json } = await ask(`/api/connectors?${query}`);
    expect({ status, ...json }).toMatchObject({
      status: 400,
      reason: "INVALID_REQUEST",
      fields: [{ field, description }],
    });
    expect(asked).toBeUndefined();
  });
});

describe("a body", () => {
  test("is one field of the request, beside what path, query and headers give", async () => {
    const answer = await patch('{"displayName":"x"}', { "if-match": '"v1"' }, "?updateMask=displayName");
    expect(answer).toMatchObject({ status: 200, json: { id: "c1", etag: "v2", disabled: false, labels: {} } });
    expect(answer.headers.get("etag")).toBe('"v2"');
    expect(asked).toEqual({
      connectorId: "c1",
      etag: "v1",
      updateMask: "displayName",
      connector: { displayName: "x" },
    });
  });

  test("may be compressed, and is as large as may be when it is not any more", async () => {
    const text = JSON.stringify({ displayName: "x" });
    const gzip = { "content-encoding": "gzip" };
    expect((await patch(new Uint8Array(gzipSync(text)), gzip)).status).toBe(200);
    expect(asked).toMatchObject({ connector: { displayName: "x" } });
    const bomb = await patch(new Uint8Array(gzipSync(`{"displayName":"${"x".repeat(200_000)}"}`)), gzip);
    expect(bomb).toMatchObject({ status: 413, json: { reason: "TOO_LARGE", status: 413 } });
    expect((await patch("x".repeat(100_001))).status).toBe(413);
  });

  test.each([
    ["no JSON", "{", [], "The body is not valid JSON."],
    ["no UTF-8", Uint8Array.of(0x22, 0xff, 0x22), [], "The body is not valid JSON."],
    ["no object", "[]", [], "The body holds something that is no connector.v1.ConnectorPatch."],
    ["of an unknown field", '{"naem":"x"}', ["naem"], "naem: no such field"],
    ["nested too deeply", `{"config":{"a":${"[".repeat(40_000)}${"]".repeat(40_000)}}}`, [], "nested too deeply"],
  ])("that is %s is refused", async (_what, body, fields, detail) => {
    const { status, json } = await patch(body);
    expect({ status, ...json }).toMatchObject({ status: 400, reason: "INVALID_REQUEST" });
    expect(json.detail).toContain(detail);
    expect((json.fields ?? []).map(({ field }: { field: string }) => field)).toEqual(fields);
  });

  test.each([{ "content-type": "application/x-www-form-urlencoded" }, { "content-encoding": "br" }])(
    "with %o is 415",
    async (headers) => {
      expect(await patch("{}", headers)).toMatchObject({
        status: 415,
        json: { status: 415, reason: "INVALID_REQUEST" },
      });
    },
  );

  test("is not taken where the request has none, or where a field stands twice", async () => {
    const json = { "content-type": "application/json" };
    const refused = await ask("/api/connectors/c1", { method: "DELETE", headers: json, body: '{"etag":"v1"}' });
    expect(refused).toMatchObject({ status: 400, json: { detail: expect.stringContaining("takes no body") } });
    const body = '{"connector_id":"c2"}';
    const twice = await ask("/api/agents/a/connectors/c1", { method: "PUT", headers: json, body });
    expect(twice).toMatchObject({ status: 400, json: { fields: [{ field: "connector_id" }] } });
    expect((await patch("{}", { "if-match": '"v1"' }, "?etag=v1")).json.fields).toMatchObject([{ field: "etag" }]);
  });

  test("has no format of a stream, whose lines are always the same", async () => {
    const query = { query: { resource: "city" }, format: "FORMAT_VALUES" };
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(query) };
    expect(await ask("/api/connectors/c1/query:stream", init)).toMatchObject({
      status: 400,
      json: { fields: [{ field: "format", description: expect.stringContaining("leave it out") }] },
    });
  });

  test("is not read of a caller who is not admitted", async () => {
    const refused = await patch("no JSON at all", { authorization: "none" });
    expect(refused).toMatchObject({ status: 401, json: { reason: "UNAUTHENTICATED" } });
    expect(refused.headers.get("www-authenticate")).toBe("Bearer");
  });
});

test.each([
  [{ "connect-timeout-ms": "5000" }, 5_000],
  [{ "grpc-timeout": "6S" }, 6_000],
  [{ "grpc-timeout": "7000000u" }, 7_000],
  [{ "grpc-timeout": "1H", "connect-timeout-ms": "5000" }, 5_000],
])("a call has the deadline of %o", async (headers, expected) => {
  await patch("{}", headers);
  expect(timeoutMs).toBeLessThanOrEqual(expected);
  expect(timeoutMs).toBeGreaterThan(0);
});

test.each([
  ["banana", "The header Grpc-Timeout is no deadline."],
  ["5", "The header Grpc-Timeout is no deadline."],
  // 115 days, which is more digits than the Connect protocol has.
  ["2778H", "timeout 9999999999ms must be <= 3600000"],
])("the deadline %s is refused, and says why", async (timeout, detail) => {
  expect(await patch("{}", { "grpc-timeout": timeout })).toMatchObject({
    status: 400,
    json: { reason: "INVALID_REQUEST", detail: expect.stringContaining(detail) },
  });
  expect(asked).toBeUndefined();
});

test("a deadline of less than a millisecond is one of a whole one", () => {
  const header = connectHeader(new Headers({ "grpc-timeout": "1n" }), "application/proto");
  expect(header.get("connect-timeout-ms")).toBe("1");
});

test("a failure is a problem with its reason, and says when to come again", async () => {
  const { status, headers, json } = await ask("/api/connectors/a%2Fb");
  expect(asked).toBe("a/b");
  expect([status, headers.get("retry-after"), headers.get("content-type")]).toEqual([
    429,
    "2",
    "application/problem+json",
  ]);
  expect(json).toEqual({
    ...{ type: "/docs/errors#RATE_LIMITED", title: "Rate limited", status: 429, detail: "Too fast. Wait." },
    instance: expect.stringMatching(/^urn:uuid:[0-9a-f-]{36}$/),
    ...{ code: "resource_exhausted", reason: "RATE_LIMITED", domain: "connector.v1", retryAfter: 1.2 },
    metadata: { where: "rate_limit", remedy: "Wait." },
  });
});

describe("a path", () => {
  test.each(["/api", "/api/", "/api/connectors/", "/api/connectors/c1/nothing", "/api/%ff", "/api/connectors//schema"])(
    "%s that is none is a problem, and no call",
    async (path) => {
      expect(await ask(path)).toMatchObject({ status: 404, json: { reason: "NOT_FOUND", status: 404 } });
      expect(admitted).toBe(0);
    },
  );

  test("says which methods it takes", async () => {
    const refused = await ask("/api/connectors/c1", { method: "POST" });
    const allow = "DELETE, GET, HEAD, OPTIONS, PATCH, PUT";
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, allow]);
    const options = await ask("/api/connectors/c1", { method: "OPTIONS" });
    expect([options.status, options.headers.get("allow")]).toEqual([204, allow]);
    const stream = await ask("/api/audit-logs:export", { method: "HEAD" });
    expect([stream.status, stream.headers.get("allow")]).toEqual([405, "GET, OPTIONS"]);
    expect(admitted).toBe(0);
  });

  test("has the same head by HEAD, and nothing where there is nothing to say", async () => {
    const [get, head] = [await ask("/api/connectors"), await ask("/api/connectors", { method: "HEAD" })];
    expect(head).toMatchObject({ status: 200, json: undefined });
    expect(head.headers.get("content-length")).toBe(get.headers.get("content-length"));
    expect(await ask("/api/connectors/c1", { method: "DELETE" })).toMatchObject({ status: 204, json: undefined });
  });
});
