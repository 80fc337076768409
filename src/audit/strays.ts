/** Events that no link leads to, though they are old enough to have one. */
import type { EntityManager } from "@mikro-orm/postgresql";
import type { AuditStore } from "../store/audit.ts";
import type { Break } from "./verification.ts";

/** A day at a time, so that no statement takes long. */
export async function strayEvent(store: AuditStore, organizationId: string): Promise<Break | undefined> {
  return store.read(async (em) => {
    let day = await nextDay(em, organizationId, "-infinity");
    while (day !== null) {
      const [found] = await em.execute<Stray[]>(strayStatement, [organizationId, day, day]);
      if (found !== undefined) return { sequence: undefined, problem: describe(found) };
      day = await nextDay(em, organizationId, day);
    }
    return undefined;
  });
}

/** The day of the first event behind that day. */
async function nextDay(em: EntityManager, organizationId: string, day: string): Promise<string | null> {
  const [row] = await em.execute<{ day: string | null }[]>(nextDayStatement, [organizationId, day]);
  return row?.day ?? null;
}

const nextDayStatement = `
  SELECT to_char(min(create_time) AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day FROM audit_event
  WHERE organization_id = ? AND create_time >= (?::timestamp + interval '1 day') AT TIME ZONE 'UTC'`;

interface Stray {
  readonly id: string;
  readonly event: string;
  readonly time: string;
  readonly listed: boolean;
}

/** Linking takes a second. What was written in the last minute is not asked for more. */
const strayStatement = `
  SELECT event.id, event.entry::json ->> 'event' AS event, to_char(event.create_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS time,
    EXISTS (SELECT FROM audit_task AS task WHERE task.organization_id = event.organization_id
      AND task.kind = 'link' AND task.event_id = event.id) AS listed
  FROM audit_event AS event
  WHERE event.organization_id = ? AND event.create_time >= ?::timestamp AT TIME ZONE 'UTC'
    AND event.create_time < least((?::timestamp + interval '1 day') AT TIME ZONE 'UTC', now() - interval '1 minute')
    AND NOT EXISTS (SELECT FROM audit_link AS link
      WHERE link.organization_id = event.organization_id AND link.event_id = event.id AND link.event_time = event.create_time)
  LIMIT 1`;

function describe({ id, event, time, listed }: Stray): string {
  const what = `The entry ${id} (${event}, ${time}) has no place in the chain`;
  return listed
    ? `${what}: it still waits for one. Start the service, which links it.`
    : `${what}: it was put in past the service, or its link was removed.`;
}
