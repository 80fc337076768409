/** Actions through the service: refused where they must be, done once, audited, and answered as promised. */
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ConnectorError, type ExecuteOptions, field } from "../../src/client/index.ts";
import { AuditOutcome } from "../../src/gen/connector/v1/audit_pb.js";
import { run } from "./customer.ts";
import { type Source, serviceWithSource } from "./source.ts";

let source: Source;

beforeAll(async () => {
  source = await serviceWithSource(`
    CREATE TABLE account (id int PRIMARY KEY, owner text NOT NULL, balance numeric NOT NULL DEFAULT 0);
    CREATE TABLE effect (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text, amount numeric, time timestamptz DEFAULT now());`);
});

beforeEach(async () => {
  await source.run("TRUNCATE account, effect");
  await source.run("INSERT INTO account VALUES (1, 'Ada', 10.50), (2, 'Grace', 0), (3, 'Edsger', 7)");
});

afterAll(() => source.stop());

const execute = (action: Parameters<Source["client"]["execute"]>[1], options?: ExecuteOptions) =>
  source.client.execute(source.connectorId, action, options);

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail("it was done"),
    (error: unknown) => error as ConnectorError,
  );

const accounts = async () =>
  (await source.run("SELECT id, owner, balance FROM account ORDER BY id")).map((row) => row.join(" "));
const before = ["1 Ada 10.50", "2 Grace 0", "3 Edsger 7"];
const effects = async () => Number((await source.run("SELECT count(*) FROM effect"))[0]?.[0]);

/** What the audit log has of actions, the earliest first: what happened to what, how it ended, and to how many rows. */
async function audited(): Promise<string[]> {
  const { auditLogs } = await source.client.rpc.listAuditLogs({ pageSize: 500 });
  const actions = auditLogs.filter(({ event }) => event.startsWith("action.")).reverse();
  return actions.map(({ event, outcome, reason, details }) => {
    const { resource = "", rows = "" } = details ?? {};
    return [event, AuditOutcome[outcome], resource, rows, reason].filter((word) => word !== "").join(" ");
  });
}

test("rows are created, changed, upserted and removed, and those touched are given back", async () => {
  const rows = [
    { id: 4, owner: "Barbara", balance: "12345678901234567890.12" },
    { id: 5, owner: "Tony", balance: null },
  ];
  const created = await execute({ create: "account", rows: rows.slice(0, 1) }, { returning: ["id", "balance"] });
  expect(created).toMatchObject({ affectedRows: 1n, replayed: false });
  expect(created.rows.map(({ id, balance }) => ({ id, balance }))).toEqual([
    { id: 4, balance: "12345678901234567890.12" },
  ]);
  expect((await execute({ update: "account", where: { id: 1 }, values: { balance: "11.00" } })).affectedRows).toBe(1n);
  expect((await execute({ upsert: "public.account", rows: [{ id: 2, owner: "Grace H." }] })).affectedRows).toBe(1n);
  expect((await execute({ delete: "account", filter: field("owner").startsWith("Ed") })).affectedRows).toBe(1n);
  expect(await accounts()).toEqual(["1 Ada 11.00", "2 Grace H. 0", "4 Barbara 12345678901234567890.12"]);
});

test("an action on every row must say so", async () => {
  const failure = await refusal(execute({ update: "account", values: { balance: 0 } }));
  expect(failure).toMatchObject({ code: Code.InvalidArgument, fields: [{ field: "update.filter" }] });
  expect(failure.message).toContain("`update.allow_all`");
  expect(await refusal(execute({ delete: "account", where: {} }))).toMatchObject({
    fields: [{ field: "delete.filter" }],
  });
  expect(await refusal(execute({ delete: "account", where: { id: 1 }, allowAll: true }))).toMatchObject({
    fields: [{ field: "delete.allow_all" }],
  });
  expect(await accounts()).toEqual(before);
  expect((await execute({ update: "account", values: { balance: 1 }, allowAll: true })).affectedRows).toBe(3n);
});

test("a dry run shows the statement and its reach, changes nothing and is no action in the log", async () => {
  const known = await audited();
  const tried = await execute({ delete: "account", filter: field("balance").gt("1") }, { dryRun: true });
  expect(tried).toMatchObject({
    affectedRows: 2n,
    statement: expect.stringMatching(/^DELETE FROM "public"."account" WHERE/),
  });
  expect(tried.statement).not.toContain("1.00");
  expect(await accounts()).toEqual(before);
  expect(await audited()).toEqual(known);
});

test("more rows than the caller allows are not touched", async () => {
  const failure = await refusal(execute({ delete: "account", allowAll: true }, { maxAffectedRows: 2 }));
  expect(failure).toMatchObject({ code: Code.FailedPrecondition, reason: "TOO_MANY_AFFECTED" });
  expect(failure.message).toContain("3 rows");
  expect(await accounts()).toEqual(before);
});

test("what the source's rules forbid is refused with the rule's name and without a value", async () => {
  const failure = await refusal(execute({ create: "account", rows: [{ id: 1, owner: "Mallory" }] }));
  expect(failure).toMatchObject({
    code: Code.FailedPrecondition,
    reason: "CONSTRAINT_VIOLATED",
    metadata: { constraint: "account_pkey" },
  });
  expect(JSON.stringify(failure)).not.toContain("Mallory");
});

test("unknown names are refused where they stand in the request", async () => {
  expect(await refusal(execute({ create: "acount", rows: [{ id: 9 }] }))).toMatchObject({
    ...{
      reason: "UNKNOWN_RESOURCE",
      fields: [{ field: "create.resource", description: expect.stringContaining("account") }],
    },
  });
  expect(await refusal(execute({ update: "account", where: { idd: 9 }, values: { balance: 0 } }))).toMatchObject({
    ...{ reason: "UNKNOWN_FIELD", fields: [{ field: "update.where.idd" }] },
  });
});

test("an action needs its own scope", async () => {
  const token = await source.service.tokenFor("acme", "connector.query", "connector.read");
  const client = source.service.clientFor(token);
  expect(await refusal(client.execute(source.connectorId, { delete: "account", allowAll: true }))).toMatchObject({
    ...{ code: Code.PermissionDenied, metadata: { scope: "connector.execute" } },
  });
  expect(await accounts()).toEqual(before);
});

describe("with an idempotency key", () => {
  const note = (text: string, idempotencyKey: string, options: ExecuteOptions = {}) =>
    execute({ create: "effect", rows: [{ note: text }] }, { idempotencyKey, returning: ["id", "note"], ...options });

  test("the same call has one effect and one answer", async () => {
    const first = await note("once", "k1");
    const again = await note("once", "k1");
    expect(first.replayed).toBe(false);
    expect(again).toMatchObject({ replayed: true, affectedRows: 1n });
    expect(again.rows.map(({ id, note }) => ({ id, note }))).toEqual(first.rows.map(({ id, note }) => ({ id, note })));
    expect(await effects()).toBe(1);
  });

  test("another call under the same key is refused", async () => {
    await note("once", "k2");
    expect(await refusal(note("twice", "k2"))).toMatchObject({
      ...{ code: Code.InvalidArgument, fields: [{ field: "idempotency_key" }] },
    });
    expect(await effects()).toBe(1);
  });

  test("of many at once one has an effect; the others are told that it is under way, or get its answer", async () => {
    const calls = await Promise.allSettled(Array.from({ length: 50 }, () => note("storm", "k3")));
    expect(await effects()).toBe(1);
    const refused = calls.flatMap((call) => (call.status === "rejected" ? [call.reason as ConnectorError] : []));
    for (const failure of refused) expect(failure).toMatchObject({ code: Code.Aborted, reason: "CONFLICT" });
    const answers = calls.flatMap((call) => (call.status === "fulfilled" ? [call.value] : []));
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(answers.map(({ rows }) => rows[0]?.id)).size).toBe(1);
  });

  test("a call that has changed nothing may be made again", async () => {
    const create = { create: "account", rows: [{ id: 1, owner: "Ada" }] };
    expect(await refusal(execute(create, { idempotencyKey: "k4" }))).toMatchObject({ reason: "CONSTRAINT_VIOLATED" });
    await source.run("DELETE FROM account WHERE id = 1");
    expect(await execute(create, { idempotencyKey: "k4" })).toMatchObject({ affectedRows: 1n, replayed: false });
  });

  test("keys of another organization are other keys", async () => {
    await note("ours", "k5");
    const client = source.service.clientFor(await source.service.tokenFor("globex", "connector.admin"));
    const theirs = await client.createConnector({
      ...{
        provider: "postgresql",
        name: "same-source",
        config: await configOf(source),
        credential: credentialOf(source),
      },
    });
    const options = { idempotencyKey: "k5", returning: ["note"] };
    const executed = await client.execute(theirs.id, { create: "effect", rows: [{ note: "theirs" }] }, options);
    expect(executed).toMatchObject({ replayed: false, affectedRows: 1n });
    expect(await effects()).toBe(2);
  });

  test("a key is forgotten after 24 hours, with the next one that anybody claims", async () => {
    const keys = async () =>
      (await run(source.service.storeUrl, "SELECT key FROM idempotency_key WHERE key LIKE 'old%' ORDER BY key")).flat();
    for (const key of ["old1", "old2", "old3"]) await note(key, key);
    const age = (key: string, by: string) =>
      run(source.service.storeUrl, "UPDATE idempotency_key SET create_time = now() - $2::interval WHERE key = $1", [
        key,
        by,
      ]);
    await age("old1", "25 hours");
    await age("old2", "25 hours");
    await age("old3", "23 hours");
    expect((await note("again", "old1")).replayed).toBe(false);
    expect(await keys()).toEqual(["old1", "old3"]);
    expect((await note("old3", "old3")).replayed).toBe(true);
    expect(await effects()).toBe(4);
  });

  test("no answer is kept where it can be read", async () => {
    await note("a very secret note", "k6");
    const rows = await run(source.service.storeUrl, "SELECT idempotency_key::text FROM idempotency_key");
    const text = JSON.stringify(rows);
    expect(text).not.toContain("secret note");
    expect(text).not.toContain(Buffer.from("secret note").toString("hex"));
  });
});

test("an intent is in the log before the first byte, and its outcome after", async () => {
  const known = (await audited()).length;
  await execute({ update: "account", where: { id: 1 }, values: { balance: "99.25" } });
  await refusal(execute({ create: "account", rows: [{ id: 1, owner: "Ada" }] }));
  await execute({ create: "effect", rows: [{ note: "keyed" }] }, { idempotencyKey: "audited" });
  expect((await audited()).slice(known)).toEqual([
    ...["action.update INTENDED account", "action.update SUCCEEDED account 1"],
    ...["action.create INTENDED account", "action.create FAILED account CONSTRAINT_VIOLATED"],
    ...["action.create INTENDED effect", "action.create SUCCEEDED effect 1"],
  ]);
  const text = JSON.stringify(await run(source.service.storeUrl, "SELECT audit_event::text FROM audit_event"));
  for (const value of ["99.25", "keyed"]) expect(text).not.toContain(value);
});

test("a kept answer is not given any more once an action has touched the connector", async () => {
  await source.client.updateConnector(source.connectorId, { policy: { maxCacheAge: { seconds: 60n } } });
  const read = async () =>
    (await source.client.query(source.connectorId, { resource: "account", where: { id: 2 } }, { maxAgeMs: 60_000 }))
      .rows[0]?.balance;
  expect(await read()).toBe("0");
  await execute({ update: "account", where: { id: 2 }, values: { balance: 5 } });
  expect(await read()).toBe("5");
});

test("the history names actions", async () => {
  await execute({ delete: "account", where: { id: 3 } });
  const latest = async () => {
    const { queries } = await source.client.rpc.listQueries({ connectorId: source.connectorId, pageSize: 1 });
    return queries[0];
  };
  await expect.poll(latest).toMatchObject({ method: "Execute", resource: "account", reason: "" });
});

async function configOf({ url }: Source) {
  const { hostname, port, pathname, username } = new URL(url);
  return { host: hostname, port: Number(port), database: pathname.slice(1), user: username, tls: "disable" };
}

function credentialOf({ url }: Source) {
  return { password: decodeURIComponent(new URL(url).password) };
}
