/** What is told to the audit log is there when it says so, is linked soon, is settled, and stays in its organization. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Audit, AuditOptions } from "../../src/audit/audit.ts";
import { entryOf, insertion } from "../../src/audit/entry.ts";
import type { AuditPageRequest } from "../../src/audit/list.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { run } from "../service/customer.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";
import { action, actor, auditOf, connectorId, verified } from "./events.ts";

let database: FreshDatabase;
let store: Store;
/** Of this test, so that it counts its own entries only. */
let organization: string;
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  database = await freshStore();
  store = await openStore({ url: database.url });
});

beforeEach(() => {
  organization = `acme-${crypto.randomUUID().slice(0, 8)}`;
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

afterAll(async () => {
  await store.close();
  await database.drop();
});

const acting = (resource?: string) => action(resource, organization);

function opened(options: Partial<AuditOptions> = {}, of = store): Audit {
  const audit = auditOf(of, options);
  cleanups.push(() => audit.close());
  return audit;
}

const all: AuditPageRequest = {
  ...{ startTime: undefined, endTime: undefined, actor: "", connectorId: "", agent: "", outcome: undefined },
  ...{ size: 100, after: undefined, order: "latest_first" },
};

async function count(table: string): Promise<unknown> {
  const own = `SELECT count(*)::int FROM ${table} WHERE organization_id = $1`;
  return (await run(database.url, own, [organization]))[0]?.[0];
}

test("an intent and its outcome come back as they were told, and are linked in their order", async () => {
  const audit = opened();
  const intent = await audit.intent(acting(), 1_000);
  await audit.outcome(intent, { outcome: "failed", reason: "upstream_lost", rows: 3, details: { dry_run: true } });
  await audit.tend();
  const { rows } = await audit.page(organization, all);
  const common = {
    ...{ event: "action.update", actor: actor.principal, authentication: "api_key", agent: "mira" },
    ...{ connector: connectorId, resource: "public.orders", request: actor.requestId, address: "203.0.113.7" },
  };
  expect(rows).toMatchObject([
    { ...common, outcome: "failed", reason: "upstream_lost", rows: 3, intent: intent.entry.id, sequence: "2" },
    { ...common, outcome: "intended", reason: "", rows: null, intent: "", sequence: "1" },
  ]);
  expect(rows[0]?.details).toEqual({ dry_run: true, request_hash: "ab".repeat(32) });
  expect(await verified(store, organization)).toMatchObject({
    verified: 2,
    sequence: 2n,
    checkpoints: 1,
    broken: undefined,
  });
  expect(await count("audit_task")).toBe(0);
});

test("an event is linked as it is written, in the same transaction", async () => {
  const audit = opened();
  await audit.record(acting(), { outcome: "succeeded" });
  expect(await count("audit_link")).toBe(1);
  expect(await run(database.url, taskStatement, [organization])).toEqual([]);
});

test("while another is at the chain an event waits for nobody, and is linked within a second or so", async () => {
  const audit = opened();
  const other = new pg.Client(database.url);
  cleanups.push(() => other.end());
  await other.connect();
  await other.query("BEGIN");
  await other.query("SELECT pg_advisory_xact_lock(hashtextextended('connector/1 audit chain ' || $1, 0))", [
    organization,
  ]);
  await audit.record(acting(), { outcome: "succeeded" });
  expect(await count("audit_link")).toBe(0);
  expect(await run(database.url, taskStatement, [organization])).toEqual([["link"]]);
  await other.query("COMMIT");
  await expect.poll(() => count("audit_link")).toBe(1);
  await audit.record(acting(), { outcome: "succeeded" });
  expect(await verified(store, organization)).toMatchObject({ verified: 2, broken: undefined });
});

test("many at once share their commits, and each is there when it was told so", async () => {
  let commits = 0;
  const counting: Store = {
    ...store,
    async commit(organizationId, statement) {
      commits++;
      return store.commit(organizationId, statement);
    },
  };
  const audit = opened({}, counting);
  const told = await Promise.all(
    Array.from({ length: 1_000 }, async (_, i) => {
      const { entry } = await audit.intent(action(`t${i}`, `${organization}.${i % 3}`), 60_000);
      return entry.id;
    }),
  );
  expect(commits).toBeLessThan(50);
  const stored = await run(database.url, "SELECT id FROM audit_event WHERE organization_id LIKE $1", [
    `${organization}.%`,
  ]);
  expect(new Set(stored.flat())).toEqual(new Set(told));
  await audit.tend();
  for (const [part, rows] of [
    ["0", 334],
    ["1", 333],
    ["2", 333],
  ] as const) {
    expect(await verified(store, `${organization}.${part}`)).toMatchObject({ verified: rows, broken: undefined });
  }
});

test("who comes while a batch of the organization is on its way goes with the next one, and others wait for nobody", async () => {
  const committing: string[] = [];
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const held: Store = {
    ...store,
    async commit(organizationId, statement) {
      committing.push(organizationId);
      begin();
      if (organizationId === organization) await released;
      await store.commit(organizationId, statement);
    },
  };
  const audit = opened({}, held);
  const record = (organizationId: string) => audit.record(action("t", organizationId), { outcome: "succeeded" });
  const first = record(organization);
  await begun;
  const later = [record(organization), record(organization)];
  await record(`${organization}.other`);
  expect(committing).toEqual([organization, `${organization}.other`]);
  release();
  await Promise.all([first, ...later]);
  expect(committing).toEqual([organization, `${organization}.other`, organization]);
});

test("an intent that can't be written is refused, and one whose commit's fate is not known may be there", async () => {
  const away: Store = { ...store, commit: () => Promise.reject(new Error("away")) };
  const audit = auditOf(away, { onProblem: () => {} });
  await expect(audit.intent(acting(), 1_000)).rejects.toMatchObject({ kind: "service_unavailable" });
  await expect(audit.record(acting(), { outcome: "succeeded" })).rejects.toMatchObject({ kind: "service_unavailable" });
  await audit.close();
  expect(await count("audit_event")).toBe(0);
});

test("an outcome is told again until the database is back, and is there once", async () => {
  let away = 0;
  const flaky: Store = {
    ...store,
    async commit(organizationId, statement) {
      // The first time it is stored, and nobody hears of that.
      if (away === 1) await store.commit(organizationId, statement);
      if (away-- > 0) throw new Error("away");
      return store.commit(organizationId, statement);
    },
  };
  const audit = opened({}, flaky);
  const intent = await audit.intent(acting(), 1_000);
  away = 2;
  await audit.outcome(intent, { outcome: "succeeded", rows: 1 });
  expect(await count("audit_event")).toBe(2);
});

test("an entry that is told twice, since nobody knows whether it was stored, is there once and linked once", async () => {
  const audit = opened({ graceMs: 0 });
  const entry = entryOf(action("twice", organization), { outcome: "intended" });
  const told = insertion(organization, [{ ...entry, dueMs: entry.createMs + 3_600_000 }], true);
  await store.commit(organization, told);
  await audit.tend();
  await store.commit(organization, told);
  expect(await run(database.url, taskStatement, [organization])).toEqual([["settle"]]);
  expect(await count("audit_event")).toBe(1);
  expect(await verified(store, organization)).toMatchObject({ verified: 1, broken: undefined });
});

const taskStatement = "SELECT kind FROM audit_task WHERE organization_id = $1";

test("an intent whose outcome never came becomes unknown, once, and others do not", async () => {
  const audit = opened({ graceMs: 0 });
  const orphan = await audit.intent(acting("lost"), 0);
  const settled = await audit.intent(acting("ended"), 0);
  await audit.outcome(settled, { outcome: "succeeded", rows: 1 });
  await audit.intent(acting("running"), 3_600_000);
  const other = opened({ graceMs: 0 });
  await Promise.all([audit.tend(), other.tend()]);
  const { rows } = await audit.page(organization, { ...all, outcome: "unknown" });
  expect(rows).toMatchObject([
    {
      outcome: "unknown",
      reason: "outcome_unknown",
      intent: orphan.entry.id,
      resource: "lost",
      actor: actor.principal,
    },
  ]);
  expect(await count("audit_event")).toBe(5);
  await audit.tend();
  expect(await verified(store, organization)).toMatchObject({ verified: 5, broken: undefined });
});

test("two that link one organization's events make one chain, without gaps", async () => {
  const second = await openStore({ url: database.url });
  cleanups.push(() => second.close());
  const audits = [opened({}, store), opened({}, second)];
  const rounds = Array.from({ length: 6 }, async (_, round) => {
    for (const audit of audits) {
      await Promise.all(Array.from({ length: 20 }, (_, i) => audit.intent(acting(`${round}/${i}`), 60_000)));
      await audit.tend();
    }
  });
  await Promise.all(rounds);
  for (const audit of audits) await audit.tend();
  expect(await verified(store, organization)).toMatchObject({ verified: 240, sequence: 240n, broken: undefined });
});

test("pages and exports hold every entry of the organization once, and none of another's", async () => {
  const audit = opened();
  for (let i = 0; i < 7; i++) await audit.record(acting(`t${i}`), { outcome: i % 2 === 0 ? "succeeded" : "failed" });
  await audit.record(action("foreign", `${organization}.other`), { outcome: "succeeded" });
  const seen: string[] = [];
  let after: AuditPageRequest["after"];
  do {
    const { rows, next } = await audit.page(organization, { ...all, size: 3, after });
    seen.push(...rows.map(({ resource }) => resource));
    after = next;
  } while (after !== undefined);
  expect(seen).toEqual(["t6", "t5", "t4", "t3", "t2", "t1", "t0"]);
  const exported = (await Array.fromAsync(audit.read(organization, { ...all, outcome: "failed" }))).flat();
  expect(exported.map(({ resource }) => resource)).toEqual(["t1", "t3", "t5"]);
  const none = [
    { actor: "nobody" },
    { connectorId: crypto.randomUUID() },
    { agent: "none" },
    { startTime: new Date(Date.now() + 60_000) },
  ];
  for (const filter of none) expect((await audit.page(organization, { ...all, ...filter })).rows).toEqual([]);
  const some = { actor: actor.principal, connectorId, agent: "mira", endTime: new Date(Date.now() + 60_000) };
  expect((await audit.page(organization, { ...all, ...some })).rows).toHaveLength(7);
});

test("text that can't be stored, and text without end, costs no entry its place", async () => {
  const audit = opened();
  const long = { ...acting("\0".repeat(10)), actor: { ...actor, principal: `a\0\ud800${"b".repeat(9_999)}` } };
  await audit.record({ ...long, details: { note: "\0\udfff" } } as typeof long, { outcome: "succeeded" });
  await audit.tend();
  const { rows } = await audit.page(organization, all);
  expect(rows).toHaveLength(1);
  expect(rows[0]?.actor).toHaveLength(255);
  expect(await verified(store, organization)).toMatchObject({ verified: 1, broken: undefined });
});
