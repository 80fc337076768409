/** The breakers of this replica: one for each connector as it stands, made when it is first called. */
import { LRUCache } from "lru-cache";
import type { Observe, Subject } from "../../observability/observation.ts";
import { keyOf } from "../connector-key.ts";
import { type Breaker, type BreakerStatus, createBreaker, type OwnedBreaker } from "./breaker.ts";

export interface BreakersOptions {
  /** Milliseconds that a breaker stays open before it lets a probe through. */
  readonly openMs: number;
  /** Milliseconds after which a probe without a verdict counts as failing. Default: 2.5 s. */
  readonly probeMs?: number;
  /** Is told every change of a breaker's state as `breaker_changed`. */
  readonly observe: Observe;
}

export interface Breakers {
  /** The connector's breaker. Another version of the connector starts with a new, closed one. */
  of(subject: Subject, version: string): Breaker;
  /** Closed when there is none; makes none. */
  status(organizationId: string, connectorId: string): BreakerStatus;
  /** The connector was changed or deleted. */
  forget(organizationId: string, connectorId: string): void;
  /** Frees all timers. */
  close(): void;
}

/** Breakers kept at most; those unused the longest go first. */
const maxBreakers = 10_000;
/** Enough for a healthy source's answer; one that is slower still closes the breaker when it comes. */
const defaultProbeMs = 2_500;
/** How often idle breakers are looked for: what they give up then is 7 KB each. */
const restMs = 60_000;

const none: BreakerStatus = { state: "closed", reason: undefined, nextProbeTime: undefined, opened: 0 };

interface Entry {
  readonly version: string;
  readonly breaker: OwnedBreaker;
}

export function createBreakers({ openMs, probeMs = defaultProbeMs, observe }: BreakersOptions): Breakers {
  const entries = new LRUCache<string, Entry>({ max: maxBreakers, dispose: ({ breaker }) => breaker.close() });
  const resting = setInterval(() => {
    for (const { breaker } of entries.values()) breaker.rest();
  }, restMs).unref();

  return {
    of(subject, version) {
      const key = keyOf(subject.organizationId, subject.connectorId);
      const known = entries.get(key);
      if (known?.version === version) return known.breaker;
      const breaker = createBreaker({
        openMs,
        probeMs,
        onChange: (from, to, reason) => observe({ kind: "breaker_changed", subject, from, to, reason }),
      });
      entries.set(key, { version, breaker });
      return breaker;
    },
    status: (organizationId, connectorId) => entries.peek(keyOf(organizationId, connectorId))?.breaker.status() ?? none,
    forget: (organizationId, connectorId) => void entries.delete(keyOf(organizationId, connectorId)),
    close() {
      clearInterval(resting);
      entries.clear();
    },
  };
}
