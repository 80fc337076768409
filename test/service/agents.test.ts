/** Agents: what they may do on their grants, and what is told of it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type ActionInput,
  and,
  Code,
  type ConnectorClient,
  ConnectorError,
  createConnectorClient,
  field,
  or,
  type QueryInput,
} from "../../src/client/index.ts";
import { AuditOutcome } from "../../src/gen/connector/v1/audit_pb.js";
import { BudgetUnit, Permission } from "../../src/gen/connector/v1/grant_pb.js";
import { connectorTo } from "../support/service.ts";
import { run } from "./customer.ts";
import { allRows } from "./refusal.ts";
import { type Source, serviceWithSource, until } from "./source.ts";

/** Hidden names are such that they are found wherever they are told. */
const statements = `
  CREATE TABLE team (id int PRIMARY KEY, hid_motto text);
  CREATE TABLE person (
    id int PRIMARY KEY, tenant text NOT NULL, name text, age int, hid_salary int DEFAULT 1,
    hid_code text UNIQUE, team int REFERENCES team, CONSTRAINT hid_rule CHECK (age < 200));
  CREATE INDEX hid_index ON person (hid_salary);
  CREATE TABLE other (id int PRIMARY KEY)`;
const rows = `
  TRUNCATE person, team, other;
  INSERT INTO team VALUES (1, 'hid');
  INSERT INTO person SELECT i, CASE WHEN i % 2 = 0 THEN 'acme' ELSE 'globex' END, 'name ' || i, 20 + i, 1000 + i, 'c' || i, 1
  FROM generate_series(1, 10) AS i`;

const person = "public.person";
const shown = ["id", "tenant", "name", "age", "team"];
const ofAcme = { resource: person, fields: shown, rowFilter: field("tenant").eq("acme") };
const everything = [Permission.QUERY, Permission.EXECUTE];
const actions = ["create", "update", "delete", "upsert"];
const minute = { seconds: 60n };
/** So long that no test sees its end. */
const year = { seconds: 31_536_000n };

let source: Source;
let agent: string;
let mira: ConnectorClient;
let agents = 0;
const clients: ConnectorClient[] = [];

beforeAll(async () => {
  source = await serviceWithSource(statements);
  await source.run(rows);
});
afterAll(async () => {
  for (const client of clients) client.close();
  await source.stop();
});
beforeEach(() => {
  agent = `mira/${++agents}`;
  mira = clientAs(agent);
});

function clientAs(name: string, token = source.service.token): ConnectorClient {
  const client = createConnectorClient({ url: source.service.url, token, agent: name });
  clients.push(client);
  return client;
}

type Grant = Omit<Parameters<ConnectorClient["rpc"]["grantConnector"]>[0], "$typeName" | "agent" | "connectorId">;

async function granted(grant: Grant = { permissions: everything, actions, resources: [ofAcme] }): Promise<void> {
  await source.client.rpc.grantConnector({ agent, connectorId: source.connectorId, ...grant });
}

function failureOf(call: Promise<unknown>): Promise<ConnectorError> {
  return call.then(() => expect.unreachable("the call was let through"), ConnectorError.from);
}

const query = (asked: QueryInput, client = mira) => client.query(source.connectorId, asked);
const execute = (action: ActionInput, options = {}) => mira.execute(source.connectorId, action, options);
const denied = (part: string) => ({
  ...{ code: Code.PermissionDenied, reason: "PERMISSION_DENIED" },
  metadata: expect.objectContaining({ grant: part }),
});

describe("a call as an agent", () => {
  test("needs a grant on the connector, whatever its principal may do", async () => {
    const { connectorId } = source;
    for (const call of [
      () => query({ resource: person }),
      () => allRows(mira.stream(connectorId, { resource: person })),
      () => mira.explainQuery(connectorId, { resource: person }),
      () => mira.getSchema(connectorId),
      () => mira.testConnector(connectorId),
      () => mira.getConnector(connectorId),
      () => execute({ delete: person, allowAll: true }),
    ]) {
      expect(await failureOf(call())).toMatchObject(denied("absent"));
    }
    expect(await Array.fromAsync(mira.listConnectors())).toEqual([]);
    await granted();
    expect((await query({ resource: person })).rows).toHaveLength(5);
    expect((await Array.fromAsync(mira.listConnectors())).map(({ id }) => id)).toEqual([connectorId]);
    expect((await mira.getConnector(connectorId)).id).toBe(connectorId);
    expect((await mira.testConnector(connectorId)).ok).toBe(true);
  });

  test("needs the principal's scope as well as the grant", async () => {
    await granted();
    const reader = clientAs(agent, await source.service.tokenFor("acme", "connector.read"));
    expect(await failureOf(query({ resource: person }, reader))).toMatchObject({
      code: Code.PermissionDenied,
      metadata: { scope: "connector.query" },
    });
  });

  test("manages nothing", async () => {
    const { connectorId } = source;
    await granted();
    const { rpc } = mira;
    for (const call of [
      () => mira.updateConnector(connectorId, { disabled: true }),
      () => mira.listProviders(),
      () => rpc.grantConnector({ agent, connectorId, permissions: [Permission.NATIVE_QUERY] }),
      () => rpc.createApiKey({ principal: "p", scopes: ["connector.read"] }),
      () => rpc.listAuditLogs({}),
      () => rpc.listQueries({ connectorId }),
      () => rpc.getStats({ connectorId }),
    ]) {
      expect(await failureOf(call())).toMatchObject({ code: Code.PermissionDenied });
    }
  });

  test("lists the agent's own grants, as they were given, and no other's", async () => {
    const budgets = [{ unit: BudgetUnit.CALLS, amount: 7n, window: minute }];
    const rowFilter = and(or(field("tenant").eq("acme"), field("age").gt(30n)), field("name").isNull());
    await granted({ permissions: everything, actions, resources: [{ ...ofAcme, rowFilter }], budgets });
    const { grants } = await mira.rpc.listAgentConnectors({ agent });
    expect(grants).toMatchObject([{ agent, connectorId: source.connectorId, actions, budgets }]);
    expect(grants[0]?.resources[0]?.rowFilter).toEqual(rowFilter);
    expect(await failureOf(mira.rpc.listAgentConnectors({ agent: "another" }))).toMatchObject({
      code: Code.PermissionDenied,
    });
    expect((await source.client.rpc.listAgentConnectors({ agent })).grants).toHaveLength(1);
  });

  test("is that of an API key's agent, who can name no other", async () => {
    await granted();
    const { token, apiKey } = await source.client.rpc.createApiKey({
      ...{ principal: "bound", scopes: ["connector.query"], agent },
    });
    expect(apiKey?.agent).toBe(agent);
    const bound = source.service.clientFor(token);
    expect((await query({ resource: person }, bound)).rows).toHaveLength(5);
    expect(await failureOf(query({ resource: person }, clientAs("another", token)))).toMatchObject({
      code: Code.PermissionDenied,
      metadata: { agent },
    });
  });

  test.each(["", "two words", "a".repeat(256)])("is refused for what is no agent's name: %j", async (name) => {
    expect(await failureOf(query({ resource: person }, clientAs(name)))).toMatchObject({ code: Code.InvalidArgument });
  });

  test("ends when its grant is taken back or replaced", async () => {
    const { client, connectorId } = source;
    const sleeping =
      "SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE '%pg_sleep(59)%' AND pid <> pg_backend_pid()";
    const native = { permissions: [Permission.NATIVE_QUERY] };
    for (const change of [
      () => client.rpc.revokeConnector({ agent, connectorId }),
      () => granted({ ...native, budgets: [{ unit: BudgetUnit.CALLS, amount: 100n, window: year }] }),
    ]) {
      await granted(native);
      const asleep = failureOf(query({ native: "SELECT pg_sleep(59)" }));
      await until(source, sleeping, "1");
      // What stays as it was ends nothing.
      await granted(native);
      await until(source, sleeping, "1");
      await change();
      expect(await asleep).toMatchObject({ code: Code.PermissionDenied, reason: "PERMISSION_DENIED" });
      await until(source, sleeping, "0");
    }
  });

  test("finds no grant that has expired", async () => {
    await granted();
    await run(source.service.storeUrl, "UPDATE connector_grant SET expire_time = now() - interval '1 s'");
    await expect
      .poll(() => query({ resource: person }).catch((error) => error), { timeout: 10_000 })
      .toMatchObject(denied("expired"));
    expect(await Array.fromAsync(mira.listConnectors())).toEqual([]);
  });
});

describe("a query as an agent", () => {
  test("gets the granted fields and the rows of the row filter, as a page and as a stream", async () => {
    await granted();
    const { fields, rows } = await query({ resource: person, orderBy: ["id"] });
    expect(fields.map(({ name }) => name)).toEqual(shown);
    expect(rows.map(({ id }) => id)).toEqual([2, 4, 6, 8, 10]);
    const streamed = await allRows(mira.stream(source.connectorId, { resource: person, fields: ["id"] }));
    expect(streamed).toHaveLength(5);
    const either = or(field("tenant").eq("globex"), field("id").eq(4));
    expect((await query({ resource: person, filter: either })).rows).toMatchObject([{ id: 4 }]);
  });

  test.each<[string, QueryInput, string]>([
    ["selects a field that is not granted", { resource: person, fields: ["id", "hid_salary"] }, "field"],
    ["filters by one", { resource: person, filter: field("hid_salary").gt(0) }, "field"],
    ["filters by one in the short form", { resource: person, where: { hid_salary: 1 } }, "field"],
    [
      "filters by one below a tree",
      { resource: person, filter: or(field("id").eq(1), and(field("hid_salary").isNull())) },
      "field",
    ],
    ["orders by one", { resource: person, orderBy: ["hid_salary"] }, "field"],
    ["names a field that the source does not have", { resource: person, fields: ["hid_missing"] }, "field"],
    ["names another resource", { resource: "public.other" }, "resource"],
    ["names one that the source does not have", { resource: "public.missing" }, "resource"],
    ["names the resource in another way", { resource: "person" }, "resource"],
    ["sends a statement", { native: "SELECT 1" }, "permission"],
  ])("is refused when it %s, before the source is asked", async (_, asked, part) => {
    await granted();
    const { connectorId } = source;
    for (const call of [
      () => query(asked),
      () => allRows(mira.stream(connectorId, asked)),
      () => mira.explainQuery(connectorId, asked),
    ]) {
      expect(await failureOf(call())).toMatchObject(denied(part));
    }
  });

  test("sends statements on a grant that says so, and a grant that is limited can't", async () => {
    await granted({ permissions: [Permission.NATIVE_QUERY] });
    expect((await query({ native: "SELECT 1 AS one" })).rows[0]).toMatchObject({ one: 1 });
    expect(await failureOf(query({ resource: person }))).toMatchObject(denied("permission"));
    expect(await failureOf(granted({ permissions: [Permission.NATIVE_QUERY], resources: [ofAcme] }))).toMatchObject({
      code: Code.InvalidArgument,
    });
  });

  test("is explained without a plan, and without the keys that are not granted", async () => {
    await granted({ permissions: everything, actions, resources: [{ resource: person, fields: ["name"] }] });
    const explained = await mira.explainQuery(source.connectorId, { resource: person });
    expect(explained).toMatchObject({ statement: "", parameters: [], pushedDown: expect.arrayContaining(["fields"]) });
    expect([explained.plan, explained.estimatedRows, explained.estimatedCost]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("sees of the schema what is granted", async () => {
    await granted({
      permissions: everything,
      actions,
      resources: [ofAcme, { resource: "public.team", fields: ["id"] }],
    });
    const { resources, totalSize } = await mira.getSchema(source.connectorId, { refresh: true });
    expect(totalSize).toBe(2);
    expect(JSON.stringify(resources, (_, value) => (typeof value === "bigint" ? `${value}` : value))).not.toMatch(
      /hid_|other/,
    );
    expect(resources[0]).toMatchObject({ name: person, primaryKey: ["id"], uniqueKeys: [] });
    expect(resources[0]?.estimatedRows).toBeUndefined();
    expect(resources[0]?.foreignKeys).toMatchObject([{ references: "public.team", referencedFields: ["id"] }]);
    expect(resources[0]?.indexes.map(({ keys }) => keys)).toEqual([["id"]]);
    await granted({ permissions: [Permission.EXECUTE], actions });
    expect(await failureOf(mira.getSchema(source.connectorId))).toMatchObject(denied("permission"));
  });

  test("goes on with its own page tokens only", async () => {
    await granted();
    const asked = { connectorId: source.connectorId, query: { source: { case: "resource" as const, value: person } } };
    const { nextPageToken: pageToken } = await mira.rpc.query({ ...asked, pageSize: 2 });
    expect((await mira.rpc.query({ ...asked, pageSize: 2, pageToken })).rows).toHaveLength(2);
    expect(await failureOf(source.client.rpc.query({ ...asked, pageToken }))).toMatchObject({
      code: Code.InvalidArgument,
    });
    const whole = await source.client.rpc.query({ ...asked, pageSize: 2 });
    expect(await failureOf(mira.rpc.query({ ...asked, pageToken: whole.nextPageToken }))).toMatchObject({
      code: Code.InvalidArgument,
    });
  });

  test.each([
    ["row filter", { ...ofAcme, rowFilter: field("hid_missing").eq(1) }, "grant.resources[0].row_filter"],
    ["row filter's type", { ...ofAcme, rowFilter: field("age").eq("x") }, "grant.resources[0].row_filter"],
    ["fields", { ...ofAcme, fields: ["id", "hid_missing"] }, "grant.resources[0].fields"],
    ["resource", { resource: "public.gone" }, "grant.resources[0].resource"],
  ])(
    "that fails for what the grant's %s names is told so, and not that its request is wrong",
    async (_, resource, path) => {
      await granted({ permissions: everything, actions, resources: [resource] });
      const failure = await failureOf(query({ resource: resource.resource }));
      expect(failure).toMatchObject({
        code: Code.FailedPrecondition,
        reason: "CONFIGURATION_REJECTED",
        fields: [{ field: path }],
      });
      expect(failure.message).not.toMatch(/hid_/);
    },
  );
});

describe("an action as an agent", () => {
  beforeEach(() => source.run(rows));

  const state = async () =>
    (await source.run("SELECT id, tenant, name FROM person ORDER BY id")).map((row) => row.join(" "));

  test("changes and removes rows of the row filter only", async () => {
    await granted();
    expect((await execute({ update: person, values: { name: "new" }, allowAll: true })).affectedRows).toBe(5n);
    expect((await state()).filter((row) => row.endsWith("new"))).toHaveLength(5);
    expect((await execute({ update: person, where: { id: 1 }, values: { name: "x" } })).affectedRows).toBe(0n);
    expect((await execute({ delete: person, where: { id: [1, 2] } })).affectedRows).toBe(1n);
    expect((await execute({ delete: person, allowAll: true })).affectedRows).toBe(4n);
    expect(await state()).toHaveLength(5);
  });

  test("creates rows within the row filter", async () => {
    await granted();
    await execute({ create: person, rows: [{ id: 11, tenant: "acme", name: "a" }] }, { returning: ["id", "name"] });
    expect(await state()).toContain("11 acme a");
  });

  test.each<[string, ActionInput, object, string]>([
    [
      "creates a row outside of the row filter",
      {
        create: person,
        rows: [
          { id: 11, tenant: "acme" },
          { id: 12, tenant: "globex" },
        ],
      },
      {},
      "row_filter",
    ],
    ["creates one that may be outside", { create: person, rows: [{ id: 11 }] }, {}, "row_filter"],
    [
      "moves a row out of the row filter",
      { update: person, values: { tenant: "acme" }, allowAll: true },
      {},
      "row_filter",
    ],
    ["upserts where there is a row filter", { upsert: person, rows: [{ id: 1, tenant: "acme" }] }, {}, "row_filter"],
    ["sets a field that is not granted", { update: person, values: { hid_salary: 1 }, allowAll: true }, {}, "field"],
    ["creates one", { create: person, rows: [{ id: 11, tenant: "acme", hid_code: "x" }] }, {}, "field"],
    ["changes by one", { update: person, where: { hid_salary: 1001 }, values: { name: "x" } }, {}, "field"],
    ["removes by one", { delete: person, filter: field("hid_salary").gt(0) }, {}, "field"],
    ["asks for one back", { delete: person, where: { id: 2 } }, { returning: ["hid_salary"] }, "field"],
    ["touches another resource", { delete: "public.other", allowAll: true }, {}, "resource"],
  ])("is refused when it %s, and changes nothing", async (_, action, options, part) => {
    await granted();
    const before = await state();
    expect(await failureOf(execute(action, options))).toMatchObject(denied(part));
    expect(await failureOf(execute(action, { ...options, dryRun: true }))).toMatchObject(denied(part));
    expect(await state()).toEqual(before);
  });

  test("needs the permission, and the action among those that are granted", async () => {
    await granted({ permissions: everything, actions: ["create"], resources: [ofAcme] });
    expect(await failureOf(execute({ delete: person, allowAll: true }))).toMatchObject(denied("action"));
    await granted({ permissions: [Permission.QUERY], resources: [ofAcme] });
    expect(await failureOf(execute({ delete: person, allowAll: true }))).toMatchObject(denied("permission"));
  });

  test("is told of a broken rule without its name", async () => {
    await granted({ permissions: everything, actions, resources: [{ resource: person, fields: shown }] });
    const broken = await failureOf(execute({ create: person, rows: [{ id: 11, tenant: "acme", age: 300 }] }));
    expect(broken).toMatchObject({ reason: "CONSTRAINT_VIOLATED" });
    const keyless = await failureOf(
      execute({ upsert: person, key: ["name"], rows: [{ id: 11, tenant: "t", name: "n" }] }),
    );
    expect(keyless).toMatchObject({ reason: "INVALID_REQUEST" });
    expect(JSON.stringify([broken, keyless])).not.toMatch(/hid_/);
  });

  test("gets no answer that was kept for the same key and a wider grant", async () => {
    const action: ActionInput = { update: person, values: { name: "once" }, allowAll: true };
    const options = { idempotencyKey: crypto.randomUUID(), returning: ["id"] };
    await source.client.execute(source.connectorId, action, options);
    await granted();
    expect(await failureOf(execute(action, options))).toMatchObject({ code: Code.InvalidArgument });
  });
});

describe("budgets", () => {
  beforeEach(() => source.run(rows));

  const limited = (unit: BudgetUnit, amount: bigint): Grant => ({
    ...{ permissions: everything, actions, resources: [{ resource: person }] },
    budgets: [{ unit, amount, window: year }],
  });
  const exhausted = {
    ...{ code: Code.ResourceExhausted, reason: "BUDGET_EXHAUSTED" },
    retryAfterMs: expect.any(Number),
  };

  test("of calls let that many pass, of many at once, too", async () => {
    await granted(limited(BudgetUnit.CALLS, 5n));
    const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => query({ resource: person })));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
    const failure = await failureOf(query({ resource: person }));
    expect(failure).toMatchObject(exhausted);
    expect(failure.retryAfterMs).toBeLessThanOrEqual(31_536_000_000);
    // A grant that is replaced is no new budget.
    await granted(limited(BudgetUnit.CALLS, 6n));
    await query({ resource: person });
    expect(await failureOf(query({ resource: person }))).toMatchObject(exhausted);
  });

  test("of rows cut a page to what is left, and refuse the next call", async () => {
    await granted(limited(BudgetUnit.ROWS, 7n));
    expect((await query({ resource: person, limit: 4 })).rows).toHaveLength(4);
    const { rows, nextPageToken } = await query({ resource: person });
    expect(rows).toHaveLength(3);
    expect(nextPageToken).not.toBe("");
    expect(await failureOf(query({ resource: person }))).toMatchObject(exhausted);
  });

  test("of rows end a stream, after the rows that were left", async () => {
    await granted(limited(BudgetUnit.ROWS, 7n));
    const read: unknown[] = [];
    const reading = async () => {
      for await (const row of mira.stream(source.connectorId, { resource: person })) read.push(row);
    };
    expect(await failureOf(reading())).toMatchObject(exhausted);
    expect(read).toHaveLength(7);
    expect(await failureOf(reading())).toMatchObject(exhausted);
  });

  test("of rows keep an action from touching more than are left", async () => {
    await granted(limited(BudgetUnit.ROWS, 7n));
    expect(await failureOf(execute({ delete: person, allowAll: true }))).toMatchObject(exhausted);
    expect((await execute({ delete: person, where: { id: [1, 2, 3, 4, 5] } })).affectedRows).toBe(5n);
    expect(await failureOf(execute({ update: person, values: { name: "x" }, allowAll: true }))).toMatchObject(
      exhausted,
    );
    expect(await source.run("SELECT count(*) FROM person WHERE name = 'x'")).toEqual([["0"]]);
  });

  test.each([
    ["bytes", BudgetUnit.BYTES],
    ["time at the source", BudgetUnit.TIME],
  ])("of %s are charged with what a call has used", async (_, unit) => {
    await granted(limited(unit, 1n));
    await query({ resource: person });
    expect(await failureOf(query({ resource: person }))).toMatchObject(exhausted);
  });

  test("begin anew with their window", async () => {
    await granted(limited(BudgetUnit.CALLS, 1n));
    await query({ resource: person });
    expect(await failureOf(query({ resource: person }))).toMatchObject(exhausted);
    await run(source.service.storeUrl, "UPDATE grant_usage SET window_start = window_start - interval '1 year'");
    await query({ resource: person });
  });
});

test("history and audit name the agent, and can be asked for its calls", async () => {
  const { connectorId, client } = source;
  await source.run(rows);
  await granted({ permissions: everything, actions });
  await query({ resource: person });
  await source.client.query(connectorId, { resource: person });
  await execute({ update: person, where: { id: 2 }, values: { name: "x" } });
  await granted({ permissions: [Permission.QUERY] });
  await failureOf(execute({ delete: person, allowAll: true }));
  await client.rpc.revokeConnector({ agent, connectorId });

  const history = async () => (await client.rpc.listQueries({ connectorId, agent })).queries;
  await expect.poll(async () => (await history()).length, { timeout: 10_000 }).toBe(2);
  expect(await history()).toMatchObject([
    { method: "Execute", agent, principal: "tester", rows: 1n },
    { method: "Query", agent, rows: 10n },
  ]);
  const logs = (await client.rpc.listAuditLogs({ filter: { agent } })).auditLogs;
  expect(logs.map(({ event, outcome }) => [event, outcome])).toEqual([
    ["permission.deny", AuditOutcome.DENIED],
    ["action.update", AuditOutcome.SUCCEEDED],
    ["action.update", AuditOutcome.INTENDED],
  ]);
  expect(logs[0]).toMatchObject({ agent, details: { grant: "permission" } });
  const changes = (await client.rpc.listAuditLogs({ filter: { connectorId } })).auditLogs;
  const own = changes.filter(({ details }) => details?.granted === agent);
  expect(own.map(({ event }) => event)).toEqual(["grant.revoke", "grant.create", "grant.create"]);
  expect(own[1]?.details).toMatchObject({ permissions: ["query"], terms_hash: expect.any(String) });
});

describe("a grant", () => {
  test.each<[string, Grant, string]>([
    [
      "a resource without its namespace",
      { permissions: [1], resources: [{ resource: "person" }] },
      "resources[0].resource",
    ],
    ["a resource twice", { permissions: [1], resources: [ofAcme, ofAcme] }, "resources[1].resource"],
    ["actions without EXECUTE", { permissions: [1], actions }, "actions"],
    ["EXECUTE without actions", { permissions: [3] }, "actions"],
    [
      "a row filter that compares with nothing",
      { permissions: [1], resources: [{ ...ofAcme, rowFilter: field("id").in([]) }] },
      "resources[0].row_filter.compare",
    ],
    [
      "a budget twice",
      { permissions: [1], budgets: [1n, 2n].map((amount) => ({ unit: 1, amount, window: minute })) },
      "budgets[1]",
    ],
    ["no permission", { permissions: [] }, "permissions"],
    ["an end that has passed", { permissions: [1], expireTime: { seconds: 1n } }, "expire_time"],
  ])("with %s is refused, and the part is named", async (_, grant, path) => {
    const failure = await failureOf(granted(grant));
    expect(failure).toMatchObject({ code: Code.InvalidArgument, fields: [{ field: path }] });
    expect((await source.client.rpc.listAgentConnectors({ agent })).grants).toEqual([]);
  });

  test("goes with its connector", async () => {
    const { id } = await source.client.createConnector(connectorTo(source.url, `c-${agents}`));
    await source.client.rpc.grantConnector({ agent, connectorId: id, permissions: [1] });
    await source.client.deleteConnector(id);
    expect((await source.client.rpc.listAgentConnectors({ agent })).grants).toEqual([]);
  });

  test("is listed page by page", async () => {
    await granted();
    const { id } = await source.client.createConnector(connectorTo(source.url, `c-${agents}`));
    await source.client.rpc.grantConnector({ agent, connectorId: id, permissions: [1] });
    const seen: string[] = [];
    for (let pageToken = ""; ; ) {
      const page = await mira.rpc.listAgentConnectors({ agent, pageSize: 1, pageToken });
      seen.push(...page.grants.map(({ connectorId }) => connectorId));
      pageToken = page.nextPageToken;
      if (pageToken === "") break;
    }
    expect(seen).toEqual([source.connectorId, id].toSorted());
  });
});
