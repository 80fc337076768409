/**
 * Intents whose outcome never came: whoever had them is dead, or could not write. Whether
 * they were done can't be known, and that is what is written.
 */
import type { EntityManager } from "@mikro-orm/postgresql";
import type { Store } from "../store/store.ts";
import { insertEntries, outcomeOf, parseEntry } from "./entry.ts";

const batch = 500;

/**
 * Writes `unknown` for every intent that is past its time.
 * @param onWritten Hears of every organization that something was written for
 */
export async function settleOrphans(
  store: Pick<Store, "withOrganization" | "audit">,
  onWritten: (organizationId: string) => void,
): Promise<void> {
  for (const organizationId of await store.audit.due("settle")) {
    let settled: number;
    do {
      settled = await store.withOrganization(organizationId, (em) => settle(em, organizationId));
      if (settled > 0) onWritten(organizationId);
    } while (settled === batch);
  }
}

/** Who takes an intent off the list settles it: another replica finds it gone, and a late outcome comes beside it. */
async function settle(em: EntityManager, organizationId: string): Promise<number> {
  const orphans = await em.execute<{ entry: string }[]>(orphansStatement, [organizationId, batch]);
  const ends = orphans.map(({ entry }) =>
    outcomeOf(organizationId, parseEntry(entry), { outcome: "unknown", reason: "outcome_unknown" }),
  );
  if (ends.length > 0) await insertEntries(em, organizationId, ends);
  return orphans.length;
}

const orphansStatement = `
  WITH late AS (
    SELECT organization_id, event_id FROM audit_task
    WHERE organization_id = ? AND kind = 'settle' AND due_time <= now()
    ORDER BY due_time LIMIT ?
  ), taken AS (
    DELETE FROM audit_task USING late
    WHERE audit_task.organization_id = late.organization_id AND kind = 'settle' AND audit_task.event_id = late.event_id
    RETURNING audit_task.*
  )
  SELECT event.entry
  FROM taken JOIN audit_event AS event
    ON event.organization_id = taken.organization_id AND event.create_time = taken.event_time AND event.id = taken.event_id`;
