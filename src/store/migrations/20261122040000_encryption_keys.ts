import { Migration } from "@mikro-orm/migrations";

/**
 * Credentials can be found by the key that they are sealed under, and wrapped anew under
 * another one: in all organizations, by a role that does nothing else. Such a change is none
 * of the connector: whoever listens is told on another channel, `organization_id/id` there too.
 */
export class EncryptionKeys extends Migration {
  override readonly name = "20261122040000_encryption_keys";

  override up(): void {
    for (const statement of [keysRole, ...keyIds, ...access, notice]) this.addSql(statement);
  }
}

/** Roles belong to the whole server: another database of it may have made this one, or be making it now. */
const keysRole = `
  DO $$
  BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'connector_keys') THEN
      CREATE ROLE connector_keys NOLOGIN;
    END IF;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
  END
  $$`;

/** A sealed value's second byte is the size of its key's id, which begins at the third. */
const keyIds = [
  `ALTER TABLE connector ADD COLUMN credential_key_id varchar(255) COLLATE "C" GENERATED ALWAYS AS (
    encode(substring(sealed_credential FROM 3 FOR get_byte(sealed_credential, 1)), 'escape')
  ) STORED`,
  "CREATE INDEX connector_credential_key_id_index ON connector (credential_key_id, organization_id, id)",
];

const access = [
  `CREATE POLICY keys_read ON connector FOR SELECT TO connector_keys USING (sealed_credential IS NOT NULL)`,
  `CREATE POLICY keys_rewrap ON connector FOR UPDATE TO connector_keys
    USING (sealed_credential IS NOT NULL) WITH CHECK (sealed_credential IS NOT NULL)`,
  `GRANT SELECT (id, organization_id, provider, config, credential_version, sealed_credential, credential_key_id),
    UPDATE (sealed_credential) ON connector TO connector_keys`,
];

/** Wrapped anew is what has other bytes in the same version. */
const notice = `
  CREATE OR REPLACE FUNCTION connector_changed_fn() RETURNS trigger
  LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
  BEGIN
    PERFORM pg_notify(
      CASE WHEN TG_OP = 'UPDATE' AND NEW.version = OLD.version
          AND NEW.sealed_credential IS DISTINCT FROM OLD.sealed_credential
        THEN 'connector_rewrapped' ELSE 'connector_changed' END,
      OLD.organization_id || '/' || OLD.id);
    RETURN NULL;
  END
  $$`;
