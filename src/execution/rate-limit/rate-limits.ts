/**
 * How many calls a second a connector and an organization may make: counted in Redis
 * for all replicas together, in memory for this one while there is no Redis.
 *
 * Calls are counted in windows that begin with the first call: at most a second's
 * worth of them each, or one call when a second is worth less. A call that finds its
 * window full is refused at once and told when the next one begins.
 */
import { LRUCache } from "lru-cache";
import { RateLimiterRedis } from "rate-limiter-flexible";
import { Failure } from "../../failure.ts";
import type { Observe, RateLimited, Subject } from "../../observability/observation.ts";
import { keyOf } from "../connector-key.ts";
import type { SharedRedis } from "../redis.ts";
import { type Counted, createWindows } from "./windows.ts";

export interface RateLimitPolicy {
  /** Of the connector, over all callers; 0.1 is one call in 10 s. Undefined for no limit. */
  readonly callsPerSecond: number | undefined;
  /** The connector's limit only counts, and refuses nothing. */
  readonly observeOnly: boolean;
  /** Of the organization, over all its connectors. Undefined for no limit. */
  readonly organizationCallsPerSecond: number | undefined;
}

export interface RateLimits {
  /**
   * Takes one call from the connector's and the organization's limit; undefined when
   * nothing limits it. A limit counts anew when it is changed.
   *
   * @throws Failure of kind `rate_limited`, with `retryAfterMs` and whose limit it is.
   */
  admit(subject: Subject, policy: RateLimitPolicy): Promise<void> | undefined;
  close(): void;
}

export interface RateLimitOptions {
  readonly redis?: SharedRedis | undefined;
  readonly observe: Observe;
}

type Holder = Exclude<RateLimited["limit"], "source">;

interface Limit {
  readonly holder: Holder;
  readonly callsPerSecond: number;
  readonly enforced: boolean;
  readonly key: string;
  /** Calls in one window. */
  readonly calls: number;
  readonly windowMs: number;
}

/** One call, counted by a limit. */
interface Taken {
  readonly limit: Limit;
  readonly counter: Counter;
}

interface Counter {
  /** A promise only where somebody else is asked. */
  add(limit: Limit): Counted | Promise<Counted>;
  /** Gives a call back, if that can be; otherwise the limit has one call less until its window ends. */
  remove(limit: Limit): void;
}

/** Keys kept at most that are known to be full; any other is asked, that is all. */
const maxFull = 10_000;
/** A timer of Node holds no more milliseconds. */
const maxWindowMs = 2 ** 31 - 1;
/** Each key has a limit of its own, so that the library's judgement is of no use. */
const noJudgement = { points: Number.MAX_SAFE_INTEGER, duration: 1 };

export function createRateLimits({ redis, observe }: RateLimitOptions): RateLimits {
  const windows = createWindows();
  const own = {
    add: ({ key, windowMs }: Limit) => windows.add(key, windowMs),
    remove: ({ key }: Limit) => windows.remove(key),
  };
  const shared = redis === undefined ? undefined : sharedCounter(redis);
  // A full window stays full: to refuse costs neither Redis nor the other limit a thing.
  const fullUntil = new LRUCache<string, number>({ max: maxFull });

  const fullForMs = (key: string) => {
    const until = fullUntil.size === 0 ? undefined : fullUntil.get(key);
    if (until === undefined) return 0;
    const ms = until - performance.now();
    if (ms <= 0) fullUntil.delete(key);
    return Math.max(ms, 0);
  };

  /** Takes a call from a limit: milliseconds until there is room, 0 when there was. */
  function take(limit: Limit, taken: Taken[]): number | Promise<number> {
    const knownMs = fullForMs(limit.key);
    if (knownMs > 0) return knownMs;
    if (shared !== undefined && redis?.available) return takeShared(limit, taken, shared);
    return judge({ limit, counter: own }, own.add(limit), taken);
  }

  async function takeShared(limit: Limit, taken: Taken[], counter: Counter): Promise<number> {
    try {
      return judge({ limit, counter }, await counter.add(limit), taken);
    } catch {
      redis?.doubt();
      return judge({ limit, counter: own }, own.add(limit), taken);
    }
  }

  function judge(one: Taken, { calls, leftMs }: Counted, taken: Taken[]): number {
    if (calls <= one.limit.calls) {
      taken.push(one);
      return 0;
    }
    // What was refused is not counted, so that what another call gives back makes room.
    giveBack(one);
    const waitMs = Math.max(leftMs, 1);
    fullUntil.set(one.limit.key, performance.now() + waitMs);
    return waitMs;
  }

  function giveBack({ limit, counter }: Taken): void {
    fullUntil.delete(limit.key);
    counter.remove(limit);
  }

  /** @throws Failure when the limit is enforced. */
  function meet(subject: Subject, limit: Limit, waitMs: number): void {
    observe({ kind: "rate_limited", subject, limit: limit.holder, enforced: limit.enforced });
    if (limit.enforced) throw rateLimited(limit, waitMs);
  }

  async function takeAll(subject: Subject, limits: readonly Limit[]): Promise<void> {
    // What one limit is known to refuse takes nothing from the other.
    for (const limit of limits) {
      const waitMs = limit.enforced ? fullForMs(limit.key) : 0;
      if (waitMs > 0) meet(subject, limit, waitMs);
    }
    const taken: Taken[] = [];
    // One after the other: a connector that calls too often must not fill its organization's, be it for a moment.
    for (const limit of limits) {
      const taking = take(limit, taken);
      const waitMs = typeof taking === "number" ? taking : await taking;
      if (waitMs === 0) continue;
      if (limit.enforced) for (const one of taken) giveBack(one);
      meet(subject, limit, waitMs);
    }
  }

  return {
    admit(subject, policy) {
      const limits = limitsOf(subject, policy);
      return limits === undefined ? undefined : takeAll(subject, limits);
    },
    close() {
      fullUntil.clear();
      windows.close();
    },
  };
}

function limitsOf(subject: Subject, policy: RateLimitPolicy): Limit[] | undefined {
  const { callsPerSecond, observeOnly, organizationCallsPerSecond } = policy;
  if (callsPerSecond === undefined && organizationCallsPerSecond === undefined) return undefined;
  const { organizationId, connectorId } = subject;
  const limits: Limit[] = [];
  if (callsPerSecond !== undefined) {
    limits.push(limitOf("connector", keyOf(organizationId, connectorId), callsPerSecond, !observeOnly));
  }
  if (organizationCallsPerSecond !== undefined) {
    limits.push(limitOf("organization", organizationId, organizationCallsPerSecond, true));
  }
  return limits;
}

function limitOf(holder: Holder, name: string, callsPerSecond: number, enforced: boolean): Limit {
  const calls = Math.max(1, Math.floor(callsPerSecond));
  const windowMs = Math.min(Math.ceil((calls / callsPerSecond) * 1_000 - 1e-6), maxWindowMs);
  // The rate is part of the key, so that a changed one holds at once.
  return { holder, callsPerSecond, enforced, key: `${holder}/${name}/${callsPerSecond}`, calls, windowMs };
}

/**
 * The library counts in whole seconds, which are too coarse for 2.5 calls a second: with
 * this script of ours the durations that it hands over are milliseconds. What is given
 * back to a window that is over is forgotten.
 */
const countScript = `
if tonumber(ARGV[1]) < 0 and redis.call('exists', KEYS[1]) == 0 then return {0, 0} end
redis.call('set', KEYS[1], 0, 'PX', ARGV[2], 'NX')
return {redis.call('incrby', KEYS[1], ARGV[1]), redis.call('pttl', KEYS[1])}`;

function sharedCounter({ client }: SharedRedis): Counter {
  const limiter = new RateLimiterRedis({
    ...noJudgement,
    storeClient: client,
    keyPrefix: "limit",
    customIncrTtlLuaScript: countScript,
  });
  const duration = ({ windowMs }: Limit) => ({ customDuration: windowMs });
  return {
    async add(limit) {
      const { consumedPoints: calls, msBeforeNext: leftMs } = await limiter.consume(limit.key, 1, duration(limit));
      return { calls, leftMs };
    },
    remove(limit) {
      limiter.reward(limit.key, 1, duration(limit)).catch(() => {});
    },
  };
}

function rateLimited({ holder, callsPerSecond }: Limit, waitMs: number): Failure {
  const rate = callsPerSecond === 1 ? "1 call" : `${callsPerSecond} calls`;
  const raise = holder === "connector" ? "raise the connector's limit" : "spread the organization's calls over time";
  return new Failure("rate_limited", `The ${holder}'s limit of ${rate} a second is used up.`, {
    where: "rate_limit",
    remedy: `Try again after the given time, or ${raise}.`,
    retryAfterMs: Math.ceil(waitMs),
    metadata: { limit: holder, calls_per_second: String(callsPerSecond) },
  });
}
