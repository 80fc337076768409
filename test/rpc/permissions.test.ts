/** Every RPC by every scope and every limit, over the wire: exactly the right ones pass. */
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Scope } from "../../src/auth/principal.ts";
import { principalOf, scopes } from "../../src/auth/principal.ts";
import { type ConnectorClient, ConnectorError } from "../../src/client/index.ts";
import { ConnectorService } from "../../src/gen/connector/v1/service_pb.js";
import { authorizeCall, permissions, type Rpc } from "../../src/rpc/permissions.ts";
import { type TestService, testService } from "../support/service.ts";

const rpcs = ConnectorService.methods.map(({ localName }) => localName as Rpc);

/** What was decided, a second time. */
const needed: Record<Scope, readonly Rpc[]> = {
  "connector.read": [
    ...(["getConnector", "listConnectors", "listProviders", "testConnector", "getSchema", "getStats"] as const),
    "listAgentConnectors",
  ],
  "connector.write": ["createConnector", "updateConnector", "deleteConnector", "startAuthorization"],
  "connector.query": ["query", "streamQuery", "explainQuery"],
  "connector.query.native": [],
  "connector.execute": ["execute"],
  "connector.audit.read": ["listQueries", "listAuditLogs", "exportAuditLogs"],
  "connector.admin": ["grantConnector", "revokeConnector", "createApiKey", "listApiKeys", "revokeApiKey"],
};

/** What a caller of every scope may still do when it is limited to some connectors, or to some resources. */
const withinConnectors: readonly Rpc[] = [
  ...(["getConnector", "listConnectors", "listProviders", "testConnector", "getSchema", "getStats"] as const),
  ...(["query", "streamQuery", "explainQuery", "createApiKey"] as const),
  ...(["updateConnector", "deleteConnector", "execute", "startAuthorization", "listQueries"] as const),
  ...(["grantConnector", "revokeConnector"] as const),
];
const withinResources: readonly Rpc[] = withinConnectors.slice(0, 10);

let service: TestService;

beforeAll(async () => {
  service = await testService();
});
afterAll(() => service.stop());

test("every RPC has an entry, and every entry an RPC", () => {
  expect(Object.keys(permissions).toSorted()).toEqual(rpcs.toSorted());
});

test("an RPC without an entry is nobody's", () => {
  const everything = { authentication: "jwt", scopes, connectorIds: undefined, resources: undefined } as const;
  const principal = principalOf({ organizationId: "acme", id: "root", ...everything });
  for (const rpc of ["", "dropEverything", "constructor", "__proto__", "toString"]) {
    expect(() => authorizeCall(principal, rpc)).toThrow(expect.objectContaining({ kind: "internal" }));
  }
});

/** The RPCs whose empty request is not refused for what the caller may not; most of them are then refused for being empty. */
async function passed({ rpc }: ConnectorClient): Promise<Rpc[]> {
  const outcomes = await Promise.all(
    rpcs.map(async (name) => {
      const call = rpc[name] as (request: object) => Promise<unknown> | AsyncIterable<unknown>;
      try {
        const answer = call({});
        await (answer instanceof Promise ? answer : Array.fromAsync(answer));
      } catch (error) {
        const { code, reason } = ConnectorError.from(error);
        expect([Code.PermissionDenied, Code.InvalidArgument, Code.Unimplemented]).toContain(code);
        expect(reason === "PERMISSION_DENIED").toBe(code === Code.PermissionDenied);
        if (code === Code.PermissionDenied) return [];
      }
      return [name];
    }),
  );
  return outcomes.flat();
}

describe("over the wire", () => {
  test.each(scopes)("%s lets exactly its RPCs pass", async (scope) => {
    const client = service.clientFor(await service.tokenFor("acme", scope));
    const right = scope === "connector.admin" ? rpcs : needed[scope];
    expect((await passed(client)).toSorted()).toEqual(right.toSorted());
  });

  test("no scope lets nothing pass", async () => {
    // The store keeps no key without one.
    expect(await passed(service.clientFor(await service.tokenFor("acme", "connector.unheard-of")))).toEqual([]);
  });

  test.each([
    ["connectors", { connectorIds: [crypto.randomUUID()] }, withinConnectors],
    ["resources", { resources: ["public.city"] }, withinResources],
  ])("who is limited to some %s passes where the limit can be kept to", async (_, limit, right) => {
    const { token } = await service.client.rpc.createApiKey({
      ...{ principal: "limited", scopes: ["connector.admin"] },
      ...limit,
    });
    expect((await passed(service.clientFor(token))).toSorted()).toEqual(right.toSorted());
  });
});
