import { Migration } from "@mikro-orm/migrations";

/** The history of calls: added to and read, by the service never changed. */
export class History extends Migration {
  override readonly name = "20261122020000_history";

  override up(): void {
    this.addSql(`CREATE TABLE query_record (
      id uuid PRIMARY KEY,
      organization_id varchar(64) NOT NULL,
      create_time timestamptz(3) NOT NULL,
      connector_id uuid NOT NULL,
      principal varchar(255) NOT NULL,
      agent varchar(255) NOT NULL DEFAULT '',
      method varchar(63) NOT NULL,
      resource text NOT NULL DEFAULT '',
      statement text NOT NULL DEFAULT '',
      reason varchar(63) NOT NULL DEFAULT '',
      rows bigint NOT NULL,
      bytes bigint NOT NULL,
      attempts int NOT NULL,
      breaker_state varchar(15) NOT NULL,
      cached boolean NOT NULL,
      rate_limit_ms real NOT NULL,
      bulkhead_ms real NOT NULL,
      backoff_ms real NOT NULL,
      pool_ms real NOT NULL,
      connect_ms real NOT NULL,
      source_ms real NOT NULL,
      transfer_ms real NOT NULL,
      total_ms real NOT NULL,
      CONSTRAINT query_record_organization_id_check CHECK (organization_id <> '')
    )`);
    this.addSql(`CREATE INDEX query_record_create_time_index
      ON query_record (organization_id, connector_id, create_time, id)`);
    this.addSql("ALTER TABLE query_record ENABLE ROW LEVEL SECURITY");
    this.addSql("ALTER TABLE query_record FORCE ROW LEVEL SECURITY");
    this.addSql(`CREATE POLICY organization_isolation ON query_record
      USING (organization_id = NULLIF(current_setting('app.organization_id', true), ''))
      WITH CHECK (organization_id = NULLIF(current_setting('app.organization_id', true), ''))`);
    this.addSql("GRANT SELECT, INSERT ON query_record TO connector_application");
  }
}
