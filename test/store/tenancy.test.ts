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

/** What is wrong with how tables are closed; empty when nothing is. */
const gaps = `
  SELECT relname AS table_name
  FROM pg_class
  WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
    AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'organization_id')
    AND NOT (
      relrowsecurity AND relforcerowsecurity
      AND EXISTS (
        SELECT FROM pg_policies
        WHERE schemaname = 'public' AND tablename = relname AND cmd = 'ALL'
          AND qual LIKE '%organization_id%app.organization_id%' AND with_check LIKE '%app.organization_id%'
      )
    )`;

test("every table of organizations' rows forces row-level security, and the check would notice one that doesn't", async () => {
  expect((await admin.query(gaps)).rows).toEqual([]);
  await admin.query("BEGIN; CREATE TABLE open_table (organization_id text)");
  expect((await admin.query(gaps)).rows).toEqual([{ table_name: "open_table" }]);
  await admin.query("ALTER TABLE open_table ENABLE ROW LEVEL SECURITY");
  expect((await admin.query(gaps)).rows).toEqual([{ table_name: "open_table" }]);
  await admin.query("ROLLBACK");
});

test("the application's role can neither log in, bypass row-level security, own anything nor change a table", async () => {
  const { rows } = await admin.query(
    `SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,
            (SELECT count(*)::int FROM pg_class WHERE relowner = pg_roles.oid) AS owns
     FROM pg_roles WHERE rolname = 'connector_application'`,
  );
  expect(rows).toEqual([
    { rolcanlogin: false, rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcreatedb: false, owns: 0 },
  ]);
  const alter = store.withOrganization("acme", (em) => em.execute("ALTER TABLE connector NO FORCE ROW LEVEL SECURITY"));
  await expect(alter).rejects.toMatchObject({ code: "42501" });
});

test("no view and no definer's function leads around row-level security", async () => {
  const { rows } = await admin.query(
    `SELECT relname FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace
     UNION ALL SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace`,
  );
  expect(rows).toEqual([]);
});
