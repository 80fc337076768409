/** Checks chains: every link anew from its event, every checkpoint against the chain, and that nothing is beside it. */
import type { KeyObject } from "node:crypto";
import type { AuditStore } from "../store/audit.ts";
import { type Checkpoint, isGenuine, readCheckpoints } from "./checkpoint.ts";
import { strayEvent } from "./strays.ts";
import { walkAlong } from "./walk.ts";

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

const progressEvery = 4_000;

/** @throws Failure when the store can't be read */
export async function verifyChain(organizationId: string, options: VerificationOptions): Promise<ChainVerified> {
  const { store, kept, publicKeys } = options;
  const stored = await store.read((em) => readCheckpoints(em, organizationId));
  const all = [...stored, ...kept.filter((checkpoint) => checkpoint.organizationId === organizationId)];
  const nothing = { organizationId, verified: 0, sequence: 0n, checkpoints: 0 };
  const forged = all.map((checkpoint) => forgery(checkpoint, publicKeys)).find((found) => found !== undefined);
  if (forged !== undefined) return { ...nothing, broken: forged };

  const walk = walkAlong(organizationId, all);
  await store.readChain(organizationId, (place) => {
    const goesOn = walk.take(place);
    if (walk.verified() % progressEvery === 0) options.onProgress(walk.verified());
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
