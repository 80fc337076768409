/** Traces of calls, as a collector gets them and as sources are told of them. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { type OtlpReceiver, otlpReceiver, type ReceivedSpan } from "../support/otlp.ts";
import { freshDatabase } from "../support/postgres.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";

const canary = "s3cret-of-a-trace";
/** What the API answers next; 200 when it is empty. */
const statuses: number[] = [];
const requests: IncomingMessage["headers"][] = [];
const api = createServer((request, response) => {
  requests.push(request.headers);
  response.writeHead(statuses.shift() ?? 200, { "content-type": "application/json" });
  response.end(`[{"id":1,"name":"${canary}"}]`);
});

let receiver: OtlpReceiver;
let traced: TestService;
let untraced: TestService;
let customer: Awaited<ReturnType<typeof freshDatabase>>;

beforeAll(async () => {
  api.listen(0, "127.0.0.1");
  await once(api, "listening");
  receiver = await otlpReceiver();
  const exporting = {
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_HEADERS: "x-collector=of%20ours",
    OTEL_SERVICE_NAME: "connectors",
    OTEL_BSP_SCHEDULE_DELAY: "20",
    TRACE_SQL_COMMENTS: "on",
  };
  [customer, traced, untraced] = await Promise.all([freshDatabase(), testService(exporting), testService()]);
  const client = new pg.Client({ connectionString: customer.url });
  await client.connect();
  await client.query(`CREATE TABLE person (id int PRIMARY KEY, name text); INSERT INTO person VALUES (1, '${canary}');
    CREATE VIEW running AS SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid()`);
  await client.end();
});

afterAll(async () => {
  await Promise.all([traced?.stop(), untraced?.stop()]);
  await customer?.drop();
  receiver?.stop();
  api.close();
  api.closeAllConnections();
});

beforeEach(() => {
  requests.length = 0;
  statuses.length = 0;
});

const randomHex = (bytes: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");

/** A caller's own span. */
function caller(flags = "01") {
  const [traceId, spanId] = [randomHex(16), randomHex(8)];
  return { traceId, spanId, headers: { traceparent: `00-${traceId}-${spanId}-${flags}` } };
}

/** A unary call by plain HTTP. */
async function call(service: TestService, rpc: string, request: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${service.url}/connector.v1.ConnectorService/${rpc}`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", authorization: `Bearer ${service.token}` },
    body: JSON.stringify(request),
  });
  return { response, body: (await response.json()) as Record<string, never> };
}

async function apiConnector(service: TestService, config: Record<string, boolean> = {}): Promise<string> {
  const base_url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  const resources = [{ name: "people", path: "/people" }];
  const request = {
    provider: "rest",
    name: `api-${randomHex(4)}`,
    config: { base_url, authentication: { type: "none" }, resources, ...config },
  };
  return (await service.client.createConnector(request)).id;
}

async function databaseConnector(service: TestService): Promise<string> {
  return (await service.client.createConnector(connectorTo(customer.url, `${canary}-${randomHex(4)}`))).id;
}

/** What the API was told since the last look, each once: a query may ask more than once. */
function told(name: string): unknown[] {
  const values = requests.splice(0).map((headers) => headers[name]);
  return [...new Set(values)];
}

const ended = (spans: readonly ReceivedSpan[]) => spans.some(({ kind }) => kind === "server");

/** Each span's name, below its parent's. */
function tree(spans: readonly ReceivedSpan[], parent: string, depth = 0): string[] {
  return spans
    .filter(({ parentSpanId }) => parentSpanId === parent)
    .toSorted((a, b) => Number(a.start - b.start))
    .flatMap(({ name, spanId }) => ["  ".repeat(depth) + name, ...tree(spans, spanId, depth + 1)]);
}

test("a collector gets the whole trace of a query, below its caller's span, with a fault and its retry", async () => {
  const connectorId = await apiConnector(traced);
  const { traceId, spanId, headers } = caller();
  statuses.push(503);
  const { response } = await call(
    traced,
    "Query",
    { connectorId, query: { resource: "people" } },
    {
      ...headers,
      tracestate: "vendor=opaque",
    },
  );
  expect(response.status).toBe(200);

  const spans = await receiver.trace(traceId, ended);
  const shown = tree(spans, spanId).filter((line) => !/wait for (?:pool|bulkhead|rate limit)|transfer/.test(line));
  expect(shown).toEqual([
    "connector.v1.ConnectorService/Query",
    "  call Query",
    "    query rest",
    "      open session",
    "      connect",
    "    wait between attempts",
    "    query people",
  ]);
  const [server] = spans.filter(({ kind }) => kind === "server");
  expect(server).toMatchObject({
    traceState: "vendor=opaque",
    failed: false,
    attributes: {
      "rpc.system.name": "connectrpc",
      "rpc.method": "connector.v1.ConnectorService/Query",
      "rpc.response.status_code": "ok",
    },
    resource: { "service.name": "connectors" },
  });
  const [failed, succeeded] = spans
    .filter(({ kind }) => kind === "client")
    .toSorted((a, b) => Number(a.start - b.start));
  expect(failed).toMatchObject({
    failed: true,
    attributes: { "connector.attempt": 1, "http.response.status_code": 503, "error.type": "upstream_unavailable" },
  });
  expect(succeeded).toMatchObject({
    failed: false,
    attributes: { "connector.id": connectorId, "connector.attempt": 2, "connector.resource": "people" },
  });
  // Each lies within its parent; clocks are rounded.
  for (const span of spans) {
    const parent = spans.find((each) => each.spanId === span.parentSpanId) ?? span;
    expect(span.start, span.name).toBeGreaterThanOrEqual(parent.start - 1_000n);
    expect(span.end, span.name).toBeGreaterThanOrEqual(span.start);
    expect(span.end, span.name).toBeLessThanOrEqual((server?.end ?? 0n) + 1_000n);
  }
  expect(receiver.headers.at(-1)).toMatchObject({ path: "/v1/traces", "x-collector": "of ours" });
});

test("an HTTP API is told the trace and the attempt, and nothing of other systems", async () => {
  const connectorId = await apiConnector(traced);
  const { traceId, headers } = caller();
  await call(traced, "Query", { connectorId, query: { resource: "people" } }, { ...headers, tracestate: "vendor=x" });
  const spans = await receiver.trace(traceId, ended);
  const attempt = spans.find(({ kind }) => kind === "client");
  for (const request of requests) {
    expect(request).not.toHaveProperty("tracestate");
    expect(request).not.toHaveProperty("baggage");
  }
  expect(told("traceparent")).toEqual([`00-${traceId}-${attempt?.spanId}-01`]);
});

test("an HTTP API whose connector forbids it is told nothing", async () => {
  const connectorId = await apiConnector(traced, { trace_context: false });
  const { headers } = caller();
  await call(traced, "Query", { connectorId, query: { resource: "people" } }, headers);
  expect(told("traceparent")).toEqual([undefined]);
});

test("without a collector a caller's trace goes on to APIs as it is, and nothing is added", async () => {
  const connectorId = await apiConnector(untraced);
  const { traceId, spanId, headers } = caller();
  await call(untraced, "Query", { connectorId, query: { resource: "people" } }, headers);
  expect(told("traceparent")).toEqual([headers.traceparent]);
  await call(untraced, "Query", { connectorId, query: { resource: "people" } });
  expect(told("traceparent")).toEqual([undefined]);
  await call(untraced, "Query", { connectorId, query: { resource: "people" } }, { traceparent: `00-${traceId}-0-01` });
  expect(told("traceparent")).toEqual([undefined]);
  expect(receiver.spans.some((span) => span.parentSpanId === spanId)).toBe(false);
});

test("a trace that its caller does not want recorded is passed on and not recorded", async () => {
  const connectorId = await apiConnector(traced);
  const quiet = caller("00");
  await call(traced, "Query", { connectorId, query: { resource: "people" } }, quiet.headers);
  expect(requests[0]?.traceparent).toMatch(new RegExp(`^00-${quiet.traceId}-[0-9a-f]{16}-00$`));
  const next = caller();
  await call(traced, "Query", { connectorId, query: { resource: "people" } }, next.headers);
  await receiver.trace(next.traceId, ended);
  expect(receiver.spans.some(({ traceId }) => traceId === quiet.traceId)).toBe(false);
});

test("statements to databases end in a comment that names the attempt, where the operator wants it", async () => {
  const connectorId = await databaseConnector(traced);
  const { traceId, headers } = caller();
  const text = "SELECT query FROM public.running -- to the end";
  const { body } = await call(traced, "Query", { connectorId, query: { native: { text } } }, headers);
  const spans = await receiver.trace(traceId, ended);
  const attempt = spans.find(({ kind }) => kind === "client");
  expect(JSON.stringify(body)).toContain(`/*traceparent='00-${traceId}-${attempt?.spanId}-01'*/`);
  expect(attempt).toMatchObject({ attributes: { "db.system.name": "postgresql", "db.operation.name": "query" } });

  const quiet = await databaseConnector(untraced);
  const plain = await call(untraced, "Query", { connectorId: quiet, query: { native: { text } } }, headers);
  expect(JSON.stringify(plain.body)).toContain("to the end");
  expect(JSON.stringify(plain.body)).not.toContain("traceparent");
});

test("the intent of an action is a part of its trace, and changes work with comments", async () => {
  const connectorId = await databaseConnector(traced);
  const { traceId, spanId, headers } = caller();
  const create = { resource: "person", fields: ["id", "name"], rows: [{ values: [{ int64: "2" }, { text: canary }] }] };
  const { response, body } = await call(traced, "Execute", { connectorId, create }, headers);
  expect(response.status, JSON.stringify(body)).toBe(200);
  const spans = await receiver.trace(traceId, ended);
  const shown = tree(spans, spanId).filter((line) => !/wait for|transfer|connect$/.test(line));
  expect(shown).toEqual([
    "connector.v1.ConnectorService/Execute",
    "  call Execute",
    "    note intent",
    "    execute person",
    "      open session",
  ]);
});

test("a stream is traced with all that it gave, over gRPC as well", async () => {
  const connectorId = await databaseConnector(traced);
  const { traceId, headers } = caller();
  const authorization = `Bearer ${traced.token}`;
  const client = createClient(ConnectorService, createGrpcTransport({ baseUrl: traced.url }));
  const query = { source: { case: "native", value: { text: "SELECT generate_series(1, 10)" } } } as const;
  const reading = client.streamQuery({ connectorId, query }, { headers: { ...headers, authorization } });
  await Array.fromAsync(reading);
  const spans = await receiver.trace(traceId, ended);
  const [server] = spans.filter(({ kind }) => kind === "server");
  expect(server).toMatchObject({
    name: "connector.v1.ConnectorService/StreamQuery",
    attributes: { "rpc.system.name": "grpc", "rpc.response.status_code": "OK" },
  });
  expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining(["call StreamQuery", "stream postgresql"]));
  expect(spans.find(({ name }) => name === "call StreamQuery")).toMatchObject({ attributes: { "connector.rows": 10 } });
});

test("no value, name or statement of an organization stands in a span, nor what a caller calls a resource", async () => {
  const connectorId = await databaseConnector(traced);
  const { traceId, headers } = caller();
  const queries = [
    { native: { text: `SELECT '${canary}', name FROM person` } },
    { resource: `${canary}` },
    { resource: "person", where: { name: canary } },
    { native: { text: `SELECT ${canary.replaceAll("-", "_")}` } },
  ];
  for (const query of queries) await call(traced, "Query", { connectorId, query }, headers);
  await receiver.trace(traceId, (spans) => spans.filter(({ kind }) => kind === "server").length === queries.length);
  for (const body of receiver.bodies) {
    for (const text of [canary, canary.replaceAll("-", "_"), "acme", "tester", traced.token]) {
      expect(body.includes(text), text).toBe(false);
    }
  }
});

test("a call keeps its caller's id if it is well-formed, and gets one if not", async () => {
  const { response } = await call(traced, "ListConnectors", {}, { "x-request-id": "order-42.a" });
  expect(response.headers.get("x-request-id")).toBe("order-42.a");
  for (const id of ["", "a b", "x".repeat(65), "<script>"]) {
    const odd = await call(traced, "ListConnectors", {}, { "x-request-id": id });
    expect(odd.response.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
  }
  const rest = await fetch(`${untraced.url}/api/connectors/none`, {
    headers: { authorization: `Bearer ${untraced.token}`, "x-request-id": "order-44" },
  });
  expect(rest.headers.get("x-request-id")).toBe("order-44");
  expect(await rest.json()).not.toHaveProperty("instance");
  const refused = await call(untraced, "GetConnector", { id: "none" }, { "x-request-id": "order-43" });
  expect(refused.response.status).toBe(400);
  expect(refused.response.headers.get("x-request-id")).toBe("order-43");
});

test("spans that nobody takes are counted, and calls do not notice", async () => {
  receiver.answer(400);
  const { response } = await call(traced, "ListConnectors", {}, caller().headers);
  expect(response.status).toBe(200);
  await expect
    .poll(async () => (await fetch(traced.metricsUrl)).text(), { timeout: 20_000 })
    .toMatch(/connector_spans_total\{outcome="failed"\} [1-9]/);
  receiver.answer(200);
});
