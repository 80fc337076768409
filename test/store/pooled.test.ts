/** The store through pgbouncer in transaction mode, where the next transaction on a connection is somebody else's. */
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { Failure } from "../../src/failure.ts";
import { ApiKey } from "../../src/store/entities/apiKey.ts";
import { Connector } from "../../src/store/entities/connector.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { type FaultProxy, faultProxy } from "../support/fault-proxy.ts";
import { patience } from "../support/patience.ts";
import { type PgBouncer, pgbouncer } from "../support/pgbouncer.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { scaled } from "../torture/scale.ts";
import { newApiKey, newConnector } from "./rows.ts";

const poolSize = 3;

let database: FreshDatabase;
let pooler: PgBouncer;
/** The database's, through the pooler. */
let url: string;
/** As the superuser, and not through the pooler. */
let admin: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  // As the superuser, who would see everything where the role did not hold.
  pooler = await pgbouncer(database.url, poolSize);
  url = pooler.through(database.url);
  admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
});

afterAll(async () => {
  await admin.end();
  await pooler.stop();
  await database.drop();
});

test("replicas that start at once, more than the pooler has connections, all come up", async () => {
  const stores = await Promise.all(Array.from({ length: poolSize + 2 }, () => openStore({ url })));
  for (const store of stores) await store.close();
  await expectClean();
});

test("a listener is not taken for one that hears, and one on a direct way hears at once", async () => {
  const pooled: boolean[] = [];
  const direct: boolean[] = [];
  const store = await openStore({ url });
  const other = await openStore({ url, listenUrl: database.url });
  try {
    store.listen({ onChange: () => {}, onAvailable: (available) => void pooled.push(available) });
    const changed = vi.fn();
    other.listen({ onChange: changed, onAvailable: (available) => void direct.push(available) });
    await vi.waitUntil(() => pooled.length > 0 && direct.at(-1), patience);
    expect(pooled).toEqual([false]);
    const { id } = await store.withOrganization("acme", async (em) => em.create(Connector, newConnector("acme")));
    await store.withOrganization("acme", (em) => em.nativeDelete(Connector, { id }));
    await vi.waitUntil(() => changed.mock.calls.length > 0, patience);
    expect(changed).toHaveBeenCalledWith("acme", id, false);
  } finally {
    await Promise.all([store.close(), other.close()]);
  }
});

/** Transactions that begin now, one on each of the pooler's connections, find nothing of those before. */
async function expectClean(): Promise<void> {
  const clients = await Promise.all(
    Array.from({ length: poolSize }, async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query("BEGIN");
      return client;
    }),
  );
  const found = await Promise.all(clients.map((client) => client.query(residue)));
  for (const client of clients) await client.query("ROLLBACK").then(() => client.end());
  expect(new Set(found.map(({ rows }) => rows[0].pid)).size).toBe(poolSize);
  for (const { rows } of found) {
    expect(rows[0]).toEqual({
      ...{ pid: expect.anything(), role: "none", user: "postgres", organization: "", key: "" },
      ...{ timeout: "0", idle: "0", prepared: 0, cursors: 0, locks: 0 },
    });
  }
}

const residue = `
  SELECT pg_backend_pid() AS pid, current_setting('role') AS role, current_user AS user,
    coalesce(current_setting('app.organization_id', true), '') AS organization,
    coalesce(current_setting('app.api_key_id', true), '') AS key,
    current_setting('statement_timeout') AS timeout, current_setting('idle_in_transaction_session_timeout') AS idle,
    (SELECT count(*)::int FROM pg_prepared_statements) AS prepared, (SELECT count(*)::int FROM pg_cursors) AS cursors,
    (SELECT count(*)::int FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory') AS locks`;

const operations = scaled({ test: 2_000, torture: 100_000 });
const organizations = ["acme", "other"] as const;
type Organization = (typeof organizations)[number];

/** What is thrown on purpose, in the middle of a transaction. */
class Aborted extends Error {}

interface Stage {
  readonly store: Store;
  readonly proxy: FaultProxy;
  readonly keys: Readonly<Record<Organization, string>>;
}

let stage: Stage;

beforeEach(async ({ task }) => {
  if (!task.name.includes("operations")) return;
  const { hostname, port } = new URL(url);
  const proxy = await faultProxy({ host: hostname, port: Number(port) });
  const harmed = new URL(url);
  harmed.port = String(proxy.port);
  const store = await openStore({ url: harmed.href });
  const keys = { acme: newApiKey("acme"), other: newApiKey("other") };
  for (const organization of organizations) {
    await store.withOrganization(organization, async (em) => {
      em.create(ApiKey, keys[organization]);
      for (let i = 0; i < 3; i++) em.create(Connector, newConnector(organization));
    });
  }
  stage = { store, proxy, keys: { acme: keys.acme.id, other: keys.other.id } };
  return async () => {
    await store.close();
    await proxy.stop();
  };
});

test(`of ${operations} interleaved operations of two organizations, many aborted or cut, none sees or writes a foreign row`, {
  timeout: scaled({ test: 240_000, torture: 3_600_000 }),
}, async () => {
  const counts = { done: 0, aborted: 0, cut: 0, refused: 0, foreign: 0 };
  let left = operations;
  const worker = async () => {
    while (left-- > 0) {
      if (left % 97 === 0) await harm(stage.proxy);
      const organization = pick(organizations);
      try {
        const seen = await pick(kinds)(stage, organization);
        counts.foreign += seen.filter((each) => each !== organization).length;
        counts.done++;
      } catch (error) {
        // Of two that change all rows in different orders, PostgreSQL aborts one.
        if (error instanceof Aborted || isOf(error, "22012") || isOf(error, "40P01")) counts.aborted++;
        else if (isOf(error, "42501")) counts.refused++;
        // The database's administrator cancelled it, ended its connection, or the way was cut.
        else if (error instanceof Failure && error.kind === "service_unavailable") counts.cut++;
        else throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));

  expect(counts.foreign).toBe(0);
  for (const outcome of ["aborted", "cut", "refused"] as const) expect(counts[outcome]).toBeGreaterThan(0);
  expect(counts.done).toBeGreaterThan(operations / 3);
  const { rows } = await admin.query("SELECT organization_id, display_name FROM connector");
  expect(rows.filter(({ organization_id, display_name }) => !["", organization_id].includes(display_name))).toEqual([]);
  const history = await admin.query("SELECT FROM query_record WHERE principal <> organization_id");
  expect(history.rows).toEqual([]);
  await expectClean();
  console.log(`through pgbouncer with ${poolSize} connections: ${JSON.stringify(counts)}`);
});

/** One operation of an organization; gives the organizations whose rows it saw. */
type Operation = (stage: Stage, organization: Organization) => Promise<string[]>;

const everything =
  "SELECT organization_id FROM connector UNION ALL SELECT organization_id FROM api_key UNION ALL SELECT organization_id FROM query_record";
const record = `INSERT INTO query_record (organization_id, id, create_time, connector_id, principal, method, rows, bytes, attempts,
    breaker_state, cached, rate_limit_ms, bulkhead_ms, backoff_ms, pool_ms, connect_ms, source_ms, transfer_ms, total_ms)
  SELECT current_setting('app.organization_id'), gen_random_uuid(), now(), gen_random_uuid(), ?, 'Query', 0, 0, 1,
    'closed', false, 0, 0, 0, 0, 0, 0, 0, 0 WHERE (SELECT count(*) FROM query_record) < 50`;

const kinds: readonly Operation[] = [
  async function readAll({ store }, organization) {
    return store.withOrganization(organization, async (em) => {
      const rows = await em.execute<{ organization_id: string }[]>(everything);
      return rows.map((row) => row.organization_id);
    });
  },
  async function changeAll({ store }, organization) {
    return store.withOrganization(organization, async (em) => {
      await em.nativeUpdate(Connector, {}, { displayName: organization });
      return (await em.find(Connector, {}, { filters: false })).map(({ organizationId }) => organizationId);
    });
  },
  async function makeAndRemove({ store }, organization) {
    const { id } = await store.withOrganization(organization, async (em) =>
      em.create(Connector, newConnector(organization, { displayName: organization })),
    );
    return store.withOrganization(organization, async (em) => {
      const made = await em.findOneOrFail(Connector, { id });
      em.remove(made);
      return [made.organizationId];
    });
  },
  async function writeHistory({ store }, organization) {
    await store.withOrganization(organization, (em) => em.execute(record, [organization]));
    return [];
  },
  async function lookUpKey({ store, keys }) {
    const whose = pick(organizations);
    const key = await store.findApiKey(keys[whose]);
    expect(key?.organizationId).toBe(whose);
    return [];
  },
  async function plant({ store }, organization) {
    const foreign = organization === "acme" ? "other" : "acme";
    await store.withOrganization(organization, async (em) =>
      em.create(Connector, newConnector(foreign, { displayName: "x" })),
    );
    return [foreign];
  },
  async function abort({ store }, organization) {
    return store.withOrganization(organization, async (em) => {
      await em.nativeUpdate(Connector, {}, { displayName: "aborted" });
      throw new Aborted();
    });
  },
  async function fail({ store }, organization) {
    return store.withOrganization(organization, async (em) => {
      await em.nativeUpdate(Connector, {}, { displayName: "failed" });
      return em.execute("SELECT 1 / 0");
    });
  },
  async function waitForHarm({ store }, organization) {
    return store.withOrganization(organization, async (em) => {
      await em.nativeUpdate(Connector, {}, { displayName: organization });
      await em.execute("SELECT pg_sleep(0.02)");
      const rows = await em.execute<{ organization_id: string }[]>(everything);
      return rows.map((row) => row.organization_id);
    });
  },
];

/** Cancels what runs in the pooler's connections, ends one of them, or cuts all callers off. */
async function harm(proxy: FaultProxy): Promise<void> {
  const backends = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
  const harms = [
    () => admin.query(`SELECT pg_cancel_backend(pid) ${backends} AND state <> 'idle'`),
    () => admin.query(`SELECT pg_terminate_backend(pid) ${backends} ORDER BY random() LIMIT 1`),
    async () => {
      await proxy.set({ kind: "reset_peer" });
      await proxy.set(undefined);
    },
  ];
  await pick(harms)();
}

function isOf(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function pick<T>(values: readonly T[]): T {
  return values[Math.floor(Math.random() * values.length)] as T;
}
