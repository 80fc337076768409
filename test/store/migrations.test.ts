/** What later migrations make belongs to the owner, and what they can't do they don't do in silence. */
import { Migration } from "@mikro-orm/migrations";
import { MikroORM } from "@mikro-orm/postgresql";
import pg from "pg";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { migrate } from "../../src/store/database.ts";
import { Connector } from "../../src/store/entities/connector.ts";
import { bringUpToDate, missingMigrations } from "../../src/store/schema.ts";
import { openStore } from "../../src/store/store.ts";
import { runProgram } from "../service/process.ts";
import { patience } from "../support/patience.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { violations } from "./catalogue.ts";
import { newConnector } from "./rows.ts";

let database: FreshDatabase;
/** As the superuser. */
let admin: pg.Client;

beforeEach(async () => {
  waited = [];
  database = await freshDatabase();
  const store = await openStore({ url: database.url });
  await store.withOrganization("acme", async (em) => em.create(Connector, newConnector("acme")));
  await store.close();
  admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
});

afterEach(async () => {
  await admin.end();
  await database.drop();
});

/** What migrations have waited for. */
let waited: string[] = [];

/** Runs a migration as that of a later version. */
async function later(...statements: string[]): Promise<string[]> {
  class Later extends Migration {
    override readonly name = "29990101000000_later";
    override up(): void {
      for (const statement of statements) this.addSql(statement);
    }
  }
  const orm = new MikroORM({
    clientUrl: database.url,
    entities: [Connector],
    migrations: { migrationsList: [Later], snapshot: false, silent: true, tableName: "migration" },
  });
  try {
    return await migrate(orm, (forWhat) => waited.push(forWhat));
  } finally {
    await orm.close(true);
  }
}

test("a table and a function of a later migration belong to the owner, and nobody else may use them yet", async () => {
  await later(
    "CREATE TABLE later (organization_id varchar(64) NOT NULL, id uuid, PRIMARY KEY (organization_id, id))",
    "CREATE FUNCTION later_fn() RETURNS int LANGUAGE sql SET search_path = pg_catalog AS 'SELECT 1'",
  );
  // Of the rules it breaks those alone that a migration has to see to itself.
  expect(await violations(admin)).toEqual([
    "row-level security is enabled and forced: later",
    "a table has the policy of isolation: later",
  ]);
});

test("a migration that changes rows where it would see none fails, and nothing of it stays", async () => {
  const failing = later("ALTER TABLE connector ADD note text", "UPDATE connector SET note = 'changed'");
  await expect(failing).rejects.toThrow("row-level security");
  const { rows } = await admin.query("SELECT * FROM connector");
  expect(rows).toHaveLength(1);
  expect(rows[0]).not.toHaveProperty("note");

  await later(
    "ALTER TABLE connector ADD note text",
    "ALTER TABLE connector NO FORCE ROW LEVEL SECURITY",
    "UPDATE connector SET note = 'changed'",
    "ALTER TABLE connector FORCE ROW LEVEL SECURITY",
  );
  expect((await admin.query("SELECT note FROM connector")).rows).toEqual([{ note: "changed" }]);
});

test("a migration that waits for a table lets others by, and is done when the table is free", async () => {
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  await holder.query("BEGIN; SELECT FROM connector");
  const migrating = later("ALTER TABLE connector ADD note text");
  const waiting = "SELECT count(*)::int AS count FROM pg_locks WHERE NOT granted AND relation = 'connector'::regclass";
  await vi.waitUntil(async () => (await admin.query(waiting)).rows[0].count > 0, patience);
  // Behind the one who waits, for as long as the holder holds.
  await admin.query("SET statement_timeout = 60000; SELECT FROM connector");
  await vi.waitUntil(() => waited.length > 0, patience);
  await holder.query("COMMIT");
  expect(await migrating).toEqual(["29990101000000_later"]);
  expect(waited[0]).toBe("for tables of the service that others hold (59 more tries)");
  expect((await admin.query("SELECT note FROM connector")).rows).toEqual([{ note: null }]);
  await holder.end();
});

test("a store that is not to migrate refuses a schema that is behind, and bears one that is ahead", async () => {
  const url = database.url;
  await (await openStore({ url, migrates: false })).close();
  await later("CREATE TABLE later (organization_id varchar(64) NOT NULL, id uuid, PRIMARY KEY (organization_id, id))");
  await (await openStore({ url, migrates: false })).close();

  const last = "(SELECT max(name) FROM migration WHERE name NOT LIKE '2999%')";
  const [{ name }] = (await admin.query(`DELETE FROM migration WHERE name = ${last} RETURNING name`)).rows;
  await expect(openStore({ url, migrates: false })).rejects.toMatchObject({
    kind: "configuration_rejected",
    message: expect.stringContaining(name),
    remedy: expect.stringContaining("npm run migrate"),
  });
  expect(await missingMigrations(url)).toEqual([name]);
});

test("a store that is not to migrate makes nothing in an empty database, and a migration fills it", async () => {
  const empty = await freshDatabase();
  onTestFinished(empty.drop);
  await expect(openStore({ url: empty.url, migrates: false })).rejects.toMatchObject({
    kind: "configuration_rejected",
  });
  const all = await missingMigrations(empty.url);
  expect(all.length).toBeGreaterThan(10);
  expect(await bringUpToDate(empty.url)).toEqual(all);
  expect(await bringUpToDate(empty.url)).toEqual([]);
  await (await openStore({ url: empty.url, migrates: false })).close();
});

test("of two that migrate at once each claims only what it has done, and who waits says for what", async () => {
  const empty = await freshDatabase();
  onTestFinished(empty.drop);
  const all = await missingMigrations(empty.url);
  const done = await Promise.all([1, 2].map(() => bringUpToDate(empty.url, (forWhat) => waited.push(forWhat))));
  expect(done.sort((a, b) => a.length - b.length)).toEqual([[], all]);
  // Nobody, if one is over before the other begins.
  expect(waited.filter((forWhat) => forWhat !== "for another that brings the schema up to date")).toEqual([]);
});

test("the command that waits for another's migrations says once which they are", async () => {
  const empty = await freshDatabase();
  onTestFinished(empty.drop);
  const waiting = runProgram("cli/migrate.ts", { DATABASE_URL: empty.url }, ["--wait", "600"]);
  await waiting.said(/^Waiting\. It has not had 20261122000000_connectors_and_api_keys, /m);
  await bringUpToDate(empty.url);
  expect(await waiting.ended).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/\nThe schema is up to date\.\n$/),
  });
  expect(waiting.output().stdout.match(/Waiting/g)).toHaveLength(1);
});
