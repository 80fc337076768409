/**
 * The budgets of agents. A call is counted before it is made, in the transaction that finds
 * something left of every budget, so that replicas together let no call too many pass. What
 * a call has moved is known at its end, and charged then: nobody waits for that but the next
 * call of the same agent, which must find it counted.
 */
import { setTimeout as delay } from "node:timers/promises";
import { ForeignKeyConstraintViolationException } from "@mikro-orm/core";
import { Failure } from "../../failure.ts";
import type { Store } from "../../store/store.ts";
import { addUses, type Budget, type BudgetUnit, type Spender, type Use, type Used } from "./usage.ts";

export type { Budget, Spender } from "./usage.ts";

/** What is left for one call; Infinity without such a budget. */
export interface Allowance {
  readonly rows: number;
  readonly bytes: number;
  /** What a call is told that goes beyond. */
  exhausted(unit: "rows" | "bytes"): Failure;
}

/** What a call has used. */
export type Spent = Readonly<Record<Exclude<BudgetUnit, "calls">, number>>;

export interface Budgets {
  /**
   * Takes a call from the budgets.
   *
   * @throws Failure `budget_exhausted` when one is used up, with the time until its window ends;
   *   `permission_denied` when the grant has gone
   */
  take(spender: Spender, budgets: readonly Budget[]): Promise<Allowance>;
  /** Charges what a call has used, if there is a budget of it. Never fails; what can't be stored is tried again. */
  charge(spender: Spender, budgets: readonly Budget[], spent: Spent): void;
  /** Settles when all is charged, or after some seconds. */
  close(): Promise<void>;
}

/** What one spender owes. */
interface Account {
  readonly spender: Spender;
  owed: Map<string, Use>;
  /** The writing that runs. Never fails. */
  attempt: Promise<void>;
  /** The store was away the last time. */
  failing: boolean;
}

/** Milliseconds between two attempts to write, and from the end on; how long the end may take. */
const pauses = { usualMs: 1_000, closingMs: 50 };
const closeMs = 3_000;

export function createBudgets(store: Pick<Store, "withOrganization">): Budgets {
  const accounts = new Map<string, Account>();
  const closing = new AbortController();
  let given = false;

  const write = ({ spender }: Account, uses: readonly Use[]): Promise<unknown> =>
    store.withOrganization(spender.organizationId, (em) => addUses(em, spender, uses));

  async function attempt(account: Account): Promise<void> {
    const { owed } = account;
    account.owed = new Map();
    try {
      await write(account, [...owed.values()]);
      account.failing = false;
    } catch (cause) {
      // A grant that has gone has no budgets.
      if (cause instanceof ForeignKeyConstraintViolationException) return;
      account.failing = true;
      for (const use of owed.values()) owe(account, use);
    }
  }

  /** Until nothing is owed any more. */
  async function pay(key: string, account: Account): Promise<void> {
    while (account.owed.size > 0 && !given) {
      account.attempt = attempt(account);
      await account.attempt;
      if (account.failing) await pause(closing.signal);
    }
    accounts.delete(key);
  }

  return {
    async take(spender, budgets) {
      const key = keyOf(spender);
      // While the store is away, this call hears of it by itself.
      for (let account = accounts.get(key); account && !account.failing; account = accounts.get(key)) {
        await account.attempt;
      }
      const uses = budgets.map(({ unit, windowMs }) => ({ unit, windowMs, amount: unit === "calls" ? 1 : 0 }));
      try {
        return await store.withOrganization(spender.organizationId, async (em) =>
          allowed(spender, budgets, await addUses(em, spender, uses)),
        );
      } catch (cause) {
        throw cause instanceof ForeignKeyConstraintViolationException ? gone(spender, cause) : cause;
      }
    },

    charge(spender, budgets, spent) {
      const uses = budgets.flatMap(({ unit, windowMs }) => {
        const amount = unit === "calls" ? 0 : Math.ceil(spent[unit]);
        return amount > 0 ? [{ unit, windowMs, amount }] : [];
      });
      if (uses.length === 0) return;
      const key = keyOf(spender);
      const known = accounts.get(key);
      const account = known ?? { spender, owed: new Map(), attempt: Promise.resolve(), failing: false };
      for (const use of uses) owe(account, use);
      if (known !== undefined) return;
      accounts.set(key, account);
      void pay(key, account);
    },

    async close() {
      const over = performance.now() + closeMs;
      closing.abort();
      while (accounts.size > 0 && performance.now() < over) {
        const attempts = [...accounts.values()].map((account) => account.attempt);
        await Promise.race([Promise.all(attempts).then(() => delay(1)), delay(closeMs, undefined, { ref: false })]);
      }
      given = true;
    },
  };
}

function owe({ owed }: Account, { unit, windowMs, amount }: Use): void {
  const key = `${unit}/${windowMs}`;
  owed.set(key, { unit, windowMs, amount: amount + (owed.get(key)?.amount ?? 0) });
}

async function pause(closing: AbortSignal): Promise<void> {
  if (closing.aborted) return void (await delay(pauses.closingMs));
  await delay(pauses.usualMs, undefined, { signal: closing, ref: false }).catch(() => {});
}

/** @throws Failure that undoes what was just counted */
function allowed(spender: Spender, budgets: readonly Budget[], used: readonly Used[]): Allowance {
  const states = budgets.map((budget) => {
    const use = used.find(({ unit, windowMs }) => unit === budget.unit && windowMs === budget.windowMs);
    return { budget, leftMs: use?.leftMs ?? budget.windowMs, left: budget.amount - (use?.amount ?? 0) };
  });
  // This call is among those that were counted.
  const over = states
    .filter(({ budget, left }) => (budget.unit === "calls" ? left < 0 : left <= 0))
    .toSorted((a, b) => b.leftMs - a.leftMs)[0];
  if (over !== undefined) throw exhausted(spender, over.budget, over.leftMs);
  const tightest = (wanted: BudgetUnit) =>
    states.filter(({ budget }) => budget.unit === wanted).toSorted((a, b) => a.left - b.left)[0];
  return {
    rows: tightest("rows")?.left ?? Number.POSITIVE_INFINITY,
    bytes: tightest("bytes")?.left ?? Number.POSITIVE_INFINITY,
    exhausted(unit) {
      const state = tightest(unit);
      if (state === undefined) throw new Failure("internal", "A budget was exhausted that is not there.");
      return exhausted(spender, state.budget, state.leftMs);
    },
  };
}

function exhausted({ agent }: Spender, { unit, amount, windowMs }: Budget, retryAfterMs: number): Failure {
  const what = unit === "time" ? `${amount} ms at the source` : `${amount} ${unit}`;
  return new Failure("budget_exhausted", `The agent's budget of ${what} in ${windowMs / 1_000} s is used up.`, {
    where: "rate_limit",
    remedy: "Wait until the window ends, or have an administrator grant more with GrantConnector.",
    retryAfterMs,
    metadata: { agent, unit, amount: String(amount), window_ms: String(windowMs) },
  });
}

function gone({ agent }: Spender, cause: unknown): Failure {
  return new Failure("permission_denied", "The agent's grant on this connector has been revoked.", {
    where: "caller",
    remedy: "An administrator grants it with GrantConnector.",
    metadata: { agent, grant: "absent" },
    cause,
  });
}

function keyOf({ organizationId, connectorId, agent }: Spender): string {
  return `${organizationId}/${connectorId}/${agent}`;
}
