/** Whoever logs in to the database, the service works as roles that can't get around the isolation of organizations. */
import { Migrator } from "@mikro-orm/migrations";
import { MikroORM } from "@mikro-orm/postgresql";
import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { Connector } from "../../src/store/entities/connector.ts";
import { ConnectorsAndApiKeys } from "../../src/store/migrations/20261122000000_connectors_and_api_keys.ts";
import { History } from "../../src/store/migrations/20261122020000_history.ts";
import { ConnectorChanges } from "../../src/store/migrations/20261122030000_connector_changes.ts";
import { openStore } from "../../src/store/store.ts";
import { type OwnCluster, ownCluster } from "../support/postgres.ts";
import { newConnector } from "./rows.ts";

// Roles belong to the server: a server of its own has none, until a test makes them.
let cluster: OwnCluster;
const roles = ["connector_owner", "connector_application", "connector_audit", "connector_keys"];
const cleanups: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  cluster = await ownCluster();
});

afterAll(() => cluster.stop());

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  for (const role of roles) await run(cluster.url, `DROP ROLE IF EXISTS ${role}`);
});

async function run<Row extends object>(url: string, text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** A user and a database: its own, or the administrator's. */
async function login({ attributes = "", owner = false } = {}) {
  const name = `user_${crypto.randomUUID().slice(0, 8)}`;
  await run(cluster.url, `CREATE ROLE ${name} LOGIN PASSWORD 's3cret' ${attributes}`);
  cleanups.push(() => run(cluster.url, `DROP ROLE ${name}`));
  await run(cluster.url, `CREATE DATABASE ${name} OWNER ${owner ? name : "postgres"}`);
  cleanups.push(() => run(cluster.url, `DROP DATABASE ${name} WITH (FORCE)`));
  const admin = new URL(cluster.url);
  admin.pathname = `/${name}`;
  const url = new URL(admin);
  url.username = name;
  url.password = "s3cret";
  return { name, url: url.href, admin: admin.href };
}

/** Two organizations' rows are stored and kept apart, and the tables are the owner's. */
async function expectApart(url: string, admin: string): Promise<void> {
  const store = await openStore({ url });
  try {
    for (const organization of ["acme", "other"]) {
      await store.withOrganization(organization, async (em) => em.create(Connector, newConnector(organization)));
    }
    const [seen] = await store.withOrganization("acme", (em) =>
      em.execute(
        "SELECT current_user AS role, array_agg(DISTINCT organization_id::text) AS organizations FROM connector",
      ),
    );
    expect(seen).toEqual({ role: "connector_application", organizations: ["acme"] });
  } finally {
    await store.close();
  }
  const owners = await run(admin, "SELECT DISTINCT tableowner AS owner FROM pg_tables WHERE schemaname = 'public'");
  expect(owners).toEqual([{ owner: "connector_owner" }]);
}

async function refusalOf(url: string): Promise<Failure> {
  const failure = await openStore({ url }).then(
    () => expect.unreachable("the store was opened"),
    (cause) => cause,
  );
  expect(failure).toBeInstanceOf(Failure);
  expect(failure).toMatchObject({ kind: "configuration_rejected", where: "service" });
  return failure;
}

/** What the remedy tells an administrator to run. */
function statementsOf({ remedy = "" }: Failure): string {
  return remedy.slice(remedy.indexOf(": ") + 2);
}

test("a superuser's service makes the roles, and works as them", async () => {
  const { url, admin } = await login({ attributes: "SUPERUSER" });
  await expectApart(url, admin);
});

test("the owner of a database who may create roles has them made, and works as them", async () => {
  const { url, admin, name } = await login({ attributes: "CREATEROLE", owner: true });
  await expectApart(url, admin);
  // As itself it has nothing: it must become a role first.
  const inherits = await run(
    admin,
    "SELECT FROM pg_class WHERE relname = 'connector' AND has_table_privilege($1, oid, 'SELECT')",
    [name],
  );
  expect(inherits).toEqual([]);
});

test("a plain user is told what an administrator has to run, and that suffices", async () => {
  const { url, admin, name } = await login();
  const refusal = await refusalOf(url);
  expect(refusal.message).toContain(`The user "${name}" lacks`);
  for (const role of roles) expect(refusal.message).toContain(`the role ${role}`);
  expect(refusal.message).not.toContain("s3cret");
  await run(admin, statementsOf(refusal));
  await expectApart(url, admin);

  // From then on the user need not make anything.
  await run(admin, `REVOKE CREATE ON SCHEMA public FROM ${name}`);
  const store = await openStore({ url });
  await store.close();
});

test("roles that another user has made are asked for one by one", async () => {
  const first = await login({ attributes: "CREATEROLE", owner: true });
  await expectApart(first.url, first.admin);
  const second = await login({ owner: true });
  const refusal = await refusalOf(second.url);
  expect(statementsOf(refusal).split("; ")).toHaveLength(roles.length);
  expect(statementsOf(refusal)).not.toContain("CREATE ROLE");
  await run(second.admin, statementsOf(refusal));
  await expectApart(second.url, second.admin);
});

test("the tables that an earlier version has made keep their rows, and get the owner", async () => {
  const { url, admin } = await login({ attributes: "CREATEROLE", owner: true });
  const orm = new MikroORM({
    clientUrl: url,
    entities: [Connector],
    extensions: [Migrator],
    migrations: {
      migrationsList: [ConnectorsAndApiKeys, History, ConnectorChanges],
      snapshot: false,
      silent: true,
      tableName: "migration",
    },
  });
  await orm.migrator.up();
  await orm.close(true);
  const { id, name, provider } = newConnector("acme");
  await run(
    admin,
    "INSERT INTO connector (id, organization_id, name, provider, config, create_time, update_time) VALUES ($1, 'acme', $2, $3, '{}', now(), now())",
    [id, name, provider],
  );
  await expectApart(url, admin);
  expect(await run(admin, "SELECT name FROM connector WHERE id = $1", [id])).toEqual([{ name }]);
});

const ways = [
  ["ALTER ROLE connector_application SUPERUSER", "is a superuser"],
  ["ALTER ROLE connector_application BYPASSRLS", "bypasses row-level security"],
  ["GRANT connector_owner TO connector_application", "is a member of connector_owner"],
  ["GRANT pg_read_all_data TO connector_application", "is a member of pg_read_all_data"],
  ["ALTER TABLE connector DISABLE ROW LEVEL SECURITY", "does not bind connector_application in the table connector"],
] as const;

test("the service does not start when its role could get around the isolation, and says how to close the way", async () => {
  const { url, admin } = await login({ attributes: "SUPERUSER" });
  await expectApart(url, admin);
  for (const [statement, way] of ways) {
    await run(admin, statement);
    const refusal = await refusalOf(url);
    expect(refusal.message).toContain(way);
    await run(admin, statementsOf(refusal));
  }
  await expectApart(url, admin);
});
