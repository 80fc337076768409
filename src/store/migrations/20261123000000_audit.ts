import { Migration } from "@mikro-orm/migrations";

/**
 * The audit log, to which the service only ever adds: what happened (`audit_event`), as a text
 * that is kept to the letter, since it is hashed, with columns that follow from it; the place
 * of each event in its organization's chain (`audit_link`), and signatures under the chain
 * (`audit_checkpoint`). Events and links lie in a table for each month, so that what is old
 * enough can go without a row of the rest being touched. `audit_task` has what is yet to be
 * done: events without a link, and intents without an outcome.
 */
export class Audit extends Migration {
  override readonly name = "20261123000000_audit";

  override up(): void {
    for (const statement of [...tables, addPartition, firstPartitions]) this.addSql(statement);
    for (const table of ["audit_event", "audit_link", "audit_checkpoint", "audit_task"]) {
      this.addSql(`ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`);
      this.addSql(`ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`);
      this.addSql(`CREATE POLICY organization_isolation ON ${table} TO connector_application
        USING (organization_id = NULLIF(current_setting('app.organization_id', true), ''))
        WITH CHECK (organization_id = NULLIF(current_setting('app.organization_id', true), ''))`);
      this.addSql(`CREATE POLICY audit_read ON ${table} FOR SELECT TO connector_audit USING (true)`);
      this.addSql(`GRANT SELECT, INSERT ON ${table} TO connector_application`);
      this.addSql(`GRANT SELECT ON ${table} TO connector_audit`);
    }
    // What is done is taken off the list: it holds nothing that the log does not.
    this.addSql("GRANT DELETE ON audit_task TO connector_application");
  }
}

const tables = [
  `CREATE TABLE audit_event (
    organization_id varchar(64) NOT NULL,
    create_time timestamptz(3) NOT NULL,
    id uuid NOT NULL,
    entry text NOT NULL,
    actor text NOT NULL GENERATED ALWAYS AS (entry::jsonb ->> 'actor') STORED,
    agent text GENERATED ALWAYS AS (entry::jsonb ->> 'agent') STORED,
    connector_id uuid GENERATED ALWAYS AS ((entry::jsonb ->> 'connector')::uuid) STORED,
    outcome text NOT NULL GENERATED ALWAYS AS (entry::jsonb ->> 'outcome') STORED,
    PRIMARY KEY (organization_id, create_time, id),
    CONSTRAINT audit_event_organization_id_check CHECK (organization_id <> ''),
    CONSTRAINT audit_event_outcome_check
      CHECK (outcome IN ('intended', 'succeeded', 'failed', 'denied', 'unknown'))
  ) PARTITION BY RANGE (create_time)`,
  "CREATE INDEX audit_event_actor_index ON audit_event (organization_id, actor, create_time, id)",
  "CREATE INDEX audit_event_connector_index ON audit_event (organization_id, connector_id, create_time, id)",
  `CREATE TABLE audit_link (
    organization_id varchar(64) NOT NULL,
    sequence bigint NOT NULL,
    create_time timestamptz(3) NOT NULL,
    event_time timestamptz(3) NOT NULL,
    event_id uuid NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (organization_id, sequence, create_time),
    CONSTRAINT audit_link_organization_id_check CHECK (organization_id <> ''),
    CONSTRAINT audit_link_sequence_check CHECK (sequence > 0),
    CONSTRAINT audit_link_create_time_check CHECK (create_time >= event_time),
    CONSTRAINT audit_link_hash_check CHECK (octet_length(hash) = 32)
  ) PARTITION BY RANGE (create_time)`,
  "CREATE INDEX audit_link_event_index ON audit_link (organization_id, event_id)",
  `CREATE TABLE audit_checkpoint (
    organization_id varchar(64) NOT NULL,
    sequence bigint NOT NULL,
    kept_from timestamptz(3) NOT NULL,
    create_time timestamptz(3) NOT NULL,
    hash bytea NOT NULL,
    key_id varchar(63) NOT NULL,
    signature bytea NOT NULL,
    PRIMARY KEY (organization_id, sequence, kept_from),
    CONSTRAINT audit_checkpoint_organization_id_check CHECK (organization_id <> ''),
    CONSTRAINT audit_checkpoint_hash_check CHECK (octet_length(hash) = 32)
  )`,
  `CREATE TABLE audit_task (
    organization_id varchar(64) NOT NULL,
    kind varchar(7) NOT NULL,
    event_id uuid NOT NULL,
    event_time timestamptz(3) NOT NULL,
    due_time timestamptz(3) NOT NULL,
    PRIMARY KEY (organization_id, kind, event_id),
    CONSTRAINT audit_task_organization_id_check CHECK (organization_id <> ''),
    CONSTRAINT audit_task_kind_check CHECK (kind IN ('link', 'settle'))
  )`,
  "CREATE INDEX audit_task_event_time_index ON audit_task (organization_id, kind, event_time, event_id)",
  "CREATE INDEX audit_task_due_time_index ON audit_task (kind, due_time)",
];

/**
 * Makes the tables of a month, where they are not there. Who reads or writes names the whole
 * table, whose policies and privileges count then: a part has the isolation, and nobody may use it by name.
 */
const addPartition = `
  CREATE FUNCTION audit_add_partition(month date) RETURNS void
  LANGUAGE plpgsql SECURITY INVOKER SET search_path FROM CURRENT AS $$
  DECLARE
    whole text;
    part text;
    own constant text := 'organization_id = NULLIF(current_setting(''app.organization_id'', true), '''')';
  BEGIN
    -- Replicas make a month at the same moment: one does, and the others find it made.
    PERFORM pg_advisory_xact_lock(5124903377189604231);
    FOREACH whole IN ARRAY ARRAY['audit_event', 'audit_link'] LOOP
      part := whole || to_char(month, '_YYYY_MM');
      CONTINUE WHEN to_regclass(part) IS NOT NULL;
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', part, whole,
        to_char(month, 'YYYY-MM-01 00:00:00+00'), to_char(month + interval '1 month', 'YYYY-MM-01 00:00:00+00'));
      EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', part);
      EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', part);
      EXECUTE format('CREATE POLICY organization_isolation ON %I TO connector_application USING (%s) WITH CHECK (%s)',
        part, own, own);
    END LOOP;
  END
  $$`;

/** The month in which it runs and the next ones; later ones are made ahead of time by the service. */
const firstPartitions = `
  DO $$
  BEGIN
    FOR ahead IN 0..2 LOOP
      PERFORM audit_add_partition((date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead))::date);
    END LOOP;
  END
  $$`;
