import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Scope, scopes } from "../../src/auth/principal.ts";
import { Code, type ConnectorClient, ConnectorError } from "../../src/client/index.ts";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../src/gen/grpc/health/v1/health_pb.js";
import { ServerReflection } from "../../src/gen/grpc/reflection/v1/reflection_pb.js";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";
import { run } from "./customer.ts";

type Rpc = keyof typeof ConnectorService.method;

/** A request of each RPC that the contract's own rules let through, and what the RPC needs. */
const rpcs: Record<Rpc, { request: object; scope: Scope; about: "connector" | "organization" }> = {
  createConnector: {
    request: { provider: "postgresql", name: "made", config: {}, credential: {} },
    scope: "connector.write",
    about: "organization",
  },
  getConnector: { request: {}, scope: "connector.read", about: "connector" },
  listConnectors: { request: {}, scope: "connector.read", about: "organization" },
  updateConnector: { request: { connector: { displayName: "x" } }, scope: "connector.write", about: "connector" },
  deleteConnector: { request: { etag: "v1000" }, scope: "connector.write", about: "connector" },
  listProviders: { request: {}, scope: "connector.read", about: "organization" },
  testConnector: { request: {}, scope: "connector.read", about: "connector" },
  getSchema: { request: {}, scope: "connector.read", about: "connector" },
  query: { request: resource("place"), scope: "connector.query", about: "connector" },
  streamQuery: { request: resource("place"), scope: "connector.query", about: "connector" },
  explainQuery: { request: resource("place"), scope: "connector.query", about: "connector" },
  execute: {
    request: { action: { case: "delete", value: { resource: "place", allowAll: true } }, dryRun: true },
    scope: "connector.execute",
    about: "connector",
  },
  startAuthorization: {
    request: { returnUri: "https://app.example.com/" },
    scope: "connector.write",
    about: "connector",
  },
  getStats: { request: {}, scope: "connector.read", about: "connector" },
  listQueries: { request: {}, scope: "connector.audit.read", about: "connector" },
  listAuditLogs: { request: {}, scope: "connector.audit.read", about: "organization" },
  exportAuditLogs: { request: {}, scope: "connector.audit.read", about: "organization" },
  grantConnector: { request: { agent: "a", permissions: [1] }, scope: "connector.admin", about: "connector" },
  revokeConnector: { request: { agent: "a" }, scope: "connector.admin", about: "connector" },
  listAgentConnectors: { request: { agent: "a" }, scope: "connector.read", about: "organization" },
  createApiKey: {
    request: { principal: "p", scopes: ["connector.read"] },
    scope: "connector.admin",
    about: "organization",
  },
  listApiKeys: { request: {}, scope: "connector.admin", about: "organization" },
  revokeApiKey: {
    request: { apiKeyId: "6d9b0b8e-1f0c-4b7e-9d68-3f3f6f0c2b11" },
    scope: "connector.admin",
    about: "organization",
  },
};

function resource(name: string) {
  return { query: { source: { case: "resource", value: name } } };
}

/** Those of these requests that are wrong in themselves, so that what all tests share stays. */
const refusals: Partial<Record<Rpc, string>> = {
  ...{ createConnector: "INVALID_REQUEST", deleteConnector: "CONFLICT", revokeApiKey: "NOT_FOUND" },
  // The operator of this service has not said where browsers reach it.
  startAuthorization: "CONFIGURATION_REJECTED",
};

const names = Object.keys(rpcs) as Rpc[];
const aboutConnectors = names.filter((name) => rpcs[name].about === "connector");

let service: TestService;
let customer: FreshDatabase;
let connectorId: string;
let stranger: ConnectorClient;

beforeAll(async () => {
  [service, customer] = await Promise.all([testService(), freshDatabase()]);
  await run(customer.url, "CREATE TABLE place AS SELECT 1 AS id");
  connectorId = (await service.client.createConnector(connectorTo(customer.url))).id;
  stranger = service.clientFor(await service.tokenFor("globex", "connector.admin"));
});

afterAll(async () => {
  await service.stop();
  await customer.drop();
});

/** Calls an RPC, and reads a stream to its end. */
async function call(client: ConnectorClient["rpc"], name: Rpc, request: object = {}): Promise<unknown> {
  const method = client[name] as (request: object) => Promise<unknown> | AsyncIterable<unknown>;
  const { about, request: own } = rpcs[name];
  const answer = method({ ...own, ...(about === "connector" ? { connectorId } : {}), ...request });
  return answer instanceof Promise ? answer : Array.fromAsync(answer);
}

async function failureOf(answer: Promise<unknown>): Promise<ConnectorError> {
  return answer.then(
    () => expect.unreachable("the call was let through"),
    (error) => ConnectorError.from(error),
  );
}

async function clientWith(allowed: readonly string[], connectorIds: readonly string[] = []): Promise<ConnectorClient> {
  const token = await service.tokenFor("acme", ...allowed);
  await run(service.storeUrl, "UPDATE api_key SET connector_ids = $1 WHERE id = $2", [
    connectorIds,
    token.split(".")[1],
  ]);
  return service.clientFor(token);
}

test("these tests know every RPC of the contract", () => {
  expect(names.toSorted()).toEqual(ConnectorService.methods.map(({ localName }) => localName).toSorted());
});

describe("to a stranger", () => {
  test.each(aboutConnectors)("another organization's connector is absent: %s", async (name) => {
    for (const client of [stranger, service.clientFor(await service.tokenFor("globex", rpcs[name].scope))]) {
      const error = await failureOf(call(client.rpc, name));
      expect(error).toMatchObject({ code: Code.NotFound, reason: "NOT_FOUND" });
      // As one that never was.
      const { message } = await failureOf(call(client.rpc, name, { connectorId: crypto.randomUUID() }));
      expect(error.message).toBe(message);
    }
  });

  test("another organization's connectors are in no list, and stay as they are", async () => {
    const before = await service.client.getConnector(connectorId);
    expect(await Array.fromAsync(stranger.listConnectors())).toEqual([]);
    for (const patch of [{ name: "stolen" }, { disabled: true }]) {
      await expect(stranger.updateConnector(connectorId, patch, { etag: before.etag })).rejects.toThrow();
    }
    await expect(stranger.deleteConnector(connectorId, { etag: before.etag })).rejects.toThrow();
    expect(await service.client.getConnector(connectorId)).toEqual(before);
  });

  test("another organization's page token leads nowhere", async () => {
    const page = await service.client.rpc.getSchema({ connectorId, pageSize: 1 });
    expect(page.totalSize).toBe(1);
    await run(customer.url, "CREATE TABLE IF NOT EXISTS place2 AS SELECT 1 AS id");
    const { nextPageToken } = await service.client.rpc.getSchema({ connectorId, pageSize: 1, refresh: true });
    const theirs = (await stranger.createConnector(connectorTo(customer.url))).id;
    await expect(stranger.getSchema(theirs, { pageToken: nextPageToken })).rejects.toMatchObject({
      reason: "INVALID_PAGE_TOKEN",
    });
  });
});

describe("a scope", () => {
  test.each(names)("is needed by %s, and suffices", async (name) => {
    const { scope } = rpcs[name] as { scope: Scope };
    const without = await clientWith(scopes.filter((each) => each !== scope && each !== "connector.admin"));
    expect(await failureOf(call(without.rpc, name))).toMatchObject({
      code: Code.PermissionDenied,
      reason: "PERMISSION_DENIED",
      metadata: { scope },
      remedy: expect.stringContaining(scope),
    });

    const having = await clientWith([scope]);
    const reason = await call(having.rpc, name).then(
      () => undefined,
      (error) => ConnectorError.from(error).reason,
    );
    expect(reason).toBe(refusals[name]);
  });

  test.each(["query", "streamQuery", "explainQuery"] as const)("of its own is needed by a native %s", async (name) => {
    const native = { query: { source: { case: "native", value: { text: "SELECT 1" } } } };
    const scope = "connector.query.native";
    const client = await clientWith(["connector.query"]);
    expect(await failureOf(call(client.rpc, name, native))).toMatchObject({
      code: Code.PermissionDenied,
      metadata: { scope },
    });
    const both = await clientWith(["connector.query", scope]);
    await call(both.rpc, name, native);
    const only = await clientWith([scope]);
    expect(await failureOf(call(only.rpc, name, native))).toMatchObject({ metadata: { scope: "connector.query" } });
  });
});

describe("an API key for one connector", () => {
  let limited: ConnectorClient;
  let other: string;

  beforeAll(async () => {
    other = (await service.client.createConnector(connectorTo(customer.url, "other"))).id;
    limited = await clientWith(["connector.admin"], [connectorId]);
  });

  test("lists and uses that one", async () => {
    const listed = await Array.fromAsync(limited.listConnectors());
    expect(listed.map(({ id }) => id)).toEqual([connectorId]);
    expect((await limited.query(connectorId.toUpperCase(), { resource: "place" })).rows).toHaveLength(1);
  });

  test.each(aboutConnectors)("finds no other, as in its list: %s", async (name) => {
    expect(await failureOf(call(limited.rpc, name, { connectorId: other }))).toMatchObject({
      code: Code.NotFound,
      reason: "NOT_FOUND",
    });
  });

  test("makes no connector, which it could not use", async () => {
    await expect(limited.createConnector(connectorTo(customer.url, "third"))).rejects.toMatchObject({
      code: Code.PermissionDenied,
      metadata: { scope: "connector.write" },
    });
  });
});

describe("without a token", () => {
  let transport: Transport;
  let sessions: Http2SessionManager;

  beforeAll(() => {
    sessions = new Http2SessionManager(service.url);
    transport = createConnectTransport({ baseUrl: service.url, httpVersion: "2", sessionManager: sessions });
  });

  afterAll(() => sessions.abort());

  test.each(names)("%s is refused", async (name) => {
    const error = await failureOf(call(createClient(ConnectorService, transport), name));
    expect(error).toMatchObject({ code: Code.Unauthenticated, reason: "UNAUTHENTICATED" });
    expect(error.remedy).toContain("Authorization: Bearer");
  });

  test("health and reflection answer", async () => {
    expect(await createClient(Health, transport).check({})).toMatchObject({ status: Status.SERVING });
    const listing = { messageRequest: { case: "listServices" as const, value: "" } };
    const answers = createClient(ServerReflection, transport).serverReflectionInfo(
      (async function* () {
        yield listing;
      })(),
    );
    for await (const { messageResponse } of answers) {
      expect(messageResponse.value).toMatchObject({
        service: expect.arrayContaining([expect.objectContaining({ name: ConnectorService.typeName })]),
      });
    }
  });
});

test.each(["", "csk.x", "Bearer", `csk.${crypto.randomUUID()}.${"A".repeat(43)}`, "a.b.c"])(
  "the token %j is refused and not repeated",
  async (token) => {
    const error = await failureOf(service.clientFor(token).rpc.listProviders({}));
    expect(error).toMatchObject({ code: Code.Unauthenticated });
    if (token.includes(".")) expect(JSON.stringify([error.message, error.metadata])).not.toContain(token);
  },
);
