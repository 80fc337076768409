/**
 * Checkpoints: signatures under a chain as it was at a moment. A chain can be computed anew
 * by whoever has the database; a checkpoint only by whoever has the key. Copies of them are
 * kept elsewhere, in a file, which shows also a chain whose end was cut off.
 */
import { type KeyObject, sign, verify } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { z } from "zod";
import type { AuditKeys } from "./keys.ts";

/** How a chain is at one place. */
export interface ChainState {
  readonly organizationId: string;
  readonly sequence: bigint;
  readonly hash: Buffer;
}

export interface Checkpoint extends ChainState {
  /** When it was signed, in milliseconds since 1970. */
  readonly timeMs: number;
  /** What was written before that instant may be gone, milliseconds since 1970; 0: nothing is. */
  readonly keptFromMs: number;
  readonly keyId: string;
  readonly signature: Buffer;
}

export function signCheckpoint(keys: AuditKeys, state: ChainState, timeMs: number, keptFromMs = 0): Checkpoint {
  const { organizationId, sequence, hash } = state;
  const unsigned = { organizationId, sequence, hash, timeMs, keptFromMs, keyId: keys.id };
  return { ...unsigned, signature: sign(null, signedBytes(unsigned), keys.signing) };
}

export function isGenuine(checkpoint: Checkpoint, publicKey: KeyObject): boolean {
  return verify(null, signedBytes(checkpoint), publicKey, checkpoint.signature);
}

function signedBytes({ organizationId, sequence, hash, timeMs, keptFromMs, keyId }: Omit<Checkpoint, "signature">) {
  const parts = [organizationId, sequence.toString(), hash.toString("hex"), timeMs, keptFromMs, keyId];
  return Buffer.from(`connector/1 audit checkpoint\0${JSON.stringify(parts)}`);
}

/** A line of a file of checkpoints, with its end. */
export function lineOf(checkpoint: Checkpoint): string {
  const { organizationId, sequence, hash, timeMs, keptFromMs, keyId, signature } = checkpoint;
  return `${JSON.stringify({
    organization: organizationId,
    sequence: sequence.toString(),
    hash: hash.toString("hex"),
    time: new Date(timeMs).toISOString(),
    kept_from: new Date(keptFromMs).toISOString(),
    key: keyId,
    signature: signature.toString("hex"),
  })}\n`;
}

const instant = z.iso.datetime().transform((text) => Date.parse(text));
const hex = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`))
    .transform((text) => Buffer.from(text, "hex"));
const line = z.object({
  organization: z.string(),
  sequence: z
    .string()
    .regex(/^\d{1,18}$/)
    .transform(BigInt),
  hash: hex(32),
  time: instant,
  kept_from: instant,
  key: z.string(),
  signature: hex(64),
});

/** The checkpoints of a file, or the number of the first line that is none, from 1. */
export function parseCheckpoints(text: string): readonly Checkpoint[] | number {
  const checkpoints: Checkpoint[] = [];
  for (const [i, given] of text.split("\n").entries()) {
    if (given.trim() === "") continue;
    const { data } = line.safeParse(jsonOf(given));
    if (data === undefined) return i + 1;
    const { organization, sequence, hash, time, kept_from, key, signature } = data;
    checkpoints.push({
      ...{ organizationId: organization, sequence, hash, timeMs: time, keptFromMs: kept_from, keyId: key, signature },
    });
  }
  return checkpoints;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export async function insertCheckpoint(em: EntityManager, checkpoint: Checkpoint): Promise<void> {
  const { organizationId, sequence, hash, timeMs, keptFromMs, keyId, signature } = checkpoint;
  await em.execute(
    `INSERT INTO audit_checkpoint (organization_id, sequence, kept_from, create_time, hash, key_id, signature)
     VALUES (?, ?, to_timestamp(?::float8 / 1000), to_timestamp(?::float8 / 1000), decode(?, 'hex'), ?, decode(?, 'hex'))
     ON CONFLICT DO NOTHING`,
    [organizationId, sequence, keptFromMs, timeMs, hash.toString("hex"), keyId, signature.toString("hex")],
  );
}

interface Row {
  readonly organizationId: string;
  readonly sequence: string;
  readonly hash: Buffer;
  readonly timeMs: string;
  readonly keptFromMs: string;
  readonly keyId: string;
  readonly signature: Buffer;
}

const selection = `
  SELECT organization_id AS "organizationId", sequence::text AS sequence, hash, key_id AS "keyId", signature,
    (date_part('epoch', create_time) * 1000)::bigint::text AS "timeMs",
    (date_part('epoch', kept_from) * 1000)::bigint::text AS "keptFromMs"
  FROM audit_checkpoint WHERE organization_id = ?`;

/** An organization's checkpoints, the earliest first. */
export async function readCheckpoints(em: EntityManager, organizationId: string): Promise<readonly Checkpoint[]> {
  return (await em.execute<Row[]>(`${selection} ORDER BY audit_checkpoint.sequence, kept_from`, [organizationId])).map(
    checkpointOf,
  );
}

/**
 * The last of those that say that something was let go.
 * @param before Only one of the place just before this one; undefined: any
 */
export async function retainedCheckpoint(
  em: EntityManager,
  organizationId: string,
  before: bigint | undefined,
): Promise<Checkpoint | undefined> {
  const place = before === undefined ? "" : `AND audit_checkpoint.sequence = ${before - 1n}`;
  const statement = `${selection} AND kept_from > 'epoch' ${place} ORDER BY audit_checkpoint.sequence DESC, kept_from DESC LIMIT 1`;
  const [row] = await em.execute<Row[]>(statement, [organizationId]);
  return row && checkpointOf(row);
}

function checkpointOf({ sequence, timeMs, keptFromMs, ...row }: Row): Checkpoint {
  return { ...row, sequence: BigInt(sequence), timeMs: Number(timeMs), keptFromMs: Number(keptFromMs) };
}
