/** How fast a quota is used up, by what its source says of it from answer to answer. */
import type { Quota } from "../../providers/contract.ts";

export interface QuotaPace {
  readonly latest: Quota;
  /** When it was said, in milliseconds since the epoch. */
  readonly latestAt: number;
  /** The source has said something new of it. */
  told(quota: Quota): void;
  /** The part that is left, from 0 to 1; undefined for one that allows nothing. */
  left(): number | undefined;
  /** Seconds until it is used up; undefined while it is not being used, and when it is renewed before. */
  exhaustionSeconds(): number | undefined;
}

interface Seen {
  readonly remaining: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** The pace is of one to two times so many milliseconds. */
const periodMs = 2 * 60_000;
/** Milliseconds of the shortest time that says something of a pace. */
const leastMs = 1_000;

/** A little more than before is left when answers overtake each other. */
const renewedPart = 0.05;

function isRenewed(before: Quota, { limit, remaining }: Quota): boolean {
  return limit !== before.limit || remaining - before.remaining > limit * renewedPart;
}

/** @param now Milliseconds since the epoch. Default: `Date.now`. */
export function quotaPace(first: Quota, now: () => number = Date.now): QuotaPace {
  let latest = first;
  let latestAt = now();
  let begin: Seen = { remaining: first.remaining, at: latestAt };
  /** Begins the next period, when this one is long enough. */
  let next = begin;

  const exhaustionSeconds = () => {
    // What allows nothing at any time is not used up by anybody.
    if (latest.limit <= 0) return undefined;
    if (latest.remaining <= 0) return 0;
    const at = now();
    const used = begin.remaining - latest.remaining;
    const ms = at - begin.at;
    if (used <= 0 || ms < leastMs) return undefined;
    const leftMs = (latest.remaining * ms) / used;
    const resetMs = latest.resetTime?.getTime() ?? Number.POSITIVE_INFINITY;
    return at + leftMs < resetMs ? leftMs / 1_000 : undefined;
  };

  return {
    get latest() {
      return latest;
    },
    get latestAt() {
      return latestAt;
    },
    told(quota) {
      const seen = { remaining: quota.remaining, at: now() };
      if (isRenewed(latest, quota)) begin = next = seen;
      else if (seen.at - next.at >= periodMs) [begin, next] = [next, seen];
      latest = quota;
      latestAt = seen.at;
    },
    left: () => (latest.limit > 0 ? Math.min(1, Math.max(0, latest.remaining / latest.limit)) : undefined),
    exhaustionSeconds,
  };
}
