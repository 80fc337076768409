/** What becomes of the history while its store is slow, away or gone. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { createHistory, type History, type HistoryOptions } from "../../src/execution/history/history.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { callEnded } from "../observability/observations.ts";
import { run } from "../service/customer.ts";
import { type FreshDatabase, freshStore, ownCluster } from "../support/postgres.ts";
import { stopwatch } from "../support/stopwatch.ts";

let database: FreshDatabase;
let store: Store;
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  database = await freshStore();
  store = await openStore({ url: database.url });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await store.close();
  await database.drop();
});

function historyOf(options: Partial<HistoryOptions> = {}): History {
  const history = createHistory({ store, flushMs: 3_600_000, ...options });
  cleanups.push(() => history.close(0));
  return history;
}

function tell(history: History, ...resources: readonly string[]): void {
  for (const resource of resources) history.observe(callEnded({ resource }));
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `r${i}`);

async function stored(): Promise<string[]> {
  const rows = await run(database.url, "SELECT resource FROM query_record ORDER BY length(resource), resource");
  return rows.map(([resource]) => resource as string);
}

/** Nobody may write the history from now on, until the function that this gives is called. */
async function refuse(): Promise<() => Promise<unknown>> {
  const name = new URL(database.url).pathname.slice(1);
  const admin = new URL(database.url);
  admin.pathname = "/postgres";
  await run(
    admin.href,
    `ALTER DATABASE ${name} SET default_transaction_read_only = on;
     SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
  );
  return () =>
    run(
      admin.href,
      `ALTER DATABASE ${name} RESET default_transaction_read_only;
       SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
    );
}

test("a record is written soon, without being asked for", async () => {
  const history = historyOf({ flushMs: 20 });
  tell(history, "one", "two");
  await expect.poll(stored).toEqual(["one", "two"]);
  tell(history, "three");
  await expect.poll(stored).toHaveLength(3);
});

test("a statement whose values can't be left out costs its call nothing but itself", async () => {
  const normalize = (_provider: string, statement: string) => {
    if (statement === "odd") throw new RangeError("an odd statement");
    return statement;
  };
  const history = historyOf({ normalize });
  for (const statement of ["before", "odd", "behind"]) history.observe(callEnded({ resource: statement, statement }));
  await history.flush();
  const rows = await run(database.url, "SELECT resource, statement FROM query_record ORDER BY resource");
  expect(rows).toEqual([
    ["before", "before"],
    ["behind", "behind"],
    ["odd", ""],
  ]);
});

test("a whole batch does not wait", async () => {
  const history = historyOf({ batch: 3 });
  tell(history, "one", "two");
  tell(history, "three", "four");
  await expect.poll(stored).toHaveLength(4);
});

test("telling takes no turn of the event loop, and a store that refuses is no failure of it", () => {
  const refusing: Store = { ...store, withOrganization: () => Promise.reject(new Error("refused")) };
  const history = historyOf({ store: refusing, maxBuffered: 3, batch: 1 });
  expect(() => tell(history, ...numbered(10))).not.toThrow();
  // None of them has been taken out of the line yet.
  expect(history.dropped).toBe(7);
});

test("what does not fit is counted, and the newest stays", async () => {
  const history = historyOf({ maxBuffered: 5, batch: 2 });
  tell(history, ...numbered(12));
  await history.flush();
  expect(history.dropped).toBe(7);
  expect(await stored()).toEqual(["r7", "r8", "r9", "r10", "r11"]);
});

test("a store that comes back gets everything once, also what came meanwhile", async () => {
  const history = historyOf({ batch: 4 });
  tell(history, ...numbered(3));
  const restore = await refuse();
  const flushed = history.flush();
  tell(history, "r3", "r4", "r5", "r6", "r7");
  expect(await stored()).toEqual([]);
  await restore();

  await flushed;
  await history.flush();
  expect(await stored()).toEqual(numbered(8));
  expect(history.dropped).toBe(0);
});

test("a batch that the store holds already is not stored twice", async () => {
  let lost = 0;
  // The answer to a commit is lost once.
  const forgetful: Store = {
    ...store,
    async withOrganization(organizationId, work) {
      const result = await store.withOrganization(organizationId, work);
      if (lost++ === 0) throw new Error("Connection terminated unexpectedly");
      return result;
    },
  };
  const history = historyOf({ store: forgetful });
  tell(history, "one", "two");
  await history.flush();
  expect(lost).toBe(2);
  expect(await stored()).toEqual(["one", "two"]);
  expect(history.dropped).toBe(0);
});

test("a record that the store refuses for good is counted, and what comes after it is written", async () => {
  const history = historyOf();
  history.observe(callEnded({ principal: "p".repeat(256), resource: "refused" }));
  await history.flush();
  expect(history.dropped).toBe(1);
  tell(history, "next");
  await history.flush();
  expect(await stored()).toEqual(["next"]);
});

test("closing writes what is there", async () => {
  const history = historyOf();
  tell(history, ...numbered(1_200));
  await history.close();
  expect(await stored()).toHaveLength(1_200);
  tell(history, "too late");
  expect(history.dropped).toBe(1);
});

test("closing while the store refuses waits for it no longer than it may, and counts what is lost", async () => {
  const history = historyOf({ batch: 2 });
  const restore = await refuse();
  tell(history, ...numbered(5));
  const took = stopwatch();
  await history.close(300);
  expect(took()).toBeLessThan(2_000);
  expect(history.dropped).toBe(5);
  await restore();
  expect(await stored()).toEqual([]);
});

test("closing hurries a writer that waits, and the store that is back gets everything", async () => {
  const history = historyOf();
  const restore = await refuse();
  tell(history, "one");
  const flushed = history.flush();
  const closed = history.close(10_000);
  await restore();
  await Promise.all([flushed, closed]);
  expect(await stored()).toEqual(["one"]);
  expect(history.dropped).toBe(0);
});

test("a frozen store costs one connection, and a close in time", async () => {
  const cluster = await ownCluster();
  cleanups.push(() => cluster.stop());
  const frozen = await openStore({ url: cluster.url, poolSize: 2 });
  cleanups.push(() => frozen.close());
  const history = historyOf({ store: frozen, batch: 1, flushMs: 1 });
  await cluster.kill("SIGSTOP");
  tell(history, ...numbered(20));
  const took = stopwatch();
  await history.close(300);
  expect(took()).toBeLessThan(2_000);
  expect(history.dropped).toBe(20);
  await cluster.kill("SIGCONT");
  // The pool has a connection left, and gets the other one back.
  await Promise.all([frozen.ping(10_000), frozen.hasAnyApiKey("acme")]);
});
