/** Gives the events of one organization their places in its chain, in a transaction that only one replica has at a time. */
import type { EntityManager } from "@mikro-orm/postgresql";
import { genesis, linkHash } from "./chain.ts";
import { type ChainState, type Checkpoint, insertCheckpoint, lastCheckpoint, signCheckpoint } from "./checkpoint.ts";
import type { AuditKeys } from "./keys.ts";

/** When a chain is signed: as soon as either has passed. */
export interface CheckpointEvery {
  readonly rows: number;
  readonly ms: number;
}

export interface Linked {
  /** How many events got their places; undefined when another replica is at it. */
  readonly linked: number | undefined;
  /** Whether there may be more. */
  readonly more: boolean;
  readonly checkpoint: Checkpoint | undefined;
  /** Whether the chain has an end that is not signed. */
  readonly unsigned: boolean;
}

const batch = 2_000;
const busy: Linked = { linked: undefined, more: false, checkpoint: undefined, unsigned: false };

export async function linkBatch(
  em: EntityManager,
  organizationId: string,
  keys: AuditKeys,
  every: CheckpointEvery,
): Promise<Linked> {
  const [lock] = await em.execute<{ held: boolean }[]>(lockStatement, [organizationId]);
  if (lock?.held !== true) return busy;
  const last = await lastCheckpoint(em, organizationId);
  const { nowMs, headMs, ...before } = await headOf(em, organizationId, last);
  const pending = await em.execute<PendingRow[]>(pendingStatement, [organizationId, batch]);
  const links = linksAfter(before, pending);
  const head = links.at(-1) ?? before;
  if (pending.length > 0) await insertLinks(em, organizationId, links, latest(nowMs, headMs, pending));
  const signed = last?.sequence ?? 0n;
  const isDue = head.sequence - signed >= BigInt(every.rows) || nowMs - (last?.timeMs ?? 0) >= every.ms;
  const checkpoint = head.sequence > signed && isDue ? signCheckpoint(keys, headState(head), nowMs) : undefined;
  if (checkpoint !== undefined) await insertCheckpoint(em, checkpoint);
  return {
    ...{ linked: pending.length, more: pending.length === batch, checkpoint },
    unsigned: checkpoint === undefined && head.sequence > signed,
  };
}

/** The lock ends with the transaction, as a pooler needs. */
const lockStatement = "SELECT pg_try_advisory_xact_lock(hashtextextended('connector/1 audit chain ' || ?, 0)) AS held";

interface PendingRow {
  readonly id: string;
  readonly eventMs: string;
  readonly entry: string;
}

/** By ids, which are in the order of times. An event that came to be while another was stored may come behind a later one all the same. */
const pendingStatement = `
  SELECT event.id, (date_part('epoch', event.create_time) * 1000)::bigint::text AS "eventMs", event.entry
  FROM audit_task AS task JOIN audit_event AS event
    ON event.organization_id = task.organization_id AND event.create_time = task.event_time AND event.id = task.event_id
  WHERE task.organization_id = ? AND task.kind = 'link'
  ORDER BY task.event_id LIMIT ?`;

interface Link extends ChainState {
  readonly id: string;
  readonly eventMs: number;
}

function linksAfter(before: ChainState, pending: readonly PendingRow[]): Link[] {
  const { organizationId } = before;
  let { sequence, hash } = before;
  return pending.map(({ id, eventMs, entry }) => {
    sequence += 1n;
    hash = linkHash(hash, sequence, Number(eventMs), entry);
    return { organizationId, sequence, hash, id, eventMs: Number(eventMs) };
  });
}

function headState({ organizationId, sequence, hash }: ChainState): ChainState {
  return { organizationId, sequence, hash };
}

interface Head extends ChainState {
  /** By the database's clock, in milliseconds since 1970. */
  readonly nowMs: number;
  /** When the last link was made. */
  readonly headMs: number;
}

/** The end of the chain. Of one whose links are all gone, only the checkpoint is left. */
async function headOf(em: EntityManager, organizationId: string, last: Checkpoint | undefined): Promise<Head> {
  const [row] = await em.execute<HeadRow[]>(headStatement, [organizationId]);
  const nowMs = Number(row?.nowMs);
  if (row?.sequence != null && row.hash != null) {
    return { organizationId, sequence: BigInt(row.sequence), hash: row.hash, headMs: Number(row.headMs), nowMs };
  }
  const { sequence = 0n, hash = genesis(organizationId), timeMs: headMs = 0 } = last ?? {};
  return { organizationId, sequence, hash, headMs, nowMs };
}

interface HeadRow {
  readonly nowMs: string;
  readonly sequence: string | null;
  readonly hash: Buffer | null;
  readonly headMs: string | null;
}

const headStatement = `
  SELECT floor(date_part('epoch', clock_timestamp()) * 1000)::bigint::text AS "nowMs",
    head.sequence::text AS sequence, head.hash, (date_part('epoch', head.create_time) * 1000)::bigint::text AS "headMs"
  FROM (SELECT) AS one LEFT JOIN LATERAL (
    SELECT * FROM audit_link WHERE organization_id = ? ORDER BY sequence DESC LIMIT 1) AS head ON true`;

/** No link is made before its event, or before the link before it: a month of links never leads to a later month's events. */
function latest(nowMs: number, headMs: number, pending: readonly PendingRow[]): number {
  return pending.reduce((most, { eventMs }) => Math.max(most, Number(eventMs)), Math.max(nowMs, headMs));
}

async function insertLinks(
  em: EntityManager,
  organizationId: string,
  links: readonly Link[],
  timeMs: number,
): Promise<void> {
  const values = links.map(({ sequence, eventMs, id, hash }) => [Number(sequence), eventMs, id, hash.toString("hex")]);
  const json = Buffer.from(JSON.stringify(values));
  await em.execute(linkStatement, [json, organizationId, timeMs, organizationId]);
}

const linkStatement = `
  WITH given AS MATERIALIZED (
    SELECT (link->>0)::bigint AS sequence, to_timestamp((link->>1)::float8 / 1000)::timestamptz(3) AS event_time,
      (link->>2)::uuid AS event_id, decode(link->>3, 'hex') AS hash
    FROM jsonb_array_elements(convert_from(?, 'UTF8')::jsonb) AS link
  ), added AS (
    INSERT INTO audit_link (organization_id, sequence, create_time, event_time, event_id, hash)
    SELECT ?, sequence, to_timestamp(?::float8 / 1000)::timestamptz(3), event_time, event_id, hash FROM given
  )
  DELETE FROM audit_task
  WHERE organization_id = ? AND kind = 'link' AND event_id = ANY (ARRAY(SELECT event_id FROM given))`;
