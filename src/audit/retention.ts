/**
 * Months of the audit log: made ahead of time, and dropped when they are old enough and
 * every chain is signed where it stood at their end. Verification begins at those signatures.
 */

import type { EntityManager } from "@mikro-orm/postgresql";
import type { Store } from "../store/store.ts";
import { genesis } from "./chain.ts";
import { type ChainState, type Checkpoint, insertCheckpoint, lastCheckpoint, signCheckpoint } from "./checkpoint.ts";
import type { AuditKeys } from "./keys.ts";

export interface RetentionOptions {
  readonly store: Pick<Store, "withOrganization" | "audit">;
  readonly keys: AuditKeys;
  /** Whole months that are kept besides the one that runs; undefined: all. */
  readonly keepMonths: number | undefined;
  readonly onCheckpoint: (checkpoint: Checkpoint) => Promise<void>;
}

/** Beside the one that runs. */
const monthsAhead = 2;

/** The month of an instant in UTC, or one some months later or earlier: its first day, `2026-11-01`. */
export function monthOf(time: Date, later = 0): string {
  return new Date(Date.UTC(time.getUTCFullYear(), time.getUTCMonth() + later)).toISOString().slice(0, 10);
}

/** Replicas may do so at once. */
export async function keepMonths(options: RetentionOptions, now = new Date()): Promise<void> {
  const { store, keepMonths: kept } = options;
  const months = await store.audit.months();
  for (let ahead = 0; ahead <= monthsAhead; ahead++) {
    const month = monthOf(now, ahead);
    if (!months.includes(month)) await store.audit.addMonth(month);
  }
  if (kept === undefined) return;
  const first = monthOf(now, -kept);
  for (const month of months) {
    if (month >= first || !(await signMonth(options, month))) continue;
    await store.audit.dropMonth(month);
  }
}

/**
 * Signs every chain that has events or links in a month where it stood at the month's end.
 * Says whether the month may go.
 */
async function signMonth({ store, keys, onCheckpoint }: RetentionOptions, month: string): Promise<boolean> {
  const end = monthOf(new Date(month), 1);
  const { waiting, organizations } = await store.audit.read(async (em) => {
    const [task] = await em.execute<{ waiting: boolean }[]>(waitingStatement, [end]);
    const found = await em.execute<{ id: string }[]>(organizationsStatement, [month, end, month, end]);
    return { waiting: task?.waiting ?? true, organizations: found.map(({ id }) => id) };
  });
  if (waiting) return false;
  for (const organizationId of organizations) {
    const checkpoint = await store.withOrganization(organizationId, async (em) => {
      const signed = signCheckpoint(keys, await stateAt(em, organizationId, end), Date.now(), Date.parse(end));
      await insertCheckpoint(em, signed);
      return signed;
    });
    await onCheckpoint(checkpoint);
  }
  return true;
}

/** How the chain stood at an instant. One whose first event was linked later stood at its beginning. */
async function stateAt(em: EntityManager, organizationId: string, end: string): Promise<ChainState> {
  const [link] = await em.execute<{ sequence: string; hash: Buffer }[]>(stateStatement, [organizationId, end]);
  if (link !== undefined) return { organizationId, sequence: BigInt(link.sequence), hash: link.hash };
  const { sequence = 0n, hash = genesis(organizationId) } = (await lastCheckpoint(em, organizationId)) ?? {};
  return { organizationId, sequence, hash };
}

const instant = "?::timestamp AT TIME ZONE 'UTC'";

/** Whether an event that was written before is still to be linked or to be settled. */
const waitingStatement = `SELECT EXISTS (SELECT FROM audit_task WHERE event_time < ${instant}) AS waiting`;

const stateStatement = `
  SELECT sequence::text AS sequence, hash FROM audit_link
  WHERE organization_id = ? AND create_time < ${instant} ORDER BY audit_link.sequence DESC LIMIT 1`;

/** Leaps in the index of the month's table from each organization to the next one. */
const leaps = (table: string) => `
  (WITH RECURSIVE span AS (SELECT ${instant} AS from_time, ${instant} AS to_time),
  found (id) AS (
    (SELECT min(organization_id) FROM ${table}, span WHERE create_time >= from_time AND create_time < to_time)
    UNION ALL
    SELECT (SELECT min(organization_id) FROM ${table}, span
            WHERE organization_id > found.id AND create_time >= from_time AND create_time < to_time)
    FROM found WHERE found.id IS NOT NULL
  ) SELECT id FROM found WHERE id IS NOT NULL)`;

const organizationsStatement = `${leaps("audit_event")} UNION ${leaps("audit_link")}`;
