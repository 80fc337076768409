/** No table, view, function or role of the store lets an organization reach another's rows. */
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStore } from "../../src/store/store.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { violations } from "./catalogue.ts";

let database: FreshDatabase;
/** As the superuser. */
let admin: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  const store = await openStore({ url: database.url });
  await store.close();
  admin = new pg.Client({ connectionString: database.url });
  await admin.connect();
});

afterAll(async () => {
  await admin.end();
  await database.drop();
});

test("every table, view, function and role keeps to the rules", async () => {
  expect(await violations(admin)).toEqual([]);
});

const own = "organization_id = NULLIF(current_setting('app.organization_id', true), '')";
const policy = `CREATE POLICY organization_isolation ON offender TO connector_application USING (${own}) WITH CHECK (${own})`;
const closing = "ALTER TABLE offender ENABLE ROW LEVEL SECURITY; ALTER TABLE offender FORCE ROW LEVEL SECURITY";
const columns = "organization_id varchar(64) NOT NULL, id uuid NOT NULL";
/** A table that breaks no rule, made as migrations make them. */
const good = [
  "SET LOCAL ROLE connector_owner",
  `CREATE TABLE offender (${columns}, PRIMARY KEY (organization_id, id))`,
  closing,
  policy,
].join("; ");

/** What breaks a rule of the table, and what is to be said of it. */
const offences: readonly (readonly [string, string])[] = [
  ["ALTER TABLE offender DISABLE ROW LEVEL SECURITY", "row-level security is enabled and forced: offender"],
  ["ALTER TABLE offender NO FORCE ROW LEVEL SECURITY", "row-level security is enabled and forced: offender"],
  ["DROP POLICY organization_isolation ON offender", "a table has the policy of isolation: offender"],
  ["ALTER POLICY organization_isolation ON offender TO PUBLIC", "only the known policies let rows through: offender"],
  [
    "ALTER POLICY organization_isolation ON offender USING (true)",
    "only the known policies let rows through: offender",
  ],
  [
    "ALTER POLICY organization_isolation ON offender WITH CHECK (true)",
    "only the known policies let rows through: offender",
  ],
  [
    "CREATE POLICY more ON offender FOR SELECT TO connector_application USING (true)",
    "only the known policies let rows through: offender: more for SELECT to connector_application",
  ],
  [
    "ALTER TABLE offender DROP CONSTRAINT offender_pkey, ALTER organization_id DROP NOT NULL, ADD PRIMARY KEY (id)",
    "organization_id is there and never null: offender",
  ],
  [
    "ALTER TABLE offender DROP CONSTRAINT offender_pkey, ADD PRIMARY KEY (id, organization_id)",
    "organization_id comes first in the primary key and in every unique index: offender_pkey",
  ],
  [
    "ALTER TABLE offender DROP CONSTRAINT offender_pkey",
    "organization_id comes first in the primary key and in every unique index: offender",
  ],
  [
    "CREATE UNIQUE INDEX offender_id ON offender (id)",
    "organization_id comes first in the primary key and in every unique index: offender_id",
  ],
  [
    "ALTER TABLE offender ADD other uuid, ADD UNIQUE (organization_id, other), ADD CONSTRAINT offender_api_key FOREIGN KEY (id) REFERENCES api_key (id)",
    "a foreign key leads to the same organization: offender_api_key",
  ],
  ["RESET ROLE; ALTER TABLE offender OWNER TO postgres", "the owner is connector_owner: offender"],
  ["GRANT TRUNCATE ON offender TO connector_application", "nobody may do more than what is said: offender"],
  ["GRANT SELECT ON offender TO PUBLIC", "nobody may do more than what is said: offender: PUBLIC: SELECT"],
  [
    "GRANT UPDATE (id) ON offender TO connector_audit",
    "nobody may do more than what is said: offender: connector_audit",
  ],
  [
    "GRANT EXECUTE ON FUNCTION connector_changed_fn() TO PUBLIC",
    "nobody may do more than what is said: connector_changed_fn",
  ],
  [
    "GRANT USAGE ON SEQUENCE migration_id_seq TO connector_application",
    "nobody may do more than what is said: migration_id_seq",
  ],
  ["GRANT DELETE ON query_record TO connector_application", "nobody may do more than what is said: query_record"],
  [
    "CREATE VIEW offending AS SELECT * FROM connector",
    "a view reads as its reader, and no copy of rows is kept elsewhere: offending",
  ],
  [
    "CREATE MATERIALIZED VIEW offending AS SELECT * FROM connector WITH NO DATA",
    "a view reads as its reader, and no copy of rows is kept elsewhere: offending",
  ],
  [
    "CREATE FUNCTION offending() RETURNS int SECURITY DEFINER SET search_path = pg_catalog RETURN 1",
    "a function runs as its caller, and finds what it calls in a path of its own: offending",
  ],
  [
    "CREATE FUNCTION offending() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "a function runs as its caller, and finds what it calls in a path of its own: offending",
  ],
  [
    "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO connector_audit",
    "no other role gets by default what is yet to be made: connector_audit",
  ],
  [
    "RESET ROLE; ALTER ROLE connector_application BYPASSRLS",
    "the roles own nothing else, log in nowhere, and are nobody's members: connector_application",
  ],
  [
    "RESET ROLE; ALTER ROLE connector_audit LOGIN",
    "the roles own nothing else, log in nowhere, and are nobody's members: connector_audit",
  ],
  [
    "RESET ROLE; GRANT connector_owner TO connector_application",
    "the roles own nothing else, log in nowhere, and are nobody's members: connector_application",
  ],
  ["RESET ROLE; CREATE TABLE offending (id int)", "row-level security is enabled and forced: offending"],
];

test("a table that is made as the others are breaks no rule, and nobody can use it yet", async () => {
  expect(await violationsAfter(good)).toEqual([]);
});

test.each(offences)("the rules name who breaks them: %s", async (offence, violation) => {
  const found = await violationsAfter(`${good}; ${offence}`);
  expect(found.filter((each) => each.startsWith(violation))).toHaveLength(1);
});

/** Of the statements nothing stays. */
async function violationsAfter(statements: string): Promise<string[]> {
  await admin.query("BEGIN");
  try {
    await admin.query(statements);
    await admin.query("RESET ROLE");
    return await violations(admin);
  } finally {
    await admin.query("ROLLBACK");
  }
}
