import { Migration } from "@mikro-orm/migrations";

/** The first tables, and the role that the service reads and writes them as. */
export class ConnectorsAndApiKeys extends Migration {
  override readonly name = "20261122000000_connectors_and_api_keys";

  override up(): void {
    this.addSql(applicationRole);
    for (const statement of [...connector, ...apiKey]) this.addSql(statement);
    for (const table of ["connector", "api_key"]) {
      this.addSql(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
      this.addSql(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`);
      this.addSql(`CREATE POLICY organization_isolation ON ${table}
        USING (organization_id = NULLIF(current_setting('app.organization_id', true), ''))
        WITH CHECK (organization_id = NULLIF(current_setting('app.organization_id', true), ''))`);
      this.addSql(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${table} TO connector_application`);
    }
    this.addSql(`CREATE POLICY lookup_by_id ON api_key FOR SELECT
      USING (id = NULLIF(current_setting('app.api_key_id', true), '')::uuid)`);
  }
}

/**
 * Roles belong to the whole server, so another database of it may have made this one,
 * or be making it now. The membership is given explicitly: since PostgreSQL 16 the
 * maker of a role may grant it and yet not become it.
 */
const applicationRole = `
  DO $$
  DECLARE
    privilege text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
  BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'connector_application') THEN
      BEGIN
        CREATE ROLE connector_application NOLOGIN;
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;
      END;
    END IF;
    IF NOT pg_has_role(current_user, 'connector_application', privilege) THEN
      BEGIN
        GRANT connector_application TO CURRENT_USER;
      EXCEPTION WHEN unique_violation THEN
        NULL;
      END;
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO connector_application', current_schema());
  END
  $$`;

const connector = [
  `CREATE TABLE connector (
    id uuid PRIMARY KEY,
    organization_id varchar(64) NOT NULL,
    provider varchar(63) NOT NULL,
    name varchar(63) COLLATE "C" NOT NULL,
    display_name varchar(200) NOT NULL DEFAULT '',
    labels jsonb NOT NULL DEFAULT '{}',
    config jsonb NOT NULL,
    policy jsonb,
    disabled boolean NOT NULL DEFAULT false,
    sealed_credential bytea,
    credential_version int NOT NULL DEFAULT 0,
    credential_update_time timestamptz(3),
    version int NOT NULL DEFAULT 1,
    create_time timestamptz(3) NOT NULL,
    update_time timestamptz(3) NOT NULL,
    CONSTRAINT connector_name_unique UNIQUE (organization_id, name),
    CONSTRAINT connector_organization_id_check CHECK (organization_id <> ''),
    CONSTRAINT connector_name_check CHECK (name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'),
    CONSTRAINT connector_labels_check CHECK (jsonb_typeof(labels) = 'object'),
    CONSTRAINT connector_config_check CHECK (jsonb_typeof(config) = 'object'),
    CONSTRAINT connector_policy_check CHECK (jsonb_typeof(policy) = 'object'),
    CONSTRAINT connector_credential_check CHECK (sealed_credential IS NULL OR credential_version > 0)
  )`,
  "CREATE INDEX connector_create_time_index ON connector (organization_id, create_time, id)",
  "CREATE INDEX connector_update_time_index ON connector (organization_id, update_time, id)",
];

const apiKey = [
  `CREATE TABLE api_key (
    id uuid PRIMARY KEY,
    organization_id varchar(64) NOT NULL,
    principal varchar(255) NOT NULL,
    secret_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    connector_ids text[] NOT NULL DEFAULT '{}',
    create_time timestamptz(3) NOT NULL,
    expire_time timestamptz(3),
    last_use_time timestamptz(3),
    revoke_time timestamptz(3),
    CONSTRAINT api_key_organization_id_check CHECK (organization_id <> ''),
    CONSTRAINT api_key_principal_check CHECK (principal <> ''),
    CONSTRAINT api_key_secret_hash_check CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT api_key_scopes_check CHECK (cardinality(scopes) > 0)
  )`,
  "CREATE INDEX api_key_create_time_index ON api_key (organization_id, create_time, id)",
];
