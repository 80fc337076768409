import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { Code, type ConnectorClient } from "../../src/client/index.ts";
import { anew, patience } from "../support/patience.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { connectorTo, type TestService, testService } from "../support/service.ts";
import { connectionsOf, type Login, newLogin, run } from "./customer.ts";

let service: TestService;
let client: ConnectorClient;
let first: FreshDatabase;
let second: FreshDatabase;
/** A new user of both databases for each test, and a connector to the first. */
let login: Login;
let id: string;
const logins: Login[] = [];

const where = { resource: "place" };

beforeAll(async () => {
  [service, first, second] = await Promise.all([testService(), freshDatabase(), freshDatabase()]);
  client = service.client;
  for (const [database, name] of [
    [first, "first"],
    [second, "second"],
  ] as const) {
    await run(database.url, `CREATE TABLE place AS SELECT '${name}' AS name; GRANT SELECT ON place TO PUBLIC`);
  }
});

afterAll(async () => {
  await service.stop();
  await Promise.all([first.drop(), second.drop()]);
  for (const each of logins) await each.drop();
});

beforeEach(async () => {
  login = await newLogin(first.url, "old pa55word");
  logins.push(login);
  id = (await client.createConnector(connectorTo(login.url, `c-${randomUUID()}`))).id;
});

async function names(): Promise<unknown[]> {
  return (await client.query<{ name: string }>(id, where)).rows.map(({ name }) => name);
}

describe("after an update", () => {
  test("of the database and the credential the next call reads the new one, and the test of the connector agrees", async () => {
    expect(await names()).toEqual(["first"]);
    const config = { ...connectorTo(second.url).config, user: login.user };
    await client.updateConnector(id, { config, credential: { password: "old pa55word" } });

    expect(await names()).toEqual(["second"]);
    expect(await client.testConnector(id)).toMatchObject({ ok: true, user: login.user });
    expect(await client.getSchema(id)).toMatchObject({ resources: [{ name: "public.place" }] });
  });

  test("of the credential a password that has been changed at the source works at once", async () => {
    expect(await names()).toEqual(["first"]);
    await run(first.url, `ALTER ROLE ${login.user} PASSWORD 'new pa55word'`);
    expect(await client.testConnector(id)).toMatchObject({
      ok: false,
      checks: expect.arrayContaining([expect.objectContaining({ reason: "CREDENTIAL_REJECTED" })]),
    });

    await client.updateConnector(id, { credential: { password: "new pa55word" } });
    expect(await names()).toEqual(["first"]);
    expect(await client.testConnector(id)).toMatchObject({ ok: true });
  });

  test("of the credential to a wrong one the old one is used no more", async () => {
    expect(await names()).toEqual(["first"]);
    await client.updateConnector(id, { credential: { password: "wrong" } });
    await expect(names()).rejects.toMatchObject({ code: Code.FailedPrecondition, reason: "CREDENTIAL_REJECTED" });
  });

  test("the connections of before are closed, once their calls have ended", async () => {
    await Promise.all([names(), names(), names()]);
    expect(await connectionsOf(first.url, login.user)).toBeGreaterThan(0);
    const config = { ...connectorTo(second.url).config, user: login.user };
    await client.updateConnector(id, { config, credential: { password: "old pa55word" } });
    expect(await names()).toEqual(["second"]);
    await vi.waitFor(async () => expect(await connectionsOf(first.url, login.user)).toBe(0), patience);
  });

  test("a stream that runs goes on with what it began with", async () => {
    await run(first.url, "CREATE TABLE many AS SELECT generate_series(1, 300000) AS i; GRANT SELECT ON many TO PUBLIC");
    const stream = client.stream<{ i: number }>(id, { resource: "many" });
    let rows = 0;
    for await (const _ of stream) {
      if (rows++ > 0) continue;
      const config = { ...connectorTo(second.url).config, user: login.user };
      await client.updateConnector(id, { config, credential: { password: "old pa55word" } });
      expect(await names()).toEqual(["second"]);
    }
    expect(rows).toBe(300_000);
  });
});

describe("a disabled connector", () => {
  const disabled = { code: Code.FailedPrecondition, reason: "CONNECTOR_DISABLED", where: "connector" };

  test("refuses every call through it, can still be read and changed, and serves again when it is enabled", async () => {
    expect(await names()).toEqual(["first"]);
    await client.getSchema(id);
    await client.updateConnector(id, { disabled: true });

    await expect(client.query(id, where)).rejects.toMatchObject(disabled);
    await expect(client.stream(id, where)[Symbol.asyncIterator]().next()).rejects.toMatchObject(disabled);
    await expect(client.explainQuery(id, where)).rejects.toMatchObject(disabled);
    await expect(client.getSchema(id)).rejects.toMatchObject(disabled);
    await expect(client.testConnector(id)).rejects.toMatchObject(disabled);
    expect(await client.getConnector(id)).toMatchObject({ disabled: true });

    await client.updateConnector(id, { disabled: false });
    expect(await names()).toEqual(["first"]);
  });
});

test("a connector's own time limit ends a call that gives none", async () => {
  const native = { native: "SELECT pg_sleep(20)" };
  await client.updateConnector(id, { policy: { defaultTimeout: { nanos: 200_000_000 } } });
  await expect(client.query(id, native)).rejects.toMatchObject({ code: Code.DeadlineExceeded });
  await client.updateConnector(id, {}, { updateMask: ["policy"] });
  expect((await client.query(id, { native: "SELECT 1 AS one" })).rows).toHaveLength(1);
});

test("a caller's deadline ends its call as exceeded, not as cancelled, with where the time went", anew, async () => {
  const url = `${service.url}/connector.v1.ConnectorService/Query`;
  const headers = {
    "content-type": "application/json",
    "connect-timeout-ms": "200",
    authorization: `Bearer ${service.token}`,
  };
  const body = JSON.stringify({ connectorId: id, query: { native: { text: "SELECT pg_sleep(20)" } } });
  for (let i = 0; i < 5; i++) {
    // Not by a client that keeps the deadline too, and would give up first.
    const answer = await fetch(url, { method: "POST", headers, body });
    expect(await answer.json()).toMatchObject({
      code: "deadline_exceeded",
      details: [{ debug: { reason: "DEADLINE_EXCEEDED", metadata: { where: "upstream" } } }],
    });
  }
});

test.for(["delete", "update"] as const)("no connection at the source outlives the connector's %s", async (change) => {
  expect(await names()).toEqual(["first"]);
  expect(await connectionsOf(first.url, login.user)).toBe(1);

  if (change === "delete") await client.deleteConnector(id);
  else await client.updateConnector(id, { disabled: true });
  // Well before an unused connection is closed for being idle.
  await vi.waitFor(async () => expect(await connectionsOf(first.url, login.user)).toBe(0), patience);
});
