/** Goes along a chain as it is stored, place by place, and stops at the first place where something is wrong. */
import type { AuditChainPlace } from "../store/audit-chain.ts";
import { genesis, headBytes, linkHash } from "./chain.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Break } from "./verification.ts";

export interface Walk {
  /** Says whether all was well. */
  take(place: AuditChainPlace): boolean;
  /** What is wrong with the end, when all places have been taken. */
  end(): Break | undefined;
  broken(): Break | undefined;
  verified(): number;
  /** The last place that was found good; 0 for none. */
  sequence(): bigint;
}

export function walkAlong(organizationId: string, checkpoints: readonly Checkpoint[]): Walk {
  const bySequence = Map.groupBy(checkpoints, ({ sequence }) => Number(sequence));
  let start: Start | undefined;
  /** The last place that was found good, and the bytes of its hash. */
  let last = 0;
  const before = genesis(organizationId);
  let verified = 0;
  let broken: Break | undefined;

  const check = ({ sequence, eventMs, hash, row, textStart }: AuditChainPlace): string | undefined => {
    if (start === undefined) {
      start = startAt(sequence, organizationId, checkpoints);
      if (start === undefined) return firstMissing(sequence);
      last = sequence - 1;
      before.set(start.hash);
    }
    if (sequence === last) return "There are two entries at this place.";
    if (sequence !== last + 1) return gap(last, sequence);
    // What was written before the months that are kept, and linked later, is gone, and the link stands for it.
    const isGone = textStart === undefined;
    const isLetGo = isGone && sequence <= start.letGoTo && eventMs >= 0 && eventMs < start.keptFromMs;
    if (isGone && !isLetGo) return "The entry itself is gone, and its link is left.";
    const given = () => hash.toString("latin1");
    if (
      !isGone &&
      (!isTime(eventMs) || linkHash(row.subarray(textStart - headBytes), before, sequence, eventMs) !== given())
    ) {
      return "The entry is not what it was when it was linked, or its hash or one before it was changed.";
    }
    if (bySequence.get(sequence)?.some((checkpoint) => !checkpoint.hash.equals(hash))) {
      return "The chain was computed anew: its checkpoint signs another hash. What was changed is here, or between here and the checkpoint before.";
    }
    return undefined;
  };

  return {
    take(place) {
      const problem = check(place);
      if (problem !== undefined) {
        broken = { sequence: BigInt(place.sequence), problem };
        return false;
      }
      last = place.sequence;
      before.set(place.hash);
      verified++;
      return true;
    },
    end() {
      const highest = bySequence.keys().reduce((most, sequence) => Math.max(most, sequence), 0);
      if (highest <= last) return undefined;
      // Of an organization that has been quiet for long, all that is kept is where its chain was.
      const isAllGone = verified === 0 && bySequence.get(highest)?.some(({ keptFromMs }) => keptFromMs > 0);
      if (isAllGone) return undefined;
      const problem = `The end of the chain was cut off: a checkpoint says that it went on to ${highest} at least.`;
      return { sequence: BigInt(last) + 1n, problem };
    },
    broken: () => broken,
    verified: () => verified,
    sequence: () => BigInt(last),
  };
}

/** One that the service can have written: of 48 bits, which last for 8,000 years. */
function isTime(ms: number): boolean {
  return ms >= 0 && ms < 2 ** 48;
}

interface Start {
  /** Before the first link. */
  readonly hash: Buffer;
  /** What was written before may be gone, */
  readonly keptFromMs: number;
  /** and so only up to this place. */
  readonly letGoTo: number;
}

/**
 * A chain begins at 1, or where a checkpoint says that what was before was let go: the first
 * one of that month. Up to the last one there are links of events that went with it.
 */
function startAt(sequence: number, organizationId: string, checkpoints: readonly Checkpoint[]): Start | undefined {
  const months = Map.groupBy(checkpoints, ({ keptFromMs }) => keptFromMs);
  months.delete(0);
  const found = [...months.values()].map((ofMonth) => ofMonth.toSorted((a, b) => Number(a.sequence - b.sequence)));
  const [month = []] = found
    .filter(([first]) => first?.sequence === BigInt(sequence - 1))
    .toSorted(([a], [b]) => (b?.keptFromMs ?? 0) - (a?.keptFromMs ?? 0));
  const [first, last] = [month.at(0), month.at(-1)];
  if (first === undefined || last === undefined) {
    return sequence === 1 ? { hash: genesis(organizationId), keptFromMs: 0, letGoTo: 0 } : undefined;
  }
  const hash = sequence === 1 ? genesis(organizationId) : first.hash;
  return { hash, keptFromMs: first.keptFromMs, letGoTo: Number(last.sequence) };
}

function firstMissing(sequence: number): string {
  return `The chain begins here and not at 1, and no checkpoint says that what was before was let go: ${counted(1, sequence)} missing.`;
}

function gap(last: number, found: number): string {
  return `${counted(last + 1, found)} missing before this one.`;
}

function counted(from: number, to: number): string {
  return to - from === 1 ? `entry ${from} is` : `entries ${from} to ${to - 1} are`;
}
