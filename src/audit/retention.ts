/**
 * Months of the audit log: made ahead of time, and dropped when they are old enough and every
 * chain is signed where it stood at their end, where verification begins then. What was linked
 * only after that end goes without its link: the chain is signed behind the last such link,
 * too, and behind that place no event may be missing.
 */
import type { EntityManager } from "@mikro-orm/postgresql";
import type { Store } from "../store/store.ts";
import { genesis } from "./chain.ts";
import {
  type ChainState,
  type Checkpoint,
  insertCheckpoint,
  isGenuine,
  retainedCheckpoint,
  signCheckpoint,
} from "./checkpoint.ts";
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
/** Milliseconds from a month's end until it may go: nobody is still writing into it then. */
const settlingMs = 3_600_000;

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
  const first = monthOf(new Date(now.getTime() - settlingMs), -kept);
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
    const checkpoints = await store.withOrganization(organizationId, async (em) => {
      const states = await statesAt(em, organizationId, keys, end);
      const signed = states.map((state) => signCheckpoint(keys, state, Date.now(), Date.parse(end)));
      for (const checkpoint of signed) await insertCheckpoint(em, checkpoint);
      return signed;
    });
    for (const checkpoint of checkpoints) await onCheckpoint(checkpoint);
  }
  return true;
}

/**
 * Where the chain stood at a month's end and, when later links lead to events that go, behind
 * the last of those.
 *
 * What is signed here may be missing later on. So a link counts only when its hash is that of
 * its event, which nobody can have put in its place, and a checkpoint only with our signature.
 * Of a chain that has neither nothing is signed, and whoever verifies it finds it broken.
 */
async function statesAt(
  em: EntityManager,
  organizationId: string,
  keys: AuditKeys,
  end: string,
): Promise<readonly ChainState[]> {
  const [places] = await em.execute<Places[]>(placesStatement, [end, organizationId]);
  const genuine = (checkpoint: Checkpoint | undefined) =>
    checkpoint !== undefined && isGenuine(checkpoint, keys.public) ? [checkpoint] : [];
  const [first, later] = [places?.first, places?.later].map((place) => (place == null ? undefined : BigInt(place)));
  const beginning: ChainState[] =
    first === 1n
      ? [{ organizationId, sequence: 0n, hash: genesis(organizationId) }]
      : genuine(await retainedCheckpoint(em, organizationId, first));
  const before = beginning[0]?.hash.toString("hex") ?? "";
  const linked = async (statement: string, parameters: readonly unknown[]): Promise<ChainState[]> => {
    const rows = await em.execute<{ sequence: string; hash: Buffer }[]>(statement, [...parameters, before]);
    return rows.map(({ sequence, hash }) => ({ organizationId, sequence: BigInt(sequence), hash }));
  };
  const inTime = await linked(inTimeStatement, [organizationId, end]);
  const late = await linked(lateStatement, [organizationId, end, firstIdOf(Date.parse(end)), end]);
  // Of months that went before, some events may have been linked as late as in this one, or even later.
  const retained = genuine(await retainedCheckpoint(em, organizationId, undefined));
  const start = furthest([...beginning, ...inTime, ...retained.filter((at) => !(later && at.sequence >= later))]);
  const last = furthest([...late, ...retained]);
  if (start === undefined) return [];
  return last !== undefined && last.sequence > start.sequence ? [start, last] : [start];
}

interface Places {
  /** Of the first link that is left. */
  readonly first: string | null;
  /** And of the first that was made later. */
  readonly later: string | null;
}

function furthest(states: readonly ChainState[]): ChainState | undefined {
  return states.toSorted((a, b) => Number(b.sequence - a.sequence))[0];
}

/** Ids are in the order of their times: that of the first event of an instant. */
function firstIdOf(ms: number): string {
  const time = ms.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

const instant = "?::timestamp AT TIME ZONE 'UTC'";

/** Whether an event that was written before is still to be linked or to be settled. */
const waitingStatement = `SELECT EXISTS (SELECT FROM audit_task WHERE event_time < ${instant}) AS waiting`;

const placesStatement = `
  SELECT (SELECT min(sequence) FROM audit_link WHERE organization_id = given.id)::text AS first,
    (SELECT min(sequence) FROM audit_link WHERE organization_id = given.id AND create_time >= ${instant})::text AS later
  FROM (SELECT ?::varchar AS id) AS given`;

/** The last of some links whose hash is that of its event; the last parameter is the hash before the first link that is left. */
const lastGenuine = (links: string) => `
  SELECT link.sequence::text AS sequence, link.hash
  FROM ${links} AS link JOIN audit_event AS event
      ON event.organization_id = link.organization_id AND event.create_time = link.event_time AND event.id = link.event_id
    LEFT JOIN audit_link AS before ON before.organization_id = link.organization_id AND before.sequence = link.sequence - 1
  WHERE link.hash = sha256(coalesce(before.hash, decode(?, 'hex')) || int8send(link.sequence)
    || int8send((date_part('epoch', link.event_time) * 1000)::bigint) || convert_to(event.entry, 'UTF8'))
  ORDER BY link.sequence DESC LIMIT 1`;

const inTimeStatement = lastGenuine(`(
  SELECT * FROM audit_link WHERE organization_id = ? AND create_time < ${instant})`);

/** They are looked up by their events, which are few, and not among all later links. */
const lateStatement = `
  WITH late AS MATERIALIZED (
    SELECT * FROM audit_link
    WHERE organization_id = ? AND create_time >= ${instant} AND event_id < ?::uuid AND event_time < ${instant}
  )
  ${lastGenuine("late")}`;

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
