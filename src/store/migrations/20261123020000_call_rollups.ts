import { Migration } from "@mikro-orm/migrations";

/**
 * Figures of the history by minute, hour and day, so that those of a month are added up
 * as quickly as those of an hour. They are counted by the database as records come in:
 * once for each record, by whichever version of the service stores it.
 */
export class CallRollups extends Migration {
  override readonly name = "20261123020000_call_rollups";

  override up(): void {
    for (const statement of [table, ...protection, countRecords, trigger]) this.addSql(statement);
  }
}

/** `bucket` n holds the calls that took up to 1.05ⁿ × 10 µs, and longer than those of n - 1. */
const table = `CREATE TABLE call_rollup (
  organization_id varchar(64) NOT NULL,
  connector_id uuid NOT NULL,
  seconds int NOT NULL,
  start_time timestamptz(0) NOT NULL,
  bucket smallint NOT NULL,
  reason varchar(63) NOT NULL,
  calls bigint NOT NULL,
  rows bigint NOT NULL,
  bytes bigint NOT NULL,
  cache_hits bigint NOT NULL,
  PRIMARY KEY (organization_id, connector_id, seconds, start_time, bucket, reason),
  CONSTRAINT call_rollup_organization_id_check CHECK (organization_id <> ''),
  CONSTRAINT call_rollup_seconds_check CHECK (seconds IN (60, 3600, 86400))
)`;

const protection = [
  "ALTER TABLE call_rollup ENABLE ROW LEVEL SECURITY",
  "ALTER TABLE call_rollup FORCE ROW LEVEL SECURITY",
  `CREATE POLICY organization_isolation ON call_rollup TO connector_application
    USING (organization_id = NULLIF(current_setting('app.organization_id', true), ''))
    WITH CHECK (organization_id = NULLIF(current_setting('app.organization_id', true), ''))`,
  "GRANT SELECT, INSERT, UPDATE, DELETE ON call_rollup TO connector_application",
];

/** Rows are locked in one order, so that replicas wait for each other and never in a circle. */
const countRecords = `
  CREATE FUNCTION call_rollup_count_fn() RETURNS trigger
  LANGUAGE plpgsql SECURITY INVOKER SET search_path FROM CURRENT AS $$
  BEGIN
    INSERT INTO call_rollup AS known
      (organization_id, connector_id, seconds, start_time, bucket, reason, calls, rows, bytes, cache_hits)
    SELECT organization_id, connector_id, level, date_bin(make_interval(secs => level), create_time, 'epoch') AS bin,
      greatest(0, ceil(ln(greatest(total_ms, 0.01) / 0.01) / ln(1.05)))::smallint AS time, reason,
      count(*), sum(query_record_new.rows), sum(query_record_new.bytes), count(*) FILTER (WHERE cached)
    FROM query_record_new CROSS JOIN unnest(ARRAY[60, 3600, 86400]) AS level
    GROUP BY organization_id, connector_id, level, bin, time, reason
    ORDER BY organization_id, connector_id, level, bin, time, reason
    ON CONFLICT (organization_id, connector_id, seconds, start_time, bucket, reason) DO UPDATE SET
      calls = known.calls + excluded.calls, rows = known.rows + excluded.rows,
      bytes = known.bytes + excluded.bytes, cache_hits = known.cache_hits + excluded.cache_hits;
    -- What no window reaches any more.
    DELETE FROM call_rollup AS stale
    USING (SELECT DISTINCT organization_id, connector_id FROM query_record_new) AS counted,
      (VALUES (60, interval '2 hours'), (3600, interval '8 days'), (86400, interval '32 days')) AS kept (level, age)
    WHERE stale.organization_id = counted.organization_id AND stale.connector_id = counted.connector_id
      AND stale.seconds = kept.level AND stale.start_time < now() - kept.age;
    RETURN NULL;
  END
  $$`;

const trigger = `CREATE TRIGGER count_calls AFTER INSERT ON query_record
  REFERENCING NEW TABLE AS query_record_new FOR EACH STATEMENT EXECUTE FUNCTION call_rollup_count_fn()`;
