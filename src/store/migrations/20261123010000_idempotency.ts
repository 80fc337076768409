import { Migration } from "@mikro-orm/migrations";

/** Keys under which an action happens once, for as long as its caller may repeat it. */
export class Idempotency extends Migration {
  override readonly name = "20261123010000_idempotency";

  override up(): void {
    this.addSql(`CREATE TABLE idempotency_key (
      organization_id varchar(64) NOT NULL,
      method varchar(63) NOT NULL,
      key varchar(255) NOT NULL,
      connector_id uuid NOT NULL,
      request_hash bytea NOT NULL,
      state varchar(15) NOT NULL,
      lease_time timestamptz(3) NOT NULL,
      sealed_answer bytea,
      create_time timestamptz(3) NOT NULL,
      PRIMARY KEY (organization_id, method, key),
      CONSTRAINT idempotency_key_organization_id_check CHECK (organization_id <> ''),
      CONSTRAINT idempotency_key_key_check CHECK (key <> ''),
      CONSTRAINT idempotency_key_request_hash_check CHECK (octet_length(request_hash) = 32),
      CONSTRAINT idempotency_key_state_check CHECK (state IN ('in_flight', 'done', 'unknown')),
      CONSTRAINT idempotency_key_answer_check CHECK ((state = 'done') = (sealed_answer IS NOT NULL))
    )`);
    this.addSql("CREATE INDEX idempotency_key_create_time_index ON idempotency_key (organization_id, create_time)");
    this.addSql("ALTER TABLE idempotency_key ENABLE ROW LEVEL SECURITY");
    this.addSql("ALTER TABLE idempotency_key FORCE ROW LEVEL SECURITY");
    this.addSql(`CREATE POLICY organization_isolation ON idempotency_key TO connector_application
      USING (organization_id = NULLIF(current_setting('app.organization_id', true), ''))
      WITH CHECK (organization_id = NULLIF(current_setting('app.organization_id', true), ''))`);
    this.addSql("GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_key TO connector_application");
  }
}
