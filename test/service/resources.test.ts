/** Callers that are limited to some resources: what they reach, and that nothing leads around it. */

import { generateKeyPairSync } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Code, type ConnectorClient, type ConnectorError, type QueryInput } from "../../src/client/index.ts";
import { allRows } from "./refusal.ts";
import { type Source, serviceWithSource } from "./source.ts";

const statements = `
  CREATE TABLE city (id int PRIMARY KEY, name text);
  INSERT INTO city VALUES (1, 'Bern');
  CREATE TABLE "City" AS SELECT 2 AS id;
  CREATE TABLE secret AS SELECT 'top' AS word;
  CREATE SCHEMA sales;
  CREATE TABLE sales.orders (id int PRIMARY KEY, city int REFERENCES city, secret int);
  CREATE TABLE sales.parts (id int, orders int REFERENCES sales.orders) PARTITION BY RANGE (id);
  CREATE TABLE public.part_one PARTITION OF sales.parts FOR VALUES FROM (0) TO (10);
  CREATE VIEW sales.secrets AS SELECT word FROM public.secret;
  CREATE SCHEMA salesforce;
  CREATE TABLE salesforce.orders AS SELECT 1 AS id`;

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const keySet = join(tmpdir(), `connector-service-${crypto.randomUUID()}.json`);

let source: Source;
let limited: ConnectorClient;

beforeAll(async () => {
  await writeFile(keySet, JSON.stringify({ keys: [publicKey.export({ format: "jwk" })] }));
  source = await serviceWithSource(statements, {
    ...{ JWT_JWKS_FILE: keySet, JWT_ISSUER: "issuer", JWT_AUDIENCE: "connectors" },
    JWT_RESOURCES_CLAIM: "https://acme.example/resources",
  });
  const { client, connectorId } = source;
  await client.updateConnector(connectorId, { policy: { maxCacheAge: { seconds: 60n } } });
  limited = await clientFor(["public.city", "sales.*"]);
});
afterAll(async () => {
  await source.stop();
  await rm(keySet);
});

/** For everything that can be combined with a limit to these resources. */
async function clientFor(resources: string[]): Promise<ConnectorClient> {
  const { token } = await source.client.rpc.createApiKey({
    ...{ principal: "limited", scopes: ["connector.admin"], resources },
  });
  return source.service.clientFor(token);
}

/** The failure of a query, which must be the same for a page, a stream and an explanation. */
async function failureOf(client: ConnectorClient, query: QueryInput): Promise<ConnectorError> {
  const { connectorId } = source;
  const [page, stream, explanation] = await Promise.all(
    [
      client.query(connectorId, query, { maxAgeMs: 60_000 }),
      allRows(client.stream(connectorId, query)),
      client.explainQuery(connectorId, query),
    ].map((call) =>
      call.then(
        () => expect.unreachable("the query was let through"),
        (error: unknown) => error as ConnectorError,
      ),
    ),
  );
  for (const other of [stream, explanation]) {
    expect(other).toMatchObject({ code: page?.code, reason: page?.reason, message: page?.message });
  }
  return page as ConnectorError;
}

describe("a caller that is limited to resources", () => {
  test.each(["public.city", "sales.orders", "sales.secrets"])("queries, streams and explains %s", async (resource) => {
    const { connectorId } = source;
    await limited.query(connectorId, { resource });
    await allRows(limited.stream(connectorId, { resource }));
    const explained = await limited.explainQuery(connectorId, { resource });
    // The plan of a view names what it reads.
    expect(explained.plan).toBeUndefined();
  });

  test.each([
    ["another table", "public.secret"],
    ["a namespace that begins alike", "salesforce.orders"],
    ["the same name by the search path", "city"],
    ["the same name in quotes", '"public"."city"'],
    ["another case of the name", "public.City"],
    ["another case of the namespace", "SALES.orders"],
    ["a space more", "public.city "],
    ["the pattern itself, as it stands", "public.*"],
    ["a system's table", "pg_catalog.pg_authid"],
  ])("is refused %s, which is named", async (_, resource) => {
    expect(await failureOf(limited, { resource })).toMatchObject({
      code: Code.PermissionDenied,
      reason: "PERMISSION_DENIED",
      message: expect.stringContaining(`\`${resource}\``),
      metadata: { resource },
    });
  });

  test("whose limit names no namespace is refused what a database's search path would make of it", async () => {
    const vague = await clientFor(["city", '"a.b"']);
    for (const resource of ["city", '"a.b"']) {
      expect(await failureOf(vague, { resource })).toMatchObject({
        code: Code.PermissionDenied,
        metadata: { resource },
      });
    }
  });

  test("can send no statement, admin or not", async () => {
    expect(await failureOf(limited, { native: "SELECT word FROM public.secret" })).toMatchObject({
      code: Code.PermissionDenied,
      metadata: { scope: "connector.query.native" },
    });
  });

  test("sees in the schema what it may reach, and no other's name", async () => {
    const { resources, totalSize } = await limited.getSchema(source.connectorId, { refresh: true });
    const names = resources.map(({ name }) => name);
    expect(names).toEqual(["public.city", "sales.orders", "sales.parts", "sales.secrets"]);
    expect(totalSize).toBe(4);
    const keys = resources.flatMap(({ foreignKeys }) => foreignKeys.map(({ references }) => references));
    expect(new Set(keys)).toEqual(new Set(["public.city", "sales.orders"]));
    const { resources: parts } = await (await clientFor(["public.part_one"])).getSchema(source.connectorId);
    expect(parts).toMatchObject([{ name: "public.part_one", partitionOf: "", foreignKeys: [] }]);
  });

  test("reads the schema page by page", async () => {
    const names: string[] = [];
    for (let pageToken = ""; ; ) {
      const page = await limited.getSchema(source.connectorId, { pageSize: 1, pageToken });
      names.push(...page.resources.map(({ name }) => name));
      pageToken = page.nextPageToken;
      if (pageToken === "") break;
    }
    expect(names).toHaveLength(4);
  });

  test("is told of no near name", async () => {
    const open = await source.client.query(source.connectorId, { resource: "sales.secret" }).catch((error) => error);
    expect(open.message).toContain("public.secret");
    const failure = await failureOf(limited, { resource: "sales.secret" });
    expect(failure).toMatchObject({ code: Code.InvalidArgument, reason: "UNKNOWN_RESOURCE" });
    expect(`${failure.message} ${failure.fields.map(({ description }) => description)}`).not.toMatch(/public|secrets/);
  });

  test("gets no answer that is kept for others", async () => {
    const query = { resource: "public.secret" };
    const kept = async (client: ConnectorClient) =>
      client.rpc.query({
        ...{ connectorId: source.connectorId, maxAge: { seconds: 60n } },
        query: { source: { case: "resource", value: query.resource } },
      });
    await kept(source.client);
    expect((await kept(source.client)).cached).toBe(true);
    await expect(kept(limited)).rejects.toMatchObject({ code: Code.PermissionDenied });
  });

  test("goes on with no page token of another's", async () => {
    const query = { source: { case: "resource" as const, value: "pg_catalog.pg_class" } };
    const { connectorId } = source;
    const { nextPageToken } = await source.client.rpc.query({ connectorId, query, pageSize: 1 });
    expect(nextPageToken).not.toBe("");
    await expect(limited.rpc.query({ connectorId, query, pageToken: nextPageToken })).rejects.toMatchObject({
      code: Code.PermissionDenied,
    });
  });

  test("is not shown the connector's configuration, which may name other resources", async () => {
    const { connectorId, client } = source;
    expect((await client.getConnector(connectorId)).config).toMatchObject({ host: expect.any(String) });
    const [listed] = await Array.fromAsync(limited.listConnectors());
    expect([listed?.config, (await limited.getConnector(connectorId)).config]).toEqual([undefined, undefined]);
  });

  test("can't turn the connector to where its names mean something else", async () => {
    await expect(limited.updateConnector(source.connectorId, { config: { database: "other" } })).rejects.toMatchObject({
      code: Code.PermissionDenied,
    });
  });
});

describe("a token of an issuer", () => {
  async function clientOf(claims: object): Promise<ConnectorClient> {
    const jwt = new SignJWT({ sub: "bob", organization_id: "acme", scope: "connector.query", ...claims });
    const token = await jwt
      .setProtectedHeader({ alg: "EdDSA" })
      .setIssuer("issuer")
      .setAudience("connectors")
      .setExpirationTime("1h")
      .sign(privateKey);
    return source.service.clientFor(token);
  }

  test("limits its bearer by the claims that the operator names", async () => {
    const { connectorId } = source;
    const one = await clientOf({ connectors: [connectorId], "https://acme.example/resources": ["public.city"] });
    expect((await one.query(connectorId, { resource: "public.city" })).rows).toHaveLength(1);
    await expect(one.query(connectorId, { resource: "public.secret" })).rejects.toMatchObject({
      code: Code.PermissionDenied,
    });
    const none = await clientOf({ connectors: [] });
    await expect(none.query(connectorId, { resource: "public.city" })).rejects.toMatchObject({ code: Code.NotFound });
  });
});
