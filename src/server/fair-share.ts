/**
 * Keeps one organization from taking the event loop from the others.
 *
 * Bulkheads and rate limits divide sources; the loop, in which every call is read and
 * answered or refused, belongs to all. While it is late, an organization that makes many
 * more calls than the others is refused before its requests are read, which spares the loop
 * the reading and the store a record. Whoever keeps to its share notices nothing of that,
 * and nobody is refused who calls alone: there is nobody to be fair to.
 *
 * Only calls that were let in count. So an organization with too many gets its share of
 * them answered, and not none ("max-min fairness").
 */
import { Failure } from "../failure.ts";
import { watchLag } from "./lag.ts";

export interface FairShares {
  /**
   * Counts a call of the organization, and lets it in.
   *
   * @throws Failure of kind `bulkhead_full`
   */
  enter(organizationId: string): void;
  /** Calls that were not let in, since the start. */
  readonly refused: number;
  close(): void;
}

export interface FairShareOptions {
  /** Whether the event loop is late. Default: when it is by more than 30 ms, of late. */
  readonly isLate?: () => boolean;
  /** Milliseconds on any clock. Default: `performance.now`. */
  readonly now?: () => number;
}

/** Milliseconds that the loop may be late: a garbage collection, or a large answer, is no overload. */
const lateMs = 30;
/** Calls are counted for one to two times so many milliseconds. */
const periodMs = 1_000;
/** Calls of a period and the one before that nobody is refused for. */
const leastCalls = 100;
/** How much more than an equal part is too much: two that call as often as each other are never quite equal. */
const slack = 1.5;

/** Calls of one organization that were let in. */
interface Counted {
  now: number;
  before: number;
}

export function createFairShares({ isLate, now = () => performance.now() }: FairShareOptions = {}): FairShares {
  const lag = isLate === undefined ? watchLag() : undefined;
  const late = isLate ?? (() => (lag?.ms ?? 0) > lateMs);
  const organizations = new Map<string, Counted>();
  let total = 0;
  let since = now();
  let refused = 0;

  /** Forgets the period before last, and who has not called since. */
  function turnOver(): void {
    const passed = now() - since;
    if (passed < periodMs) return;
    since += passed;
    total = 0;
    for (const [id, counted] of organizations) {
      counted.before = passed < 2 * periodMs ? counted.now : 0;
      counted.now = 0;
      total += counted.before;
      if (counted.before === 0) organizations.delete(id);
    }
  }

  return {
    enter(organizationId) {
      turnOver();
      const counted = organizations.get(organizationId) ?? { now: 0, before: 0 };
      const own = counted.now + counted.before;
      const most = Math.max(leastCalls, (slack * total) / Math.max(1, organizations.size));
      if (own >= most && organizations.size > 1 && late()) {
        refused++;
        throw tooMany();
      }
      if (own === 0) organizations.set(organizationId, counted);
      counted.now++;
      total++;
    },
    get refused() {
      return refused;
    },
    close: () => lag?.close(),
  };
}

function tooMany(): Failure {
  return new Failure("bulkhead_full", "The service is busy, and most of its calls are the organization's own.", {
    where: "service",
    remedy: "Send fewer calls; if it goes on, the operator must add replicas.",
    retryAfterMs: periodMs,
    metadata: { limit: "service" },
  });
}
