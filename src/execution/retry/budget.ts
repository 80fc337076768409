/**
 * How many retries a connector's calls may add to what its source has to bear: a token
 * bucket for each connector. A source that is down gets little more than the calls
 * themselves, however many there are of them.
 *
 * Source: "Addressing Cascading Failures", chapter 22 of Site Reliability Engineering.
 */
import { LRUCache } from "lru-cache";
import type { Subject } from "../../observability/observation.ts";
import { keyOf } from "../connector-key.ts";

export interface RetryBudget {
  /** Counts a call, which adds to its connector's budget. */
  earn(subject: Subject): void;
  /** Takes a retry out of the connector's budget, if there is one left. */
  spend(subject: Subject): boolean;
  /** The connector begins anew. */
  forget(organizationId: string, connectorId: string): void;
}

/** Retries that each call adds. */
const perCall = 0.1;
/** Retries that each second adds, for connectors with few calls; a connector begins with one second's. */
const perSecond = 1;
/** Retries that a budget holds at most: what one blip of a quiet source may cost it at once. */
const most = 10;
/** Connectors whose budgets are kept; one that is not begins anew. */
const maxConnectors = 10_000;

interface Bucket {
  tokens: number;
  /** When time last added to it, on `performance.now()`'s clock. */
  time: number;
}

export function createRetryBudget(): RetryBudget {
  const buckets = new LRUCache<string, Bucket>({ max: maxConnectors });
  const bucketOf = ({ organizationId, connectorId }: Subject): Bucket => {
    const key = keyOf(organizationId, connectorId);
    const known = buckets.get(key);
    if (known !== undefined) return known;
    const made = { tokens: perSecond, time: performance.now() };
    buckets.set(key, made);
    return made;
  };
  return {
    earn(subject) {
      add(bucketOf(subject), perCall);
    },
    spend(subject) {
      const bucket = bucketOf(subject);
      const now = performance.now();
      add(bucket, ((now - bucket.time) / 1_000) * perSecond);
      bucket.time = now;
      if (bucket.tokens < 1) return false;
      bucket.tokens -= 1;
      return true;
    },
    forget(organizationId, connectorId) {
      buckets.delete(keyOf(organizationId, connectorId));
    },
  };
}

function add(bucket: Bucket, tokens: number): void {
  bucket.tokens = Math.min(most, bucket.tokens + tokens);
}
