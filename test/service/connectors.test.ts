import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Code } from "../../src/client/index.ts";
import { type TestService, testService } from "../support/service.ts";

let service: TestService;

beforeAll(async () => {
  service = await testService();
});

afterAll(() => service.stop());

/** A connector that nobody calls: the source is not contacted when it is registered. */
function anywhere(name: string) {
  return {
    provider: "postgresql",
    name,
    config: { host: "db.example.com", database: "sales", user: "reader" },
    credential: { password: "pa55word" },
  };
}

const newName = () => `c-${randomUUID()}`;

describe("a connector that is created", () => {
  test("gets the provider's defaults, an id, an etag and its times, and is read as it was answered", async () => {
    const before = Date.now();
    const created = await service.client.createConnector({
      ...anywhere("full"),
      displayName: "Full “ünïcode”",
      labels: { team: "sales", env: "" },
      policy: { callsPerSecond: 2.5, maxConcurrency: 3, observeOnly: true, defaultTimeout: { nanos: 1_500_000 } },
    });

    expect(created).toMatchObject({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      provider: "postgresql",
      name: "full",
      displayName: "Full “ünïcode”",
      labels: { team: "sales", env: "" },
      config: { host: "db.example.com", port: 5432, database: "sales", user: "reader", tls: "verify_full" },
      policy: { callsPerSecond: 2.5, maxConcurrency: 3, observeOnly: true, defaultTimeout: { nanos: 1_500_000 } },
      credential: { present: true, version: 1 },
      disabled: false,
      etag: expect.stringMatching(/./),
    });
    expect(Number(created.createTime?.seconds) * 1_000).toBeGreaterThan(before - 1_000);
    expect(created.updateTime).toEqual(created.createTime);
    expect(created.credential?.updateTime).toBeDefined();
    expect(await service.client.getConnector(created.id)).toEqual(created);
    expect(await service.client.getConnector(created.id.toUpperCase())).toEqual(created);
  });

  test("that leaves all it may leave out has empty labels and no policy", async () => {
    const created = await service.client.createConnector(anywhere("least"));
    expect(created).toMatchObject({ displayName: "", labels: {}, disabled: false });
    expect(created.policy).toBeUndefined();
  });

  test("is refused with every wrong field of config and credential at once", async () => {
    const request = {
      ...anywhere("wrong"),
      config: { host: "/var/run/postgresql", port: 70_000, tls: "prefer", sslrootcert: "/etc/passwd" },
      credential: { password: 5, passwort: "x" },
    };
    await expect(service.client.createConnector(request)).rejects.toMatchObject({
      code: Code.InvalidArgument,
      reason: "INVALID_REQUEST",
      fields: expect.arrayContaining([
        { field: "config.host", description: expect.stringContaining("host name or an IP address") },
        { field: "config.port", description: expect.stringContaining("65535") },
        { field: "config.database", description: expect.stringContaining("required") },
        { field: "config.user", description: expect.stringContaining("required") },
        { field: "config.tls", description: expect.stringContaining("verify_full") },
        { field: "config.sslrootcert", description: expect.stringContaining("is not a field here; there are host, ") },
        { field: "credential.password", description: expect.stringContaining("string") },
        { field: "credential.passwort", description: expect.stringMatching(/^is not a field here; .* password/) },
      ]),
    });
  });

  test("is refused without a credential when its provider needs one", async () => {
    const { credential: _, ...without } = anywhere("bare");
    await expect(service.client.createConnector(without)).rejects.toMatchObject({
      code: Code.InvalidArgument,
      fields: [{ field: "credential", description: expect.stringContaining("required") }],
    });
  });

  test.each([
    ["display_name", { displayName: "a\0b" }],
    ["labels", { labels: { team: "a\0b" } }],
    ["config.ca", { config: { ...anywhere("x").config, ca: "-----BEGIN CERTIFICATE-----\0" } }],
  ])("is refused when its %s holds a NUL, which no database stores", async (field, part) => {
    await expect(service.client.createConnector({ ...anywhere("nul"), ...part })).rejects.toMatchObject({
      code: Code.InvalidArgument,
      fields: [{ field: expect.stringContaining(field), description: expect.stringContaining("NUL") }],
    });
  });

  test("is refused when its text is not Unicode, which JSON can spell", async () => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${service.token}` };
    const body = JSON.stringify({ ...anywhere("half"), labels: { team: "\ud800" } });
    const url = `${service.url}/connector.v1.ConnectorService/CreateConnector`;
    const answer = await fetch(url, { method: "POST", headers, body });
    expect([answer.status, await answer.json()]).toMatchObject([400, { code: "invalid_argument" }]);
  });

  test("is refused for a provider that is not there, with those that are", async () => {
    const request = { ...anywhere("oracle"), provider: "oracle" };
    await expect(service.client.createConnector(request)).rejects.toMatchObject({
      code: Code.InvalidArgument,
      fields: [{ field: "provider", description: expect.stringContaining('"postgresql"') }],
    });
  });

  test.each(["Upper", "1st", "with_underscore", "ends-", "", "x".repeat(64), "ümlaut"])(
    "is refused under the name %j",
    async (name) => {
      await expect(service.client.createConnector(anywhere(name))).rejects.toMatchObject({
        code: Code.InvalidArgument,
        fields: [{ field: "name" }],
      });
    },
  );

  test("keeps a key of its configuration that every object has out of its prototype", async () => {
    const config = JSON.parse('{"host":"h","database":"d","user":"u","__proto__":{"port":1},"constructor":"x"}');
    await expect(service.client.createConnector({ ...anywhere("proto"), config })).rejects.toMatchObject({
      code: Code.InvalidArgument,
      fields: expect.arrayContaining([
        { field: "config.constructor", description: expect.stringContaining("is not a field here") },
      ]),
    });
  });
});

describe("a name", () => {
  test("that is taken is refused, and free again once its connector is deleted", async () => {
    const name = newName();
    const first = await service.client.createConnector(anywhere(name));
    await expect(service.client.createConnector(anywhere(name))).rejects.toMatchObject({
      code: Code.AlreadyExists,
      reason: "ALREADY_EXISTS",
      fields: [{ field: "name", description: "is taken" }],
    });
    await service.client.deleteConnector(first.id);
    expect((await service.client.createConnector(anywhere(name))).id).not.toBe(first.id);
  });

  test("that many ask for at once is given once", async () => {
    const name = newName();
    const attempts = await Promise.allSettled(
      Array.from({ length: 10 }, () => service.client.createConnector(anywhere(name))),
    );
    expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const attempt of attempts) {
      if (attempt.status === "rejected") expect(attempt.reason).toMatchObject({ code: Code.AlreadyExists });
    }
  });

  test("of one organization is free in another", async () => {
    const name = newName();
    await service.client.createConnector(anywhere(name));
    const other = service.clientFor(await service.tokenFor("globex", "connector.admin"));
    expect((await other.createConnector(anywhere(name))).name).toBe(name);
  });
});

describe("a connector that is deleted", () => {
  test("is not there any more for any call", async () => {
    const { client } = service;
    const { id } = await client.createConnector(anywhere(newName()));
    await client.deleteConnector(id);

    const query = { resource: "t" };
    const absent = { code: Code.NotFound, reason: "NOT_FOUND" };
    await expect(client.getConnector(id)).rejects.toMatchObject(absent);
    await expect(client.updateConnector(id, { displayName: "x" })).rejects.toMatchObject(absent);
    await expect(client.deleteConnector(id)).rejects.toMatchObject(absent);
    await expect(client.testConnector(id)).rejects.toMatchObject(absent);
    await expect(client.getSchema(id)).rejects.toMatchObject(absent);
    await expect(client.query(id, query)).rejects.toMatchObject(absent);
    await expect(client.explainQuery(id, query)).rejects.toMatchObject(absent);
    await expect(client.stream(id, query)[Symbol.asyncIterator]().next()).rejects.toMatchObject(absent);
    for await (const { id: listed } of client.listConnectors()) expect(listed).not.toBe(id);
  });

  test("stays when its etag is not the current one", async () => {
    const { client } = service;
    const read = await client.createConnector(anywhere(newName()));
    const changed = await client.updateConnector(read.id, { displayName: "changed" });
    await expect(client.deleteConnector(read.id, { etag: read.etag })).rejects.toMatchObject({
      code: Code.Aborted,
      reason: "CONFLICT",
    });
    await expect(client.deleteConnector(read.id, { etag: "nonsense" })).rejects.toMatchObject({
      code: Code.InvalidArgument,
      fields: [{ field: "etag" }],
    });
    await client.deleteConnector(read.id, { etag: changed.etag });
  });
});

test("a connector can be read by a plain GET", async () => {
  const { id, name } = await service.client.createConnector(anywhere(newName()));
  const url = new URL("/connector.v1.ConnectorService/GetConnector", service.url);
  url.search = new URLSearchParams({
    connect: "v1",
    encoding: "json",
    message: JSON.stringify({ connectorId: id }),
  }).toString();
  const headers = { authorization: `Bearer ${service.token}` };

  const read = await fetch(url, { headers });
  expect(read.status).toBe(200);
  expect(await read.json()).toMatchObject({ connector: { id, name, config: { port: 5432 } } });
  expect((await fetch(url)).status).toBe(401);
  url.pathname = "/connector.v1.ConnectorService/DeleteConnector";
  expect((await fetch(url, { headers })).status).toBe(405);
});

test("the list of providers says what a connector of each needs, and what has a default is not required", async () => {
  const providers = await service.client.listProviders();
  const postgresql = providers.find(({ id }) => id === "postgresql");
  expect(postgresql).toMatchObject({
    title: "PostgreSQL",
    configSchema: {
      type: "object",
      required: ["host", "database", "user"],
      additionalProperties: false,
      properties: { port: { type: "integer", default: 5432 } },
    },
    credentialSchema: { type: "object", required: ["password"] },
  });
});
