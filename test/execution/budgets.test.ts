/** Budgets of agents, counted in a real store. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Budget, createBudgets, type Spender } from "../../src/execution/budget/budgets.ts";
import { openCall } from "../../src/execution/call.ts";
import { Failure } from "../../src/failure.ts";
import { Connector } from "../../src/store/entities/connector.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { run } from "../service/customer.ts";
import { newConnector } from "../store/rows.ts";
import { type FreshDatabase, freshStore } from "../support/postgres.ts";
import { callerFor } from "./executing.ts";

const year = 31_536_000_000;
const connector = newConnector("acme");

let database: FreshDatabase;
let store: Store;
let agents = 0;

beforeAll(async () => {
  database = await freshStore();
  store = await openStore({ url: database.url });
  await store.withOrganization("acme", async (em) => em.create(Connector, connector));
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

/** An agent with a grant. */
async function newSpender(): Promise<Spender> {
  const spender = { organizationId: "acme", agent: `agent-${++agents}`, connectorId: connector.id };
  await run(
    database.url,
    "INSERT INTO connector_grant (organization_id, agent, connector_id, terms, create_time) VALUES ($1, $2, $3, '{}', now())",
    [spender.organizationId, spender.agent, spender.connectorId],
  );
  return spender;
}

const budget = (unit: Budget["unit"], amount: number, windowMs = year): Budget => ({ unit, amount, windowMs });
const nothing = { rows: 0, bytes: 0, time: 0 };
const exhausted = expect.objectContaining({ kind: "budget_exhausted" });

test("a charge counts for the next call, which waits for it, and not for the one that is charged", async () => {
  const spender = await newSpender();
  const budgets = [budget("rows", 10), budget("rows", 100, year / 2), budget("bytes", 1_000)];
  const { take, charge } = createBudgets(store);
  expect(await take(spender, budgets)).toMatchObject({ rows: 10, bytes: 1_000 });
  charge(spender, budgets, { ...nothing, rows: 4, bytes: 1 });
  charge(spender, budgets, { ...nothing, rows: 3 });
  expect(await take(spender, budgets)).toMatchObject({ rows: 3, bytes: 999 });
  charge(spender, budgets, { ...nothing, rows: 30 });
  await expect(take(spender, budgets)).rejects.toEqual(exhausted);
});

test("a call that one budget refuses is not counted in another", async () => {
  const spender = await newSpender();
  const calls = budget("calls", 2);
  const { take, charge } = createBudgets(store);
  charge(spender, [budget("rows", 1)], { ...nothing, rows: 1 });
  await expect(take(spender, [calls, budget("rows", 1)])).rejects.toEqual(exhausted);
  await take(spender, [calls]);
  await take(spender, [calls]);
  const refusal: Failure = await take(spender, [calls]).catch((error) => error);
  expect(refusal).toMatchObject({ kind: "budget_exhausted", metadata: { unit: "calls", amount: "2" } });
  expect(refusal.retryAfterMs).toBeGreaterThan(0);
  expect(refusal.retryAfterMs).toBeLessThanOrEqual(year);
});

test("what was used is charged when the store comes back, and before the end", async () => {
  const spender = await newSpender();
  const budgets = [budget("rows", 10)];
  let away = true;
  const tried = Promise.withResolvers<void>();
  const withOrganization: Store["withOrganization"] = async (organizationId, work) => {
    tried.resolve();
    if (away) throw new Failure("service_unavailable", "The store is away.");
    return store.withOrganization(organizationId, work);
  };
  const { take, charge, close } = createBudgets({ withOrganization });
  charge(spender, budgets, { ...nothing, rows: 7 });
  await tried.promise;
  await expect(take(spender, budgets)).rejects.toMatchObject({ kind: "service_unavailable" });
  away = false;
  await close();
  expect(await createBudgets(store).take(spender, budgets)).toMatchObject({ rows: 3 });
});

test("a grant that has gone has no calls left, and owes nothing", async () => {
  const spender = { ...(await newSpender()), agent: "nobody" };
  const { take, charge, close } = createBudgets(store);
  charge(spender, [budget("rows", 1)], { ...nothing, rows: 1 });
  await expect(take(spender, [budget("calls", 1)])).rejects.toMatchObject({ kind: "permission_denied" });
  await close();
});

describe("a call on a grant", () => {
  test("ends with it", () => {
    vi.useFakeTimers();
    try {
      const agent = { name: "mira", grant: "1", budgets: [], expireTime: new Date(Date.now() + 1_000) };
      const call = openCall({ ...callerFor(), agent }, { defaultMs: 60_000, maxMs: 60_000 });
      vi.advanceTimersByTime(999);
      expect(call.signal.aborted).toBe(false);
      vi.advanceTimersByTime(1);
      expect(call.signal.reason).toMatchObject({ kind: "permission_denied", metadata: { grant: "expired" } });
    } finally {
      vi.useRealTimers();
    }
  });
});
