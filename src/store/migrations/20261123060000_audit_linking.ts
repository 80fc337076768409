import { Migration } from "@mikro-orm/migrations";

/**
 * Events get their places in the chain where they lie: to bring each of them to the service
 * and its hash back took several times as long, from the calls that wait for their own.
 */
export class AuditLinking extends Migration {
  override readonly name = "20261123060000_audit_linking";

  override up(): void {
    this.addSql(linkEvents);
    this.addSql("GRANT EXECUTE ON FUNCTION audit_link_events TO connector_application");
  }
}

/**
 * Gives the next events of an organization their places, in a transaction that only one has at
 * a time: its lock is taken before anything is read. Gives no row when another has it, else
 * how many events got their places, the end of the chain, and its last checkpoint; the times in
 * milliseconds since 1970.
 *
 * No link is made before its event, or before the link before it: a month of links never leads
 * to a later month's events. Of a chain whose links are all gone only the checkpoint is left.
 */
const linkEvents = `
  CREATE FUNCTION audit_link_events(organization varchar, most int,
    OUT linked int, OUT sequence bigint, OUT hash bytea, OUT now_ms bigint, OUT signed_sequence bigint, OUT signed_ms bigint)
  RETURNS SETOF record
  LANGUAGE plpgsql SECURITY INVOKER SET search_path FROM CURRENT
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
  #variable_conflict use_column
  DECLARE
    head audit_link;
    signed audit_checkpoint;
    pending record;
    first_sequence bigint;
    event_ids uuid[] := '{}';
    event_times timestamptz[] := '{}';
    hashes bytea[] := '{}';
    link_time timestamptz(3);
  BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended('connector/1 audit chain ' || organization, 0)) THEN
      RETURN;
    END IF;
    SELECT * INTO signed FROM audit_checkpoint WHERE organization_id = organization
    ORDER BY sequence DESC, kept_from DESC LIMIT 1;
    SELECT * INTO head FROM audit_link WHERE organization_id = organization ORDER BY sequence DESC LIMIT 1;
    IF head.sequence IS NULL THEN
      head.sequence := coalesce(signed.sequence, 0);
      head.hash := coalesce(signed.hash, sha256('connector/1 audit chain'::bytea || '\\x00'::bytea || convert_to(organization, 'UTF8')));
      head.create_time := signed.create_time;
    END IF;
    first_sequence := head.sequence;
    link_time := greatest(clock_timestamp(), head.create_time);
    FOR pending IN
      SELECT event.id, event.create_time, event.entry
      FROM audit_task AS task JOIN audit_event AS event
        ON event.organization_id = task.organization_id AND event.create_time = task.event_time AND event.id = task.event_id
      WHERE task.organization_id = organization AND task.kind = 'link'
      ORDER BY task.event_id LIMIT most
    LOOP
      head.sequence := head.sequence + 1;
      head.hash := sha256(head.hash || int8send(head.sequence)
        || int8send((date_part('epoch', pending.create_time) * 1000)::bigint) || convert_to(pending.entry, 'UTF8'));
      link_time := greatest(link_time, pending.create_time);
      event_ids := event_ids || pending.id;
      event_times := event_times || pending.create_time;
      hashes := hashes || head.hash;
    END LOOP;
    INSERT INTO audit_link (organization_id, sequence, create_time, event_time, event_id, hash)
    SELECT organization, first_sequence + link.place, link_time, link.event_time, link.event_id, link.hash
    FROM unnest(event_times, event_ids, hashes) WITH ORDINALITY AS link (event_time, event_id, hash, place);
    DELETE FROM audit_task WHERE organization_id = organization AND kind = 'link' AND event_id = ANY (event_ids);
    RETURN QUERY SELECT cardinality(event_ids), head.sequence, head.hash,
      floor(date_part('epoch', clock_timestamp()) * 1000)::bigint,
      coalesce(signed.sequence, 0), coalesce((date_part('epoch', signed.create_time) * 1000)::bigint, 0);
  END
  $$`;
