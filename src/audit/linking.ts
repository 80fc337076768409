/**
 * Gives the events of one organization that were not linked as they were written their places in
 * its chain, and signs its end, in a transaction that only one replica has at a time.
 */
import type { EntityManager } from "@mikro-orm/postgresql";
import { type Checkpoint, insertCheckpoint, signCheckpoint } from "./checkpoint.ts";
import type { AuditKeys } from "./keys.ts";

/** When a chain is signed: as soon as either has passed. */
export interface CheckpointEvery {
  readonly rows: number;
  readonly ms: number;
}

export interface Linked {
  /** Whether there may be more. */
  readonly more: boolean;
  readonly checkpoint: Checkpoint | undefined;
  /** Entries at the chain's end that are not signed. */
  readonly unsigned: number;
  /** Milliseconds until what is written then is to be signed. */
  readonly dueInMs: number;
}

const batch = 2_000;

/** The database makes the links, as `chain.ts` tells of them. */
export async function linkBatch(
  em: EntityManager,
  organizationId: string,
  keys: AuditKeys,
  every: CheckpointEvery,
): Promise<Linked> {
  const [row] = await em.execute<[LinkedRow]>(linkStatement, [organizationId, batch]);
  const { linked, hash } = row;
  const [sequence, signed] = [BigInt(row.sequence), BigInt(row.signed_sequence)];
  const nowMs = Number(row.now_ms);
  const isDue = sequence - signed >= BigInt(every.rows) || nowMs - Number(row.signed_ms) >= every.ms;
  const checkpoint =
    sequence > signed && isDue ? signCheckpoint(keys, { organizationId, sequence, hash }, nowMs) : undefined;
  if (checkpoint !== undefined) await insertCheckpoint(em, checkpoint);
  return {
    ...{ more: linked === batch, checkpoint },
    unsigned: checkpoint === undefined ? Number(sequence - signed) : 0,
    dueInMs: every.ms - (checkpoint === undefined ? nowMs - Number(row.signed_ms) : 0),
  };
}

const linkStatement = `
  SELECT linked, sequence::text AS sequence, hash, now_ms::text AS now_ms,
    signed_sequence::text AS signed_sequence, signed_ms::text AS signed_ms
  FROM audit_link_events(?, ?)`;

interface LinkedRow {
  readonly linked: number;
  /** The end of the chain. */
  readonly sequence: string;
  readonly hash: Buffer;
  /** By the database's clock, in milliseconds since 1970. */
  readonly now_ms: string;
  /** The last checkpoint; zeros for none. */
  readonly signed_sequence: string;
  readonly signed_ms: string;
}
