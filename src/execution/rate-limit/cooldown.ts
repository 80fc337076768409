/**
 * Patience that a source has asked for: nobody calls it before it said so.
 *
 * Each replica knows all pauses by itself, so that to check one asks nobody. With Redis
 * a pause is published to the other replicas, which know it some milliseconds later,
 * and kept in a sorted set, which a replica reads when it connects. What was set while
 * Redis was away is shared when it is back.
 */
import type { Redis } from "ioredis";
import { LRUCache } from "lru-cache";
import { Failure } from "../../failure.ts";
import type { QuotaFigures } from "../../observability/figures.ts";
import type { Observe, Subject } from "../../observability/observation.ts";
import type { Quota } from "../../providers/contract.ts";
import { keyOf } from "../connector-key.ts";
import type { SharedRedis } from "../redis.ts";
import { type QuotaPace, quotaPace } from "./quota-pace.ts";

export interface Cooldowns {
  /**
   * Undefined while the source takes calls.
   *
   * @throws Failure of kind `upstream_rate_limited`, with `retryAfterMs` and `until`.
   */
  check(subject: Subject): Promise<void> | undefined;
  /** The source asked for so many milliseconds of patience. The longest pause wins; none is longer than an hour. */
  pause(subject: Subject, ms: number): void;
  /** What the source says of a quota; none left and a reset time within an hour pauses until then. */
  quota(subject: Subject, quota: Quota): void;
  /** What the source said to this replica, except for what has been reset since. */
  quotas(organizationId: string, connectorId: string): readonly Quota[];
  /**
   * Of the connector's quota that is nearest to its end; undefined where its source has said nothing of any. One without
   * a reset time counts for five minutes.
   */
  quotaFigures(organizationId: string, connectorId: string): QuotaFigures | undefined;
  /** The same of all connectors, by their providers. */
  leastLeft(): Readonly<Record<string, QuotaFigures>>;
}

export interface CooldownOptions {
  readonly redis?: SharedRedis | undefined;
  readonly observe: Observe;
}

const maxPauseMs = 60 * 60_000;
/** Connectors kept at most that pause, and that have quotas. */
const maxConnectors = 20_000;
/** Milliseconds for which figures are made of what a source said without a time of renewal. */
const currentMs = 5 * 60_000;
/** Quotas of one connector kept at most: their names come from the source. */
const maxQuotas = 16;

export function createCooldowns({ redis, observe }: CooldownOptions): Cooldowns {
  /** The end of each pause, in milliseconds since the epoch. */
  const pauses = new LRUCache<string, number>({ max: maxConnectors });
  const quotas = new LRUCache<string, Known>({ max: maxConnectors });

  const leftMs = (key: string) => {
    const until = pauses.get(key);
    if (until === undefined) return 0;
    const ms = until - Date.now();
    if (ms <= 0) pauses.delete(key);
    return Math.max(ms, 0);
  };
  /** Whether the pause is longer than what is known. */
  const hold = (key: string, ms: number) => {
    const until = Date.now() + ms;
    if (until <= (pauses.get(key) ?? 0)) return false;
    pauses.set(key, until);
    return true;
  };
  const shared = redis === undefined ? undefined : sharePauses(redis, pauses, hold);

  const pause = ({ organizationId, connectorId }: Subject, ms: number) => {
    const cappedMs = Math.ceil(Math.min(ms, maxPauseMs));
    const key = keyOf(organizationId, connectorId);
    if (cappedMs > 0 && hold(key, cappedMs)) shared?.(key, cappedMs);
  };

  return {
    check(subject) {
      if (pauses.size === 0) return undefined;
      const ms = leftMs(keyOf(subject.organizationId, subject.connectorId));
      if (ms === 0) return undefined;
      observe({ kind: "rate_limited", subject, limit: "source", enforced: true });
      return Promise.reject(coolingDown(subject, ms));
    },
    pause,
    quota(subject, quota) {
      const key = keyOf(subject.organizationId, subject.connectorId);
      const known = quotas.get(key) ?? { provider: subject.provider, byName: new Map<string, QuotaPace>() };
      const pace = known.byName.get(quota.name);
      if (pace !== undefined) pace.told(quota);
      else if (known.byName.size < maxQuotas) known.byName.set(quota.name, quotaPace(quota));
      quotas.set(key, known);
      const ms = quota.remaining > 0 ? 0 : (quota.resetTime?.getTime() ?? 0) - Date.now();
      if (ms > 0 && ms <= maxPauseMs) pause(subject, ms);
    },
    quotas(organizationId, connectorId) {
      const known = quotas.get(keyOf(organizationId, connectorId));
      return known === undefined ? [] : holding(known).map(({ latest }) => latest);
    },
    quotaFigures(organizationId, connectorId) {
      const known = quotas.peek(keyOf(organizationId, connectorId));
      return known === undefined ? undefined : figuresOf(current(known));
    },
    leastLeft() {
      const byProvider = Map.groupBy(quotas.values(), ({ provider }) => provider);
      const figures = [...byProvider].map(([provider, all]) => [provider, figuresOf(all.flatMap(current))] as const);
      return Object.fromEntries(figures.flatMap(([name, one]) => (one === undefined ? [] : [[name, one]])));
    },
  };
}

/** What the source of a connector has said. */
interface Known {
  readonly provider: string;
  readonly byName: Map<string, QuotaPace>;
}

/** Except for what has been reset since. */
function holding({ byName }: Known): QuotaPace[] {
  const now = Date.now();
  return [...byName.values()].filter(
    ({ latest: { resetTime } }) => resetTime === undefined || resetTime.getTime() > now,
  );
}

/** Of which something is known now: one without a reset time may long be renewed when nobody has asked since. */
function current(known: Known): QuotaPace[] {
  const since = Date.now() - currentMs;
  return holding(known).filter(({ latest, latestAt }) => latest.resetTime !== undefined || latestAt >= since);
}

function figuresOf(quotas: readonly QuotaPace[]): QuotaFigures | undefined {
  const parts = quotas.flatMap((quota) => quota.left() ?? []);
  const ends = quotas.flatMap((quota) => quota.exhaustionSeconds() ?? []);
  if (parts.length === 0) return undefined;
  return { left: Math.min(...parts), exhaustionSeconds: ends.length === 0 ? undefined : Math.min(...ends) };
}

/** Of the sorted set and of the channel. */
const name = "pauses";

/** Keeps the later end of the key's pause, by the clock of Redis; those that are over go. */
const keepScript = `
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = now + ARGV[2]
if ends > tonumber(redis.call('zscore', KEYS[1], ARGV[1]) or 0) then redis.call('zadd', KEYS[1], ends, ARGV[1]) end
redis.call('zremrangebyscore', KEYS[1], 0, now)
redis.call('pexpire', KEYS[1], ${maxPauseMs})`;

/** Keys, each followed by the milliseconds that are left: replicas need not agree about the time. */
const readScript = `
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local pauses = redis.call('zrangebyscore', KEYS[1], now, '+inf', 'WITHSCORES')
for i = 2, #pauses, 2 do pauses[i] = pauses[i] - now end
return pauses`;

/** Shares pauses through Redis. What fails here is done again at the next connection. */
function sharePauses(
  redis: SharedRedis,
  pauses: LRUCache<string, number>,
  hold: (key: string, ms: number) => boolean,
): (key: string, ms: number) => void {
  const heard = (key: unknown, ms: number) => {
    // Whoever can write into this Redis must not stop a connector for longer than its source could.
    if (typeof key === "string" && ms > 0) hold(key, Math.min(ms, maxPauseMs));
  };
  const keep = (client: Redis, key: string, ms: number) => client.eval(keepScript, 1, name, key, ms);
  const tell = (key: string, ms: number) => {
    if (!redis.available) return;
    keep(redis.client, key, ms).catch(redis.doubt);
    redis.publish(name, `${ms} ${key}`);
  };
  redis.listen({
    channel: name,
    heard(message) {
      const [ms, key] = message.split(" ");
      heard(key, Number(ms));
    },
    async catchUp(client) {
      const before = [...pauses].map(([key, until]) => ({ key, ms: until - Date.now() }));
      const read = (await client.eval(readScript, 1, name)) as (string | number)[];
      const known = new Map<unknown, number>();
      for (let i = 0; i < read.length; i += 2) known.set(read[i], Number(read[i + 1]));
      for (const [key, ms] of known) heard(key, ms);
      const missing = before.filter(({ key, ms }) => ms > (known.get(key) ?? 0));
      await Promise.all(missing.map(({ key, ms }) => keep(client, key, Math.ceil(ms))));
      for (const { key, ms } of missing) redis.publish(name, `${Math.ceil(ms)} ${key}`);
    },
  });
  return tell;
}

function coolingDown({ provider }: Subject, ms: number): Failure {
  const until = new Date(Date.now() + ms).toISOString();
  return new Failure("upstream_rate_limited", `The source asked not to be called before ${until}.`, {
    where: "upstream",
    upstream: provider,
    remedy: "Try again after the given time, and call it less often.",
    retryAfterMs: Math.ceil(ms),
    metadata: { until },
  });
}
