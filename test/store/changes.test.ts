/** Changes of connectors are told as they are committed, and it is known when they may not be. */
import { connect } from "node:net";
import pg from "pg";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Connector } from "../../src/store/entities/connector.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { patience } from "../support/patience.ts";
import { type FreshDatabase, freshDatabase, ownCluster } from "../support/postgres.ts";
import { rogueServer } from "../support/service.ts";
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
  const store = await openStore({ url, poolSize: 2 });
  cleanups.push(() => store.close());
  return store;
}

/** Listens, and gathers what is told. */
async function listening(store: Store) {
  const changes: string[] = [];
  const availability: boolean[] = [];
  const listener = store.listen({
    onChange: (organizationId, connectorId) => void changes.push(`${organizationId} ${connectorId}`),
    onAvailable: (available) => void availability.push(available),
  });
  await vi.waitUntil(() => availability.at(-1), patience);
  return { changes, availability, listener };
}

async function admin(url = database.url): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  cleanups.push(() => client.end().catch(() => undefined));
  return client;
}

test("an update and a deletion are told when they are committed, by whomever, and neither a creation nor what is undone", async () => {
  const store = await open();
  const { changes } = await listening(await open());
  const connector = newConnector("acme/eu");
  await store.withOrganization("acme/eu", async (em) => em.create(Connector, connector));
  const undone = store.withOrganization("acme/eu", async (em) => {
    await em.nativeUpdate(Connector, { id: connector.id }, { disabled: true });
    throw new Error("undone");
  });
  await expect(undone).rejects.toThrow("undone");
  await store.withOrganization("acme/eu", (em) => em.nativeUpdate(Connector, { id: connector.id }, { disabled: true }));
  await vi.waitUntil(() => changes.length === 1, patience);
  const client = await admin();
  await client.query("BEGIN; DELETE FROM connector");
  await client.query("SELECT 1");
  expect(changes).toHaveLength(1);
  await client.query("COMMIT");
  await vi.waitUntil(() => changes.length === 2, patience);
  expect(changes).toEqual([`acme/eu ${connector.id}`, `acme/eu ${connector.id}`]);
});

test("what the trigger calls can't be replaced by another schema's", async () => {
  const store = await open();
  const { changes } = await listening(await open());
  const connector = newConnector("acme");
  await store.withOrganization("acme", async (em) => em.create(Connector, connector));
  const client = await admin();
  await client.query(`CREATE SCHEMA evil;
    CREATE FUNCTION evil.pg_notify(text, text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE 'called'; END $$;
    SET search_path = evil, pg_catalog, public;
    UPDATE public.connector SET disabled = true`);
  await vi.waitUntil(() => changes.length === 1, patience);
});

test("a connection that is lost is told, and made again", async () => {
  const { changes, availability } = await listening(await open());
  const client = await admin();
  await client.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'connector-service changes' AND datname = current_database()",
  );
  await vi.waitUntil(() => availability.length === 3, patience);
  expect(availability).toEqual([true, false, true]);
  await client.query("SELECT pg_notify('connector_changed', 'acme/1')");
  await vi.waitUntil(() => changes.length === 1, patience);
});

test("a frozen database is noticed within 5 s, and listened to again when it goes on", async () => {
  const cluster = await ownCluster();
  cleanups.push(() => cluster.stop());
  const { availability } = await listening(await open(cluster.url));
  await cluster.kill("SIGSTOP");
  const took = stopwatch();
  await vi.waitUntil(() => availability.length === 2, patience);
  expect(took()).toBeLessThan(5_000);
  await cluster.kill("SIGCONT");
  await vi.waitUntil(() => availability.length === 3, patience);
  expect(availability).toEqual([true, false, true]);
});

test("a way on which nothing is passed on is not taken for one on which nothing happens", async () => {
  const { hostname, port } = new URL(database.url);
  let asked = 0;
  // As a pooler does whose server's connection is another one in the next transaction.
  const pooler = await rogueServer((caller) => {
    const server = connect(Number(port), hostname).on("error", () => {});
    caller.on("data", (bytes) => {
      const text = bytes.toString("latin1");
      if (text.includes("LISTEN ")) asked++;
      server.write(text.replaceAll("LISTEN connector", "LISTEN elsewhere"), "latin1");
    });
    server.pipe(caller);
    caller.once("close", () => server.destroy());
  });
  cleanups.push(() => pooler.stop());
  const url = new URL(database.url);
  url.port = String(pooler.port);
  const availability: boolean[] = [];
  const store = await open(url.href);
  store.listen({ onChange: () => {}, onAvailable: (available) => void availability.push(available) });
  await vi.waitUntil(() => asked >= 2, patience);
  expect(availability).toEqual([false]);
});

test("who closes the listener or its store hears no more, also while the database is gone", async () => {
  const cluster = await ownCluster();
  cleanups.push(() => cluster.stop());
  const store = await open(cluster.url);
  const { listener, availability } = await listening(store);
  await listener.close();
  expect(availability).toEqual([true, false]);
  const second = await listening(store);
  await cluster.kill("SIGKILL");
  await vi.waitUntil(() => second.availability.at(-1) === false, patience);
  await store.close();
  expect(second.availability).toEqual([true, false]);
});
