import { Migration } from "@mikro-orm/migrations";

/**
 * Tokens that connectors' credentials are traded for, each connector's in one row; and the
 * ways to an authorization server that users' browsers are on. Both go with their connector.
 */
export class ConnectorTokens extends Migration {
  override readonly name = "20261123040000_connector_tokens";

  override up(): void {
    for (const statement of [token, tokenKeyIndex, authorization, authorizationIndex]) this.addSql(statement);
    for (const table of ["connector_token", "connector_authorization"]) {
      this.addSql(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
      this.addSql(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`);
      this.addSql(`CREATE POLICY organization_isolation ON ${table} TO connector_application
        USING (organization_id = NULLIF(current_setting('app.organization_id', true), ''))
        WITH CHECK (organization_id = NULLIF(current_setting('app.organization_id', true), ''))`);
    }
    this.addSql("GRANT SELECT, INSERT, UPDATE, DELETE ON connector_token TO connector_application");
    this.addSql("GRANT SELECT, INSERT, UPDATE, DELETE ON connector_authorization TO connector_application");
    for (const statement of rewrapping) this.addSql(statement);
  }
}

/** A sealed value's second byte is the size of its key's id, which begins at the third. */
const token = `
  CREATE TABLE connector_token (
    organization_id varchar(64) NOT NULL,
    connector_id uuid NOT NULL,
    credential_version int NOT NULL,
    -- Counts the token sets of that credential; 0 for none.
    version int NOT NULL DEFAULT 0,
    provider varchar(63) NOT NULL,
    -- Where they are sent, which they are bound to.
    endpoint jsonb NOT NULL,
    sealed_tokens bytea,
    token_key_id varchar(255) COLLATE "C" GENERATED ALWAYS AS (
      encode(substring(sealed_tokens FROM 3 FOR get_byte(sealed_tokens, 1)), 'escape')
    ) STORED,
    expire_time timestamptz(3),
    refresh_time timestamptz(3),
    -- Of the last refresh, when it failed.
    reason varchar(63) NOT NULL DEFAULT '',
    failures int NOT NULL DEFAULT 0,
    failure_time timestamptz(3),
    -- Whoever refreshes them now, and until when nobody else does.
    lease_holder uuid,
    lease_time timestamptz(3),
    PRIMARY KEY (organization_id, connector_id),
    CONSTRAINT connector_token_connector FOREIGN KEY (organization_id, connector_id)
      REFERENCES connector (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT connector_token_organization_id_check CHECK (organization_id <> ''),
    CONSTRAINT connector_token_endpoint_check CHECK (jsonb_typeof(endpoint) = 'object'),
    CONSTRAINT connector_token_sealed_check CHECK ((sealed_tokens IS NOT NULL) = (version > 0)),
    CONSTRAINT connector_token_lease_check CHECK ((lease_holder IS NULL) = (lease_time IS NULL))
  )`;

const tokenKeyIndex =
  "CREATE INDEX connector_token_token_key_id_index ON connector_token (token_key_id, organization_id, connector_id)";

const authorization = `
  CREATE TABLE connector_authorization (
    organization_id varchar(64) NOT NULL,
    -- The SHA-256 of what only the browser's state holds.
    state_hash bytea NOT NULL,
    connector_id uuid NOT NULL,
    credential_version int NOT NULL,
    principal varchar(255) NOT NULL,
    return_uri varchar(2048) NOT NULL,
    create_time timestamptz(3) NOT NULL,
    expire_time timestamptz(3) NOT NULL,
    PRIMARY KEY (organization_id, state_hash),
    CONSTRAINT connector_authorization_connector FOREIGN KEY (organization_id, connector_id)
      REFERENCES connector (organization_id, id) ON DELETE CASCADE,
    CONSTRAINT connector_authorization_organization_id_check CHECK (organization_id <> ''),
    CONSTRAINT connector_authorization_state_hash_check CHECK (octet_length(state_hash) = 32)
  )`;

const authorizationIndex =
  "CREATE INDEX connector_authorization_connector_index ON connector_authorization (organization_id, connector_id, create_time)";

const rewrapping = [
  `CREATE POLICY keys_read ON connector_token FOR SELECT TO connector_keys USING (sealed_tokens IS NOT NULL)`,
  `CREATE POLICY keys_rewrap ON connector_token FOR UPDATE TO connector_keys
    USING (sealed_tokens IS NOT NULL) WITH CHECK (sealed_tokens IS NOT NULL)`,
  `GRANT SELECT (organization_id, connector_id, credential_version, version, provider, endpoint, sealed_tokens, token_key_id),
    UPDATE (sealed_tokens) ON connector_token TO connector_keys`,
];
