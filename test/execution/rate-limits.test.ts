import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { createRateLimits, type RateLimitPolicy, type RateLimits } from "../../src/execution/rate-limit/rate-limits.ts";
import { connectRedis, type RedisOptions, type SharedRedis } from "../../src/execution/redis.ts";
import { Failure } from "../../src/failure.ts";
import type { Observation, Subject } from "../../src/observability/observation.ts";
import { patience } from "../support/patience.ts";
import { hurried, ownRedis, someRedis, unhurried } from "../support/redis.ts";
import { stopwatch } from "../support/stopwatch.ts";

const unlimited: RateLimitPolicy = {
  callsPerSecond: undefined,
  observeOnly: false,
  organizationCallsPerSecond: undefined,
};
const connectorOf = (organizationId: string = crypto.randomUUID()): Subject => ({
  organizationId,
  connectorId: crypto.randomUUID(),
  provider: "postgresql",
});

let told: Observation[] = [];
const observe = (observation: Observation) => void told.push(observation);
const limitsInMemory = () => {
  const limits = createRateLimits({ observe });
  onTestFinished(() => limits.close());
  return limits;
};

/** A replica's part of what all replicas share. */
async function replica(
  url: string,
  options: RedisOptions = unhurried,
): Promise<{ limits: RateLimits; redis: SharedRedis }> {
  const redis = connectRedis(url, observe, options);
  const limits = createRateLimits({ redis, observe });
  onTestFinished(() => {
    limits.close();
    redis.close();
  });
  await available(redis);
  told = [];
  return { limits, redis };
}
const available = (redis: SharedRedis) => vi.waitUntil(() => redis.available, patience);

/** How many of so many calls are admitted, and what the others get. */
async function calls(count: number, limits: RateLimits, subject: Subject, policy: Partial<RateLimitPolicy>) {
  const all = Array.from({ length: count }, () => limits.admit(subject, { ...unlimited, ...policy }));
  const settled = await Promise.allSettled(all);
  const refused = settled.flatMap((one) => (one.status === "rejected" ? [one.reason as Failure] : []));
  return { admitted: count - refused.length, refused };
}

afterEach(() => {
  vi.useRealTimers();
  told = [];
});

describe("in memory", () => {
  test("a call that nothing limits waits for nothing", () => {
    expect(limitsInMemory().admit(connectorOf(), unlimited)).toBeUndefined();
  });

  test("a connector gets a second's worth of calls at once, and as many each second", async () => {
    vi.useFakeTimers();
    const limits = limitsInMemory();
    const subject = connectorOf();
    for (const _ of [1, 2, 3]) {
      expect(await calls(20, limits, subject, { callsPerSecond: 5 })).toMatchObject({ admitted: 5 });
      vi.advanceTimersByTime(1_000);
    }
  });

  test("a refused call is told whose limit it met, and when there is room again", async () => {
    vi.useFakeTimers();
    const limits = limitsInMemory();
    const subject = connectorOf();
    await calls(5, limits, subject, { callsPerSecond: 5 });
    vi.advanceTimersByTime(400);
    const { refused } = await calls(1, limits, subject, { callsPerSecond: 5 });
    expect(refused[0]).toBeInstanceOf(Failure);
    expect(refused[0]).toMatchObject({
      kind: "rate_limited",
      where: "rate_limit",
      retryAfterMs: 600,
      metadata: { limit: "connector", calls_per_second: "5" },
    });
    expect(told).toEqual([{ kind: "rate_limited", subject, limit: "connector", enforced: true }]);
    vi.advanceTimersByTime(600);
    expect(await calls(1, limits, subject, { callsPerSecond: 5 })).toMatchObject({ admitted: 1 });
  });

  test.each([
    [0.1, 6],
    [0.3, 18],
    [1, 60],
    [1.5, 90],
    [2.5, 150],
    [99.9, 5994],
  ])("%d calls a second are %d a minute, asked for all the time", async (callsPerSecond, perMinute) => {
    vi.useFakeTimers();
    const limits = limitsInMemory();
    const subject = connectorOf();
    let admitted = 0;
    for (let ms = 0; ms < 60_000; ms += 10) {
      admitted += (await calls(2, limits, subject, { callsPerSecond })).admitted;
      vi.advanceTimersByTime(10);
    }
    expect(admitted).toBeLessThanOrEqual(perMinute + Math.ceil(callsPerSecond));
    expect(admitted).toBeGreaterThan(perMinute * 0.95);
  });

  test("a limit that only observes refuses nothing, and tells what it would have refused", async () => {
    const limits = limitsInMemory();
    const subject = connectorOf();
    expect(await calls(7, limits, subject, { callsPerSecond: 5, observeOnly: true })).toMatchObject({ admitted: 7 });
    const observed = { kind: "rate_limited", subject, limit: "connector", enforced: false };
    expect(told).toEqual([observed, observed]);
  });

  test("an organization's limit holds while its connector's only observes", async () => {
    const limits = limitsInMemory();
    const policy = { callsPerSecond: 2, observeOnly: true, organizationCallsPerSecond: 4 };
    const { admitted, refused } = await calls(6, limits, connectorOf(), policy);
    expect(admitted).toBe(4);
    expect(refused[0]?.metadata).toMatchObject({ limit: "organization" });
  });

  test("an organization's connectors share its limit, and another organization has its own", async () => {
    const limits = limitsInMemory();
    const organizationId = crypto.randomUUID();
    const [first, second] = [connectorOf(organizationId), connectorOf(organizationId)];
    const policy = { organizationCallsPerSecond: 5 };
    const together = await Promise.all([calls(4, limits, first, policy), calls(4, limits, second, policy)]);
    expect(together.map(({ admitted }) => admitted)).toEqual([4, 1]);
    expect(together[1].refused[0]?.metadata).toMatchObject({ limit: "organization" });
    expect(await calls(4, limits, connectorOf(), policy)).toMatchObject({ admitted: 4 });
  });

  test("calls that a connector's limit refuses take nothing from its organization's", async () => {
    const limits = limitsInMemory();
    const organizationId = crypto.randomUUID();
    const [noisy, other] = [connectorOf(organizationId), connectorOf(organizationId)];
    await calls(50, limits, noisy, { callsPerSecond: 2, organizationCallsPerSecond: 10 });
    expect(await calls(20, limits, other, { organizationCallsPerSecond: 10 })).toMatchObject({ admitted: 8 });
  });

  test("calls that the organization's limit refuses take nothing from the connector's", async () => {
    const limits = limitsInMemory();
    const organizationId = crypto.randomUUID();
    const [first, second] = [connectorOf(organizationId), connectorOf(organizationId)];
    await calls(5, limits, first, { organizationCallsPerSecond: 5 });
    const refused = await calls(10, limits, second, { callsPerSecond: 3, organizationCallsPerSecond: 5 });
    expect(refused.admitted).toBe(0);
    expect(await calls(5, limits, second, { callsPerSecond: 3 })).toMatchObject({ admitted: 3 });
  });

  test("a changed limit holds at once, higher or lower", async () => {
    const limits = limitsInMemory();
    const subject = connectorOf();
    expect(await calls(9, limits, subject, { callsPerSecond: 0.01 })).toMatchObject({ admitted: 1 });
    expect(await calls(9, limits, subject, { callsPerSecond: 8 })).toMatchObject({ admitted: 8 });
    expect(await calls(9, limits, subject, { callsPerSecond: 2 })).toMatchObject({ admitted: 2 });
  });

  test("the memory of 10,000 connectors is free again when they are not used, and once closed no timer is left", async () => {
    vi.useFakeTimers();
    const limits = limitsInMemory();
    const all = Array.from({ length: 10_000 }, () => calls(2, limits, connectorOf(), { callsPerSecond: 1 }));
    await Promise.all(all);
    expect(vi.getTimerCount()).toBe(10_000);
    vi.advanceTimersByTime(1_000);
    expect(vi.getTimerCount()).toBe(0);
    await calls(1, limits, connectorOf(), { callsPerSecond: 0.001 });
    limits.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("a limit of a call in a hundred years holds", async () => {
    const limits = limitsInMemory();
    const subject = connectorOf();
    const { admitted, refused } = await calls(3, limits, subject, { callsPerSecond: 1e-10 });
    expect(admitted).toBe(1);
    expect(refused[0]?.retryAfterMs).toBeGreaterThan(20 * 86_400_000);
  });
});

// Windows of 100 s where nothing is to end meanwhile.
describe("over one Redis", () => {
  test("two replicas share a connector's and an organization's limit", async () => {
    const server = await someRedis();
    onTestFinished(() => server.stop());
    const [one, two] = await Promise.all([replica(server.url), replica(server.url)]);
    const subject = connectorOf();
    for (const policy of [{ callsPerSecond: 0.01 }, { organizationCallsPerSecond: 0.005 }]) {
      expect(await calls(1, one.limits, subject, policy)).toMatchObject({ admitted: 1 });
      const { admitted, refused } = await calls(1, two.limits, subject, policy);
      expect(admitted).toBe(0);
      expect(refused[0]?.retryAfterMs).toBeGreaterThan(80_000);
    }
  });

  test("two replicas share a connector's limit call by call, in whatever turns they come", async () => {
    const server = await someRedis();
    onTestFinished(() => server.stop());
    const [one, two] = await Promise.all([replica(server.url), replica(server.url)]);
    let both: number[];
    let tookMs: number;
    do {
      const [subject, begin] = [connectorOf(), performance.now()];
      both = [];
      for (const { limits } of Array.from({ length: 10 }, () => [one, two]).flat()) {
        both.push((await calls(10, limits, subject, { callsPerSecond: 100 })).admitted);
      }
      tookMs = performance.now() - begin;
      // On a machine so busy that the window of a second may have ended meanwhile, it is done again.
    } while (tookMs > 1_000);
    expect(both).toEqual([...Array(10).fill(10), ...Array(10).fill(0)]);
  });

  test("a limit of less than a call a second is kept to the millisecond, and what is used no more is freed", async () => {
    const server = await ownRedis();
    onTestFinished(() => server.stop());
    const { limits, redis } = await replica(server.url);
    const { admitted, refused } = await calls(3, limits, connectorOf(), { callsPerSecond: 0.013 });
    expect(admitted).toBe(1);
    expect(refused[0]?.retryAfterMs).toBeGreaterThan(50_000);
    expect(refused[0]?.retryAfterMs).toBeLessThanOrEqual(76_924);
    await calls(3, limits, connectorOf(), { callsPerSecond: 0.02, organizationCallsPerSecond: 0.05 });
    const keys = (await redis.client.call("KEYS", "*")) as string[];
    expect(keys).toHaveLength(3);
    expect(keys.every((key) => key.startsWith("connector:limit:"))).toBe(true);
    const left = await Promise.all(keys.map((key) => redis.client.pttl(key.slice("connector:".length))));
    expect(left.every((ms) => ms > 0 && ms <= 76_924)).toBe(true);
  });

  test("what one limit refuses is given back to the other, for all replicas", async () => {
    const server = await someRedis();
    onTestFinished(() => server.stop());
    const [one, two] = await Promise.all([replica(server.url), replica(server.url)]);
    const organizationId = crypto.randomUUID();
    const [noisy, other] = [connectorOf(organizationId), connectorOf(organizationId)];
    await calls(20, one.limits, noisy, { callsPerSecond: 0.01, organizationCallsPerSecond: 0.01 });
    await calls(20, one.limits, noisy, { callsPerSecond: 2 / 3, organizationCallsPerSecond: 0.01 });
    const refused = await calls(1, two.limits, other, { callsPerSecond: 0.01, organizationCallsPerSecond: 0.01 });
    expect(refused.refused[0]?.metadata).toMatchObject({ limit: "organization" });
    await vi.waitFor(async () => {
      expect(await calls(1, one.limits, other, { callsPerSecond: 0.01 })).toMatchObject({ admitted: 1 });
    }, patience);
  });

  test("a refused call is refused again without Redis until there is room", async () => {
    const server = await ownRedis();
    onTestFinished(() => server.stop());
    const { limits, redis } = await replica(server.url);
    const subject = connectorOf();
    await calls(2, limits, subject, { callsPerSecond: 0.01 });
    const commands = async () => Number(/total_commands_processed:(\d+)/.exec(await redis.client.info("stats"))?.[1]);
    const before = await commands();
    expect(await calls(100, limits, subject, { callsPerSecond: 0.01 })).toMatchObject({ admitted: 0 });
    expect(await commands()).toBe(before + 1);
  });

  test.each(["SIGKILL", "SIGSTOP"] as const)(
    "calls go on by this replica's own count when Redis gets %s, and share again when it is back",
    async (signal) => {
      const server = await ownRedis();
      onTestFinished(() => server.stop());
      const [one, two] = await Promise.all([replica(server.url, hurried), replica(server.url, hurried)]);
      const policy = { callsPerSecond: 0.01, organizationCallsPerSecond: 0.02 };
      expect(await calls(3, one.limits, connectorOf(), policy)).toMatchObject({ admitted: 1 });

      await server.kill(signal);
      const subject = connectorOf();
      let took = stopwatch();
      expect(await calls(8, one.limits, subject, policy)).toMatchObject({ admitted: 1 });
      expect(took()).toBeLessThan(1.5 * hurried.answerMs);
      expect(await calls(8, two.limits, subject, policy)).toMatchObject({ admitted: 1 });
      await vi.waitUntil(() => !one.redis.available, patience);
      took = stopwatch();
      expect(await calls(8, one.limits, connectorOf(), policy)).toMatchObject({ admitted: 1 });
      expect(took()).toBeLessThan(50);
      expect(told).toContainEqual({ kind: "shared_state_changed", part: "redis", available: false });

      await (signal === "SIGKILL" ? server.restart() : server.kill("SIGCONT"));
      await Promise.all([available(one.redis), available(two.redis)]);
      const shared = connectorOf();
      expect(await calls(1, one.limits, shared, policy)).toMatchObject({ admitted: 1 });
      expect(await calls(1, two.limits, shared, policy)).toMatchObject({ admitted: 0 });
    },
  );
});
