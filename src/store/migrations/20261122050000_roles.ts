import { Migration } from "@mikro-orm/migrations";

/**
 * Tables get an owner who never serves, keys that begin with the organization, and policies
 * and privileges for exactly the roles that need them.
 *
 * The last migration that begins as whoever logs in. The roles are there: `roles.ts` sees to it.
 */
export class Roles extends Migration {
  static readonly migrationName = "20261122050000_roles";
  override readonly name = Roles.migrationName;

  override up(): void {
    for (const statements of [keys, policies, privileges, ownership]) {
      for (const statement of statements) this.addSql(statement);
    }
  }
}

const tables = ["connector", "api_key", "query_record"];

const keys = [
  ...tables.map((table) => `ALTER TABLE ${table} DROP CONSTRAINT ${table}_pkey, ADD PRIMARY KEY (organization_id, id)`),
  // Who shows a key names no organization: the id alone must lead to one row.
  "ALTER TABLE api_key ADD CONSTRAINT api_key_id_unique UNIQUE (id)",
];

const policies = [
  ...tables.map((table) => `ALTER POLICY organization_isolation ON ${table} TO connector_application`),
  "ALTER POLICY lookup_by_id ON api_key TO connector_application",
  "CREATE POLICY audit_read ON query_record FOR SELECT TO connector_audit USING (true)",
];

const privileges = [
  // A key is made, used and revoked; what it may do never changes.
  "REVOKE UPDATE, DELETE ON api_key FROM connector_application",
  "GRANT UPDATE (last_use_time, revoke_time) ON api_key TO connector_application",
  "GRANT SELECT ON query_record TO connector_audit",
];

/** Triggers call their functions whoever may do so by name. */
const ownership = [
  `DO $$
  DECLARE
    called regprocedure;
  BEGIN
    FOR called IN
      SELECT DISTINCT tgfoid FROM pg_trigger
      WHERE NOT tgisinternal AND tgrelid IN (${tables.map((table) => `'${table}'::regclass`).join(", ")})
    LOOP
      EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', called);
      EXECUTE format('ALTER FUNCTION %s OWNER TO connector_owner', called);
    END LOOP;
  END
  $$`,
  ...["migration", ...tables].map((table) => `ALTER TABLE ${table} OWNER TO connector_owner`),
  // From here on nobody else may write down that this was done.
  "SET LOCAL ROLE connector_owner",
  "ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM PUBLIC",
];
