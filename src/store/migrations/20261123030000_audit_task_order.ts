import { Migration } from "@mikro-orm/migrations";

/**
 * What is yet to be done with audit events is found by their ids alone, which are in the
 * order of their times: each further index is written as often as the list is, and by one
 * on times an intent's task was looked for among all that wait.
 *
 * And entries are stored by a function, whose plans a connection keeps: to plan the same
 * again took longer than to do it.
 */
export class AuditTaskOrder extends Migration {
  override readonly name = "20261123030000_audit_task_order";

  override up(): void {
    this.addSql("DROP INDEX audit_task_event_time_index");
    this.addSql("DROP INDEX audit_task_due_time_index");
    // Links are due at once, and intents alone wait for their time.
    this.addSql("CREATE INDEX audit_task_due_time_index ON audit_task (due_time) WHERE kind = 'settle'");
    this.addSql(addEvents);
    this.addSql("GRANT EXECUTE ON FUNCTION audit_add_events TO connector_application");
  }
}

/**
 * What is to be done with each is noted in the same transaction: an event without a task would
 * never be linked. An event that is there already is left as it is, and has been noted already.
 *
 * A plan that is kept was maybe made when the list was empty, and a scan of all of it was best.
 */
const addEvents = `
  CREATE FUNCTION audit_add_events(organization varchar, ids uuid[], times timestamptz[], entries text[],
    due_times timestamptz[], intents uuid[]) RETURNS void
  LANGUAGE plpgsql SECURITY INVOKER SET search_path FROM CURRENT SET enable_seqscan = off SET enable_bitmapscan = off AS $$
  DECLARE
    added uuid[];
    all_added boolean;
  BEGIN
    WITH stored AS (
      INSERT INTO audit_event (organization_id, create_time, id, entry)
      SELECT organization, given.create_time, given.id, given.entry
      FROM unnest(times, ids, entries) AS given (create_time, id, entry)
      ON CONFLICT DO NOTHING
      RETURNING id
    )
    SELECT array_agg(id) INTO added FROM stored;
    -- As ever, but when a batch is told again; to look each up would take the square of their number.
    all_added := cardinality(added) = cardinality(ids);
    INSERT INTO audit_task (organization_id, kind, event_id, event_time, due_time)
    SELECT organization, 'link', given.id, given.create_time, given.create_time
    FROM unnest(ids, times) AS given (id, create_time)
    WHERE all_added OR given.id = ANY (added)
    UNION ALL
    SELECT organization, 'settle', given.id, given.create_time, given.due_time
    FROM unnest(ids, times, due_times) AS given (id, create_time, due_time)
    WHERE given.due_time IS NOT NULL AND (all_added OR given.id = ANY (added));
    DELETE FROM audit_task
    WHERE organization_id = organization AND kind = 'settle' AND event_id = ANY (intents);
  END
  $$`;
