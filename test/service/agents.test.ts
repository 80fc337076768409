import { timestampFromMs } from "@bufbuild/protobuf/wkt";
/** Agents: whom their grants let at a connector, and what they read there. */
import { describe, expect, test } from "vitest";
import { and, Code, field, or, type QueryInput } from "../../src/client/index.ts";
import { BudgetUnit, Permission } from "../../src/gen/connector/v1/grant_pb.js";
import { connectorTo } from "../support/service.ts";
import {
  actions,
  agent,
  clientAs,
  denied,
  everything,
  execute,
  failureOf,
  type Grant,
  granted,
  minute,
  mira,
  ofAcme,
  person,
  query,
  shown,
  source,
  useAgents,
  year,
} from "./agent-stage.ts";
import { run } from "./customer.ts";
import { allRows } from "./refusal.ts";
import { until } from "./source.ts";

useAgents();

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
    // It may name what the grant does not.
    const [listed] = await Array.fromAsync(mira.listConnectors());
    expect([listed?.config, (await mira.getConnector(connectorId)).config]).toEqual([undefined, undefined]);
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

  test("goes on with a page token while its grant covers the same rows, and no longer", async () => {
    await granted();
    const asked = { connectorId: source.connectorId, query: { source: { case: "resource" as const, value: person } } };
    const { nextPageToken: pageToken } = await mira.rpc.query({ ...asked, pageSize: 2 });
    const terms = { permissions: everything, actions };
    await granted({ ...terms, resources: [ofAcme], expireTime: timestampFromMs(Date.now() + 3_600_000) });
    expect((await mira.rpc.query({ ...asked, pageSize: 2, pageToken })).rows).toHaveLength(2);
    await granted({ ...terms, resources: [{ ...ofAcme, rowFilter: field("tenant").eq("globex") }] });
    expect(await failureOf(mira.rpc.query({ ...asked, pageToken }))).toMatchObject({ code: Code.InvalidArgument });
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
    const { id } = await source.client.createConnector(connectorTo(source.url, `c-${crypto.randomUUID()}`));
    await source.client.rpc.grantConnector({ agent, connectorId: id, permissions: [1] });
    await source.client.deleteConnector(id);
    expect((await source.client.rpc.listAgentConnectors({ agent })).grants).toEqual([]);
  });

  test("is listed page by page", async () => {
    await granted();
    const { id } = await source.client.createConnector(connectorTo(source.url, `c-${crypto.randomUUID()}`));
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
