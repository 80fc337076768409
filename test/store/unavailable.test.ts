/** A database that can't be reached, goes away or gives no answer is told from every other fault. */
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { Connector } from "../../src/store/entities/connector.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { type FaultProxy, faultProxy } from "../support/fault-proxy.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { newConnector } from "./rows.ts";

let database: FreshDatabase;
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  database = await freshDatabase();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await database.drop();
});

async function open(url = database.url): Promise<Store> {
  const store = await openStore({ url, poolSize: 4 });
  cleanups.push(() => store.close());
  return store;
}

/** A store, and the way to its database. */
async function throughProxy(): Promise<{ store: Store; proxy: FaultProxy }> {
  const url = new URL(database.url);
  const proxy = await faultProxy({ host: url.hostname, port: Number(url.port) });
  cleanups.push(() => proxy.stop());
  url.port = String(proxy.port);
  return { store: await open(url.href), proxy };
}

async function admin(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url, application_name: "the test" });
  await client.connect();
  cleanups.push(() => client.end());
  return client;
}

const count = (store: Store) => store.withOrganization("acme", (em) => em.count(Connector, {}));
const failureOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

/** Opens as many connections as can be used at once, and leaves them in the pool. */
async function warm(store: Store, connections: number): Promise<void> {
  const all = Promise.withResolvers<void>();
  let begun = 0;
  const one = () =>
    store.withOrganization("acme", async (em) => {
      await em.count(Connector, {});
      if (++begun === connections) all.resolve();
      await all.promise;
    });
  await Promise.all(Array.from({ length: connections }, one));
}

function expectUnavailable(error: unknown): void {
  expect(error).toBeInstanceOf(Failure);
  expect(error).toMatchObject({
    kind: "service_unavailable",
    where: "service",
    retryAfterMs: 1_000,
    remedy: expect.stringContaining("Try again"),
  });
}

describe("a database", () => {
  test("that ends a connection fails its transaction as unavailable, and no later one", async () => {
    const store = await open();
    const client = await admin();
    const error = await failureOf(
      store.withOrganization("acme", async (em) => {
        const [{ pid }] = await em.execute<[{ pid: number }]>("SELECT pg_backend_pid() AS pid");
        const killing = client.query("SELECT pg_sleep(0.1), pg_terminate_backend($1, 5000)", [pid]);
        await em.execute("SELECT pg_sleep(30)").finally(() => killing);
      }),
    );

    expectUnavailable(error);
    expect((error as Failure).cause).toMatchObject({ code: "57P01" });
    expect(await count(store)).toBe(0);
  });

  test("that ends connections costs the pool none of its places, at whatever moment it does", async () => {
    const store = await open();
    const client = await admin();
    const endAll = () =>
      client.query(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
      );
    // Each is more than the pool has.
    for (let i = 0; i < 5; i++) {
      await count(store);
      await endAll();
      await failureOf(count(store)); // At BEGIN, unless the pool has heard of it.
      await failureOf(store.withOrganization("acme", endAll)); // At COMMIT.
      const error = new Error("its own");
      const failing = async () => {
        await endAll();
        throw error;
      };
      expect(await failureOf(store.withOrganization("acme", failing))).toBe(error); // At ROLLBACK.
    }

    await warm(store, 4);
  });

  test("that nobody reaches is unavailable for all that is asked of it, until it is back", async () => {
    const { store, proxy } = await throughProxy();
    await proxy.set({ kind: "down" });

    expectUnavailable(await failureOf(count(store)));
    expectUnavailable(await failureOf(store.findApiKey(crypto.randomUUID())));
    expectUnavailable(await failureOf(store.hasAnyApiKey("acme")));

    await proxy.set(undefined);
    expect(await count(store)).toBe(0);
  });

  test("that has no connection left is unavailable", async () => {
    const client = await admin();
    const user = `crowded_${crypto.randomUUID().slice(0, 8)}`;
    await client.query(`CREATE ROLE ${user} SUPERUSER LOGIN PASSWORD 's3cret'`);
    cleanups.push(() => client.query(`DROP OWNED BY ${user}; DROP ROLE ${user}`));
    const url = new URL(database.url);
    [url.username, url.password] = [user, "s3cret"];
    const store = await openStore({ url: url.href, poolSize: 2 });
    cleanups.push(() => store.close());
    // A superuser is bound by no limit.
    await client.query(`ALTER ROLE ${user} NOSUPERUSER CONNECTION LIMIT 0`);
    await client.query(`SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '${user}'`);

    await expect.poll(() => failureOf(count(store))).toMatchObject({ cause: { cause: { code: "53300" } } });
    expectUnavailable(await failureOf(count(store)));
  });

  test("that can only be read for a while is unavailable to who writes, and no longer", async () => {
    const store = await open();
    const client = await admin();
    const write = () =>
      store.withOrganization("acme", async (em) => void em.create(Connector, newConnector("acme"), { persist: true }));
    await client.query(`ALTER DATABASE ${client.database} SET default_transaction_read_only = on`);
    await client.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()",
    );
    await expect.poll(() => count(store).catch(() => undefined)).toBe(0);
    expectUnavailable(await failureOf(write()));
    // Whoever connected meanwhile may not write in all of the session.
    expect(await count(store)).toBe(0);
    await client.query(`ALTER DATABASE ${client.database} RESET default_transaction_read_only`);
    expectUnavailable(await failureOf(write()));
    await write();
    expect(await count(store)).toBe(1);
  });

  test("that refuses a row is not unavailable", async () => {
    const store = await open();
    const wrong = store.withOrganization("acme", async (em) => {
      em.create(Connector, newConnector("acme", { name: "Not Lower Case" }));
    });

    expect(await failureOf(wrong)).toMatchObject({ code: "23514" });
  });
});

describe("a database that gives no sign of life", () => {
  test("is given up after some seconds, holds no connection, and is used again when it is back", async () => {
    const { store, proxy } = await throughProxy();
    await warm(store, 4);
    await proxy.set({ kind: "timeout" });
    const took = stopwatch();
    // More than the pool has connections.
    const waiting = Array.from({ length: 8 }, () => failureOf(count(store)));
    await expect.poll(() => store.isSlow()).toBe(true);

    for (const error of await Promise.all(waiting)) expectUnavailable(error);

    expect(took()).toBeLessThan(9_000);
    await proxy.set(undefined);
    expect(await count(store)).toBe(0);
    expect(store.isSlow()).toBe(false);
    await warm(store, 4);
    expect(proxy.connections).toBe(4);
  });

  test("on one way takes the pool's other old ways with it", async () => {
    const { store, proxy } = await throughProxy();
    await warm(store, 4);
    await proxy.set({ kind: "forgotten" });

    expectUnavailable(await failureOf(count(store)));

    // Any of the three others would take its time, too.
    const took = stopwatch();
    expect(await count(store)).toBe(0);
    expect(took()).toBeLessThan(1_500);
  });

  test("does not keep the store from being closed", async () => {
    const { store, proxy } = await throughProxy();
    await warm(store, 4);
    await proxy.set({ kind: "timeout" });
    const waiting = failureOf(count(store));
    await expect.poll(() => store.isSlow()).toBe(true);
    const took = stopwatch();

    await store.close();

    expect(took()).toBeLessThan(4_000);
    expectUnavailable(await waiting);
  });
});

test("a statement that takes too long is ended by the server itself, and a migration is not", async () => {
  const client = await admin();
  const store = await open();
  await client.query("BEGIN; SELECT pg_advisory_xact_lock(4871203659937214806)");
  const opening = openStore({ url: database.url, poolSize: 2 });
  const start = performance.now();

  const error = await failureOf(store.withOrganization("acme", (em) => em.execute("SELECT pg_sleep(60)")));

  expectUnavailable(error);
  expect(error).toMatchObject({ message: expect.stringContaining("did not answer in time"), cause: { code: "57014" } });
  // Silent for longer than any other connection may be.
  await new Promise((resolve) => setTimeout(resolve, 7_500 - (performance.now() - start)));
  await client.query("COMMIT");
  const another = await opening;
  cleanups.push(() => another.close());
  expect(await count(another)).toBe(0);
});
