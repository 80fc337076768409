/** Checks chains: every link anew from its event, every checkpoint against the chain, and that nothing is beside it. */
import type { KeyObject } from "node:crypto";
import type { AuditChainRow, AuditStore } from "../store/audit.ts";
import { genesis, linkHash } from "./chain.ts";
import { type Checkpoint, isGenuine, readCheckpoints } from "./checkpoint.ts";
import { strayEvent } from "./strays.ts";

/** The first thing that is wrong with a chain. */
export interface Break {
  /** The place in the chain; undefined for an event that has none. */
  readonly sequence: bigint | undefined;
  /** What is wrong there, in a sentence. */
  readonly problem: string;
}

export interface ChainVerified {
  readonly organizationId: string;
  /** Links that were found good. */
  readonly verified: number;
  /** The last one of them; 0 for none. */
  readonly sequence: bigint;
  /** Checkpoints that were found good. */
  readonly checkpoints: number;
  readonly broken: Break | undefined;
}

export interface VerificationOptions {
  readonly store: AuditStore;
  /** By their ids: those that checkpoints may be signed by. */
  readonly publicKeys: ReadonlyMap<string, KeyObject>;
  /** Checkpoints that were kept elsewhere. */
  readonly kept: readonly Checkpoint[];
  /** Hears how many links have been found good, after every few thousand. */
  readonly onProgress: (verified: number) => void;
}

/** @throws Failure when the store can't be read */
export async function verifyChain(organizationId: string, options: VerificationOptions): Promise<ChainVerified> {
  const { store, kept, publicKeys } = options;
  const stored = await store.read((em) => readCheckpoints(em, organizationId));
  const all = [...stored, ...kept.filter((checkpoint) => checkpoint.organizationId === organizationId)];
  const nothing = { organizationId, verified: 0, sequence: 0n, checkpoints: 0 };
  const forged = all.map((checkpoint) => forgery(checkpoint, publicKeys)).find((found) => found !== undefined);
  if (forged !== undefined) return { ...nothing, broken: forged };

  const walk = walkAlong(organizationId, all);
  await store.readChain(organizationId, (rows) => {
    const goesOn = walk.take(rows);
    options.onProgress(walk.verified());
    return goesOn;
  });
  const broken = walk.broken() ?? walk.end() ?? (await strayEvent(store, organizationId));
  return { organizationId, verified: walk.verified(), sequence: walk.sequence(), checkpoints: all.length, broken };
}

function forgery(checkpoint: Checkpoint, publicKeys: VerificationOptions["publicKeys"]): Break | undefined {
  const { sequence, keyId } = checkpoint;
  const publicKey = publicKeys.get(keyId);
  if (publicKey === undefined) {
    return { sequence, problem: `Its checkpoint is signed by the key ${keyId}, which is none of those given.` };
  }
  if (isGenuine(checkpoint, publicKey)) return undefined;
  return { sequence, problem: `The signature of its checkpoint is not that of the key ${keyId}.` };
}

interface Walk {
  /** Says whether all was well. */
  take(rows: readonly AuditChainRow[]): boolean;
  /** What is wrong with the end, when all links have been taken. */
  end(): Break | undefined;
  broken(): Break | undefined;
  verified(): number;
  sequence(): bigint;
}

function walkAlong(organizationId: string, checkpoints: readonly Checkpoint[]): Walk {
  const bySequence = Map.groupBy(checkpoints, ({ sequence }) => sequence);
  let start: Start | undefined;
  let last = { sequence: 0n, hash: genesis(organizationId) };
  let verified = 0;
  let broken: Break | undefined;

  const check = (row: AuditChainRow): string | undefined => {
    const sequence = BigInt(row.sequence);
    start ??= startAt(sequence, organizationId, bySequence.get(sequence - 1n) ?? []);
    if (start === undefined) return firstMissing(sequence);
    if (verified === 0) last = { sequence: sequence - 1n, hash: start.hash };
    if (sequence === last.sequence) return "There are two entries at this place.";
    if (sequence !== last.sequence + 1n) return gap(last.sequence, sequence);
    // What was written before the months that are kept is gone, and the link stands for it.
    const eventMs = Number(row.eventMs);
    if (row.entry === null && eventMs >= start.keptFromMs) return "The entry itself is gone, and its link is left.";
    const hash = row.entry === null ? row.hash : linkHash(last.hash, sequence, eventMs, row.entry);
    if (!hash.equals(row.hash)) {
      return "The entry is not what it was when it was linked, or its hash or one before it was changed.";
    }
    if (bySequence.get(sequence)?.some((checkpoint) => !checkpoint.hash.equals(hash))) {
      return "The chain was computed anew: its checkpoint signs another hash. What was changed is here, or between here and the checkpoint before.";
    }
    last = { sequence, hash };
    verified++;
    return undefined;
  };

  return {
    take(rows) {
      for (const row of rows) {
        const problem = check(row);
        if (problem === undefined) continue;
        broken = { sequence: BigInt(row.sequence), problem };
        return false;
      }
      return true;
    },
    end() {
      const [highest = 0n] = checkpoints.map(({ sequence }) => sequence).toSorted((a, b) => (a < b ? 1 : -1));
      if (highest <= last.sequence) return undefined;
      // Of an organization that has been quiet for long, all that is kept is where its chain was.
      const isAllGone = verified === 0 && bySequence.get(highest)?.some(({ keptFromMs }) => keptFromMs > 0);
      if (isAllGone) return undefined;
      const problem = `The end of the chain was cut off: a checkpoint says that it went on to ${highest} at least.`;
      return { sequence: last.sequence + 1n, problem };
    },
    broken: () => broken,
    verified: () => verified,
    sequence: () => last.sequence,
  };
}

interface Start {
  /** Before the first link. */
  readonly hash: Buffer;
  /** What was written before may be gone. */
  readonly keptFromMs: number;
}

/** A chain begins at 1, or where a checkpoint says that what was before was let go. */
function startAt(sequence: bigint, organizationId: string, before: readonly Checkpoint[]): Start | undefined {
  const [retained] = before.filter(({ keptFromMs }) => keptFromMs > 0).toSorted((a, b) => b.keptFromMs - a.keptFromMs);
  if (sequence === 1n) return { hash: genesis(organizationId), keptFromMs: retained?.keptFromMs ?? 0 };
  return retained && { hash: retained.hash, keptFromMs: retained.keptFromMs };
}

function firstMissing(sequence: bigint): string {
  return `The chain begins here and not at 1, and no checkpoint says that what was before was let go: ${counted(1n, sequence)} missing.`;
}

function gap(last: bigint, found: bigint): string {
  return `${counted(last + 1n, found)} missing before this one.`;
}

function counted(from: bigint, to: bigint): string {
  return to - from === 1n ? `entry ${from} is` : `entries ${from} to ${to - 1n} are`;
}
