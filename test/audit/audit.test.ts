/** What is told to the audit log is there when it says so, is linked soon, and stays in its organization. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Audit, AuditOptions } from "../../src/audit/audit.ts";
import type { AuditPageRequest } from "../../src/audit/list.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { run } from "../service/customer.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { action, actor, auditOf, connectorId, verified } from "./events.ts";

let database: FreshDatabase;
let store: Store;
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  database = await freshDatabase();
  store = await openStore({ url: database.url });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await store.close();
  await database.drop();
});

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
  return (await run(database.url, `SELECT count(*)::int FROM ${table}`))[0]?.[0];
}

test("an intent and its outcome come back as they were told, and are linked in their order", async () => {
  const audit = opened();
  const intent = await audit.intent(action(), 1_000);
  await audit.outcome(intent, { outcome: "failed", reason: "upstream_lost", rows: 3, details: { dry_run: true } });
  await audit.tend();
  const { rows } = await audit.page("acme", all);
  const common = {
    ...{ event: "action.update", actor: actor.principal, authentication: "api_key", agent: "mira" },
    ...{ connector: connectorId, resource: "public.orders", request: actor.requestId, address: "203.0.113.7" },
  };
  expect(rows).toMatchObject([
    { ...common, outcome: "failed", reason: "upstream_lost", rows: 3, intent: intent.entry.id, sequence: "2" },
    { ...common, outcome: "intended", reason: "", rows: null, intent: "", sequence: "1" },
  ]);
  expect(rows[0]?.details).toEqual({ dry_run: true, request_hash: "ab".repeat(32) });
  expect(await verified(store)).toMatchObject({ verified: 2, sequence: 2n, checkpoints: 1, broken: undefined });
  expect(await count("audit_task")).toBe(0);
});

test("an event is linked within a second or so, without being asked for", async () => {
  const audit = opened();
  await audit.record(action(), { outcome: "succeeded" });
  await expect.poll(() => count("audit_link")).toBe(1);
  await audit.record(action(), { outcome: "succeeded" });
  await expect.poll(() => count("audit_link")).toBe(2);
});
