import type { EntityManager, FilterQuery } from "@mikro-orm/postgresql";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { databaseOf } from "../../src/store/database.ts";
import { ApiKey } from "../../src/store/entities/apiKey.ts";
import { Connector, type ConnectorRow } from "../../src/store/entities/connector.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { newApiKey, newConnector } from "./rows.ts";

let database: FreshDatabase;
let store: Store;
/** As the superuser, whom row-level security does not bind. */
let admin: pg.Client;
const mine = newConnector("acme");
const foreign = newConnector("other");
const foreignKey = newApiKey("other");

beforeAll(async () => {
  database = await freshDatabase();
  store = await openStore({ url: database.url });
  admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
  await store.withOrganization("acme", async (em) => em.create(Connector, mine));
  await store.withOrganization("other", async (em) => {
    em.create(Connector, foreign);
    em.create(ApiKey, foreignKey);
  });
});

afterAll(async () => {
  await admin.end();
  await store.close();
  await database.drop();
});

const hostile: readonly FilterQuery<ConnectorRow>[] = [
  {},
  { organizationId: "other" },
  { id: foreign.id },
  { $or: [{ organizationId: "acme" }, { organizationId: "other" }] },
  { organizationId: { $ne: "acme" } },
  { organizationId: { $like: "%" } },
  { $not: { organizationId: "acme" } },
  { id: { $in: [mine.id, foreign.id] } },
];

test.each(hostile)("the filter %j finds no foreign row, with the ORM's own filters off", async (where) => {
  const found = await store.withOrganization("acme", (em) => em.find(Connector, where, { filters: false }));

  expect(found.filter(({ organizationId }) => organizationId !== "acme")).toEqual([]);
});

test("raw statements, forks and nested transactions see no foreign row", async () => {
  await store.withOrganization("acme", async (em) => {
    const ids = async (of: EntityManager): Promise<unknown> => of.execute("SELECT id FROM connector");
    expect(await ids(em)).toEqual([{ id: mine.id }]);
    expect(await em.transactional((nested) => ids(nested as EntityManager))).toEqual([{ id: mine.id }]);
    expect(await em.fork().find(Connector, { id: foreign.id })).toEqual([]);
    expect(await em.execute("SELECT id FROM api_key")).toEqual([]);
  });
});

test("foreign rows can be neither changed, deleted, taken over nor planted", async () => {
  await store.withOrganization("acme", async (em) => {
    expect(await em.nativeUpdate(Connector, { id: foreign.id }, { displayName: "taken" })).toBe(0);
    expect(await em.nativeDelete(Connector, { id: foreign.id })).toBe(0);
  });
  const plant = store.withOrganization("acme", async (em) => em.create(Connector, newConnector("other")));
  await expect(plant).rejects.toMatchObject({ code: "42501" });
  const giveAway = store.withOrganization("acme", (em) =>
    em.nativeUpdate(Connector, { id: mine.id }, { organizationId: "other" }),
  );
  await expect(giveAway).rejects.toMatchObject({ code: "42501" });
  const truncate = store.withOrganization("acme", (em) => em.execute("TRUNCATE connector"));
  await expect(truncate).rejects.toMatchObject({ code: "42501" });

  const { rows } = await admin.query("SELECT organization_id, display_name FROM connector ORDER BY 1");
  expect(rows).toEqual([
    { organization_id: "acme", display_name: "" },
    { organization_id: "other", display_name: "" },
  ]);
});

test("without an organization there is nothing to see", async () => {
  expect(await store.withOrganization("", (em) => em.find(Connector, {}))).toEqual([]);
  // As a pooled connection is left by a transaction before: the setting is '' then, and not NULL.
  await admin.query("BEGIN; SELECT set_config('app.organization_id', 'acme', true); COMMIT");
  await admin.query("BEGIN; SET LOCAL ROLE connector_application");
  const { rows } = await admin.query("SELECT id FROM connector UNION ALL SELECT id FROM api_key");
  await admin.query("ROLLBACK");
  expect(rows).toEqual([]);
});

test("role and organization end with the transaction, also one that fails", async () => {
  const orm = databaseOf({ url: database.url, poolSize: 1, log: () => undefined });
  const single = await openStore({ url: database.url, poolSize: 2 });
  const state = "SELECT current_user AS role, current_setting('app.organization_id', true) AS organization";
  try {
    const inside = await single.withOrganization("acme", (em) => em.execute(state));
    expect(inside).toEqual([{ role: "connector_application", organization: "acme" }]);
    const em = orm.em.fork({
      session: { variables: { role: "connector_application", "app.organization_id": "acme" } },
    });
    await expect(em.transactional(() => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
    expect(await orm.em.fork().execute(state)).toEqual([{ role: "postgres", organization: "" }]);
  } finally {
    await single.close();
    await orm.close(true);
  }
});

test("looking up an API key shows that key and no other row", async () => {
  await admin.query("BEGIN; SET LOCAL ROLE connector_application");
  await admin.query("SELECT set_config('app.api_key_id', $1, true)", [foreignKey.id]);
  const keys = await admin.query("SELECT id FROM api_key");
  const connectors = await admin.query("SELECT id FROM connector");
  const changed = await admin.query("UPDATE api_key SET revoke_time = now()");
  await admin.query("ROLLBACK");

  expect(keys.rows).toEqual([{ id: foreignKey.id }]);
  expect(connectors.rows).toEqual([]);
  expect(changed.rowCount).toBe(0);
});

test.each([
  "ALTER TABLE connector NO FORCE ROW LEVEL SECURITY",
  "DROP POLICY organization_isolation ON connector",
  "CREATE TABLE mine (id int)",
  "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
  "UPDATE query_record SET rows = 0",
  "DELETE FROM query_record",
  "DELETE FROM api_key",
  "UPDATE api_key SET scopes = '{connector.admin}'",
  "SELECT * FROM migration",
  "COPY connector TO PROGRAM 'cat'",
])("the application may not: %s", async (statement) => {
  const attempt = store.withOrganization("acme", (em) => em.execute(statement));
  await expect(attempt).rejects.toMatchObject({ code: "42501" });
});

test("the auditor reads what happened in all organizations, and neither connectors nor keys, and changes nothing", async () => {
  for (const organization of ["acme", "other"]) {
    await store.withOrganization(organization, (em) =>
      em.execute(
        `INSERT INTO query_record (organization_id, id, create_time, connector_id, principal, method, rows, bytes, attempts,
           breaker_state, cached, rate_limit_ms, bulkhead_ms, backoff_ms, pool_ms, connect_ms, source_ms, transfer_ms, total_ms)
         VALUES (?, gen_random_uuid(), now(), gen_random_uuid(), 'p', 'Query', 0, 0, 1, 'closed', false, 0, 0, 0, 0, 0, 0, 0, 0)`,
        [organization],
      ),
    );
  }
  const asAuditor = async (statement: string) => {
    await admin.query("BEGIN; SET LOCAL ROLE connector_audit");
    return admin.query(statement).finally(() => admin.query("ROLLBACK"));
  };
  const { rows } = await asAuditor("SELECT DISTINCT organization_id FROM query_record ORDER BY 1");
  expect(rows).toEqual([{ organization_id: "acme" }, { organization_id: "other" }]);
  for (const statement of [
    "SELECT FROM connector",
    "SELECT FROM api_key",
    "DELETE FROM query_record",
    "UPDATE query_record SET rows = 0",
    "INSERT INTO query_record (id) VALUES (gen_random_uuid())",
    "CREATE TABLE mine (id int)",
  ]) {
    await expect(asAuditor(statement)).rejects.toMatchObject({ code: "42501" });
  }
});

test("the owner itself sees no row", async () => {
  await admin.query("BEGIN; SET LOCAL ROLE connector_owner");
  const { rows } = await admin.query("SELECT id FROM connector UNION ALL SELECT id FROM api_key");
  await admin.query("ROLLBACK");
  expect(rows).toEqual([]);
});

test("two organizations may have rows of one id, and each has its own", async () => {
  const id = crypto.randomUUID();
  for (const organization of ["acme", "other"]) {
    await store.withOrganization(organization, async (em) =>
      em.create(Connector, newConnector(organization, { id, name: "twin", displayName: organization })),
    );
  }
  await store.withOrganization("acme", async (em) => em.remove(await em.findOneOrFail(Connector, { id })));
  const left = await store.withOrganization("other", (em) => em.findOneOrFail(Connector, { id }));
  expect(left.displayName).toBe("other");
  await store.withOrganization("other", (em) => em.nativeDelete(Connector, { id }));
});
