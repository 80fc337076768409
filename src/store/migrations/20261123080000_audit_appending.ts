import { Migration } from "@mikro-orm/migrations";

/**
 * Events get their places in the chain as they are written, when nobody else is at it: to note
 * for each that it is to be linked, and to come again for it, took as much as to write it.
 *
 * Replicas of the version before go on with `audit_add_events`, whose notes all heed.
 */
export class AuditAppending extends Migration {
  override readonly name = "20261123080000_audit_appending";

  override up(): void {
    for (const statement of [extendChain, appendEvents, linkEvents]) this.addSql(statement);
    const names = ["audit_extend_chain", "audit_append_events"];
    this.addSql(`GRANT EXECUTE ON FUNCTION ${names.join(", ")} TO connector_application`);
  }
}

/**
 * Gives events their places behind the end of the chain, whose lock the caller has, and gives
 * the new end.
 *
 * No link is made before its event, or before the link before it: a month of links never leads
 * to a later month's events. Of a chain whose links are all gone only the checkpoint is left.
 */
const extendChain = `
  CREATE FUNCTION audit_extend_chain(organization varchar, ids uuid[], times timestamptz[], entries text[],
    OUT sequence bigint, OUT hash bytea)
  LANGUAGE plpgsql SECURITY INVOKER SET search_path FROM CURRENT
  SET enable_seqscan = off SET enable_bitmapscan = off AS $$
  #variable_conflict use_column
  DECLARE
    head audit_link;
    first_sequence bigint;
    hashes bytea[] := '{}';
    link_time timestamptz(3);
  BEGIN
    SELECT * INTO head FROM audit_link WHERE organization_id = organization ORDER BY sequence DESC LIMIT 1;
    IF head.sequence IS NULL THEN
      SELECT signed.sequence, signed.hash, signed.create_time INTO head.sequence, head.hash, head.create_time
      FROM audit_checkpoint AS signed WHERE organization_id = organization
      ORDER BY sequence DESC, kept_from DESC LIMIT 1;
    END IF;
    IF head.sequence IS NULL THEN
      head.sequence := 0;
      head.hash := sha256('connector/1 audit chain'::bytea || '\\x00'::bytea || convert_to(organization, 'UTF8'));
    END IF;
    first_sequence := head.sequence;
    link_time := greatest(clock_timestamp(), head.create_time);
    FOR place IN 1 .. cardinality(ids) LOOP
      head.hash := sha256(head.hash || int8send(first_sequence + place)
        || int8send((date_part('epoch', times[place]) * 1000)::bigint) || convert_to(entries[place], 'UTF8'));
      link_time := greatest(link_time, times[place]);
      hashes := hashes || head.hash;
    END LOOP;
    INSERT INTO audit_link (organization_id, sequence, create_time, event_time, event_id, hash)
    SELECT organization, first_sequence + link.place, link_time, link.event_time, link.event_id, link.hash
    FROM unnest(times, ids, hashes) WITH ORDINALITY AS link (event_time, event_id, hash, place);
    sequence := first_sequence + cardinality(ids);
    hash := head.hash;
  END
  $$`;

const chainLock = "hashtextextended('connector/1 audit chain ' || organization, 0)";

/**
 * Stores events with their places, or, when another is at the chain or the transaction is to go
 * on, with notes of what is to be linked. An event that is there already is left as it is, and
 * has been noted or linked already.
 *
 * A plan that is kept was maybe made when the list was empty, and a scan of all of it was best.
 */
const appendEvents = `
  CREATE FUNCTION audit_append_events(organization varchar, ids uuid[], times timestamptz[], entries text[],
    due_times timestamptz[], intents uuid[], at_once boolean) RETURNS void
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
    SELECT coalesce(array_agg(id), '{}') INTO added FROM stored;
    -- As ever, but when a batch is told again; to look each up would take the square of their number.
    all_added := cardinality(added) = cardinality(ids);
    -- Its lock lasts as long as the transaction, and every other's links wait for it.
    IF at_once AND all_added AND pg_try_advisory_xact_lock(${chainLock}) THEN
      PERFORM audit_extend_chain(organization, ids, times, entries);
    ELSE
      INSERT INTO audit_task (organization_id, kind, event_id, event_time, due_time)
      SELECT organization, 'link', given.id, given.create_time, given.create_time
      FROM unnest(ids, times) AS given (id, create_time)
      WHERE all_added OR given.id = ANY (added);
    END IF;
    IF cardinality(array_remove(due_times, NULL)) > 0 THEN
      INSERT INTO audit_task (organization_id, kind, event_id, event_time, due_time)
      SELECT organization, 'settle', given.id, given.create_time, given.due_time
      FROM unnest(ids, times, due_times) AS given (id, create_time, due_time)
      WHERE given.due_time IS NOT NULL AND (all_added OR given.id = ANY (added));
    END IF;
    IF cardinality(intents) > 0 THEN
      DELETE FROM audit_task
      WHERE organization_id = organization AND kind = 'settle' AND event_id = ANY (intents);
    END IF;
  END
  $$`;

/**
 * Gives the next events of an organization that were noted their places: its lock is taken before
 * anything is read. Gives how many they were, the end of the chain, and its last checkpoint; the
 * times in milliseconds since 1970.
 */
const linkEvents = `
  CREATE OR REPLACE FUNCTION audit_link_events(organization varchar, most int,
    OUT linked int, OUT sequence bigint, OUT hash bytea, OUT now_ms bigint, OUT signed_sequence bigint, OUT signed_ms bigint)
  RETURNS SETOF record
  LANGUAGE plpgsql SECURITY INVOKER SET search_path FROM CURRENT
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
  #variable_conflict use_column
  DECLARE
    signed audit_checkpoint;
    ids uuid[];
    times timestamptz[];
    entries text[];
    chain_end record;
  BEGIN
    -- Waited for: whoever writes has it most of the time, and notes what is to be linked while another waits.
    PERFORM pg_advisory_xact_lock(${chainLock});
    SELECT * INTO signed FROM audit_checkpoint WHERE organization_id = organization
    ORDER BY sequence DESC, kept_from DESC LIMIT 1;
    SELECT coalesce(array_agg(pending.id), '{}'), coalesce(array_agg(pending.create_time), '{}'), coalesce(array_agg(pending.entry), '{}')
    INTO ids, times, entries
    FROM (
      SELECT event.id, event.create_time, event.entry
      FROM audit_task AS task JOIN audit_event AS event
        ON event.organization_id = task.organization_id AND event.create_time = task.event_time AND event.id = task.event_id
      WHERE task.organization_id = organization AND task.kind = 'link'
      ORDER BY task.event_id LIMIT most
    ) AS pending;
    SELECT * INTO chain_end FROM audit_extend_chain(organization, ids, times, entries);
    DELETE FROM audit_task WHERE organization_id = organization AND kind = 'link' AND event_id = ANY (ids);
    RETURN QUERY SELECT cardinality(ids), chain_end.sequence, chain_end.hash,
      floor(date_part('epoch', clock_timestamp()) * 1000)::bigint,
      coalesce(signed.sequence, 0), coalesce((date_part('epoch', signed.create_time) * 1000)::bigint, 0);
  END
  $$`;
