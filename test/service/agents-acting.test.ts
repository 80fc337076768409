/** Agents: what they change on their grants, what that uses up, and what is told of it. */
import { beforeEach, describe, expect, test } from "vitest";
import { type ActionInput, Code, field } from "../../src/client/index.ts";
import { AuditOutcome } from "../../src/gen/connector/v1/audit_pb.js";
import { BudgetUnit, Permission } from "../../src/gen/connector/v1/grant_pb.js";
import {
  actions,
  agent,
  denied,
  everything,
  execute,
  failureOf,
  type Grant,
  granted,
  mira,
  ofAcme,
  person,
  query,
  rows,
  shown,
  source,
  useAgents,
  year,
} from "./agent-stage.ts";
import { run } from "./customer.ts";

useAgents();

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
