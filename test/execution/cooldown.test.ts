import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { type Cooldowns, createCooldowns } from "../../src/execution/rate-limit/cooldown.ts";
import { connectRedis, type RedisOptions, type SharedRedis } from "../../src/execution/redis.ts";
import type { Failure } from "../../src/failure.ts";
import type { Observation, Subject } from "../../src/observability/observation.ts";
import { patience } from "../support/patience.ts";
import { hurried, type OwnRedis, ownRedis, unhurried } from "../support/redis.ts";
import { stopwatch } from "../support/stopwatch.ts";

const subjectOf = (): Subject => ({
  organizationId: crypto.randomUUID(),
  connectorId: crypto.randomUUID(),
  provider: "rest",
});
const quotasOf = (cooldowns: Cooldowns, { organizationId, connectorId }: Subject) =>
  cooldowns.quotas(organizationId, connectorId);
/** Milliseconds that are left of the pause; 0 for none. */
const leftMs = async (cooldowns: Cooldowns, subject: Subject): Promise<number> => {
  const failure = await cooldowns.check(subject)?.catch((error: Failure) => error);
  return failure?.retryAfterMs ?? 0;
};
const hours = (count: number) => count * 3_600_000;

afterEach(() => void vi.useRealTimers());

describe("in memory", () => {
  const setup = () => {
    vi.useFakeTimers({ now: new Date("2026-11-20T12:00:00Z") });
    const told: Observation[] = [];
    return { cooldowns: createCooldowns({ observe: (one) => told.push(one) }), subject: subjectOf(), told };
  };

  test("a source that asked for nothing is called, and asking costs no promise", () => {
    const { cooldowns, subject } = setup();
    cooldowns.pause(subjectOf(), 1_000);
    expect(cooldowns.check(subject)).toBeUndefined();
  });

  test("nobody calls a source before the time that it said", async () => {
    const { cooldowns, subject, told } = setup();
    cooldowns.pause(subject, 30_000);
    vi.advanceTimersByTime(10_000);
    await expect(cooldowns.check(subject)).rejects.toMatchObject({
      kind: "upstream_rate_limited",
      where: "upstream",
      upstream: "rest",
      retryAfterMs: 20_000,
      metadata: { until: "2026-11-20T12:00:30.000Z" },
    });
    expect(told).toEqual([{ kind: "rate_limited", subject, limit: "source", enforced: true }]);
    vi.advanceTimersByTime(20_000);
    expect(cooldowns.check(subject)).toBeUndefined();
  });

  test("the least that is left of any quota is told of each provider, until it is reset", () => {
    const { cooldowns, subject } = setup();
    const quota = (of: Subject, name: string, remaining: number, resetTime?: Date) =>
      cooldowns.quota(of, { name, limit: 1_000, remaining, resetTime });
    expect(cooldowns.leastLeft()).toEqual({});
    quota(subject, "core", 900);
    quota(subject, "search", 20, new Date(Date.now() + 60_000));
    quota(subjectOf(), "core", 500);
    quota({ ...subjectOf(), provider: "crm" }, "daily", 1_500);
    cooldowns.quota(subject, { name: "closed", limit: 0, remaining: 0, resetTime: undefined });
    expect(cooldowns.leastLeft()).toMatchObject({ rest: { left: 0.02 }, crm: { left: 1 } });
    const { organizationId, connectorId } = subject;
    expect(cooldowns.quotaFigures(organizationId, connectorId)).toMatchObject({ left: 0.02 });
    vi.advanceTimersByTime(60_000);
    expect(cooldowns.leastLeft()).toMatchObject({ rest: { left: 0.5 }, crm: { left: 1 } });
  });

  test("what nobody knows the renewal of is told for five minutes, and then only to whoever asks for the last word", () => {
    const { cooldowns, subject } = setup();
    const other = subjectOf();
    const quota = { name: "core", limit: 1_000, remaining: 0, resetTime: undefined };
    cooldowns.quota(subject, quota);
    cooldowns.quota(other, { ...quota, remaining: 500, resetTime: new Date(Date.now() + hours(1)) });
    vi.advanceTimersByTime(4 * 60_000);
    expect(cooldowns.leastLeft()).toEqual({ rest: { left: 0, exhaustionSeconds: 0 } });
    cooldowns.quota(subject, { ...quota, remaining: 1 });
    vi.advanceTimersByTime(4 * 60_000);
    expect(cooldowns.leastLeft()).toMatchObject({ rest: { left: 0.001 } });
    vi.advanceTimersByTime(60_001);
    expect(cooldowns.leastLeft()).toMatchObject({ rest: { left: 0.5 } });
    expect(cooldowns.quotaFigures(subject.organizationId, subject.connectorId)).toBeUndefined();
    expect(quotasOf(cooldowns, subject)).toEqual([{ ...quota, remaining: 1 }]);
  });

  test("the longest pause wins, whichever came first", async () => {
    const { cooldowns, subject } = setup();
    for (const ms of [5_000, 30_000, 10_000]) cooldowns.pause(subject, ms);
    expect(await leftMs(cooldowns, subject)).toBe(30_000);
  });

  test.each([
    [hours(24), hours(1)],
    [Number.POSITIVE_INFINITY, hours(1)],
    [0.2, 1],
    [0, 0],
    [-5, 0],
    [Number.NaN, 0],
  ])("a pause of %d ms is one of %d ms", async (asked, expected) => {
    const { cooldowns, subject } = setup();
    cooldowns.pause(subject, asked);
    expect(await leftMs(cooldowns, subject)).toBe(expected);
  });

  test.each([
    ["a quota that is used up pauses until it is whole again", 0, 60_000, 60_000],
    ["a quota that is left pauses nothing", 1, 60_000, 0],
    ["a quota that is whole again in the past pauses nothing", 0, -1_000, 0],
    ["a quota of a day pauses nothing", 0, hours(5), 0],
    ["a quota without a time pauses nothing", 0, undefined, 0],
  ])("%s", async (_, remaining, resetMs, expected) => {
    const { cooldowns, subject } = setup();
    const resetTime = resetMs === undefined ? undefined : new Date(Date.now() + resetMs);
    cooldowns.quota(subject, { name: "core", limit: 100, remaining, resetTime });
    expect(await leftMs(cooldowns, subject)).toBe(expected);
  });

  test("the last word about each quota is kept until it is whole again", () => {
    const { cooldowns, subject } = setup();
    const core = { name: "core", limit: 100, remaining: 9, resetTime: new Date(Date.now() + 5_000) };
    const search = { name: "search", limit: 10, remaining: 3, resetTime: undefined };
    for (const quota of [core, search, { ...core, remaining: 8 }]) cooldowns.quota(subject, quota);
    expect(quotasOf(cooldowns, subject)).toEqual([{ ...core, remaining: 8 }, search]);
    vi.advanceTimersByTime(5_000);
    expect(quotasOf(cooldowns, subject)).toEqual([search]);
    expect(quotasOf(cooldowns, subjectOf())).toEqual([]);
  });

  test("a source that names a new quota in each answer fills no memory", () => {
    const { cooldowns, subject } = setup();
    for (let i = 0; i < 1_000; i += 1) {
      cooldowns.quota(subject, { name: `q${i}`, limit: 1, remaining: 1, resetTime: undefined });
    }
    expect(quotasOf(cooldowns, subject).length).toBeLessThan(100);
  });
});

describe("over one Redis", () => {
  interface Replica {
    readonly redis: SharedRedis;
    readonly cooldowns: Cooldowns;
  }
  const replica = async (server: OwnRedis, options: RedisOptions = unhurried): Promise<Replica> => {
    const redis = connectRedis(server.url, () => {}, options);
    onTestFinished(() => redis.close());
    const cooldowns = createCooldowns({ redis, observe: () => {} });
    await available(redis);
    return { redis, cooldowns };
  };
  const available = (redis: SharedRedis, expected = true) => vi.waitUntil(() => redis.available === expected, patience);
  const paused = ({ cooldowns }: Replica, subject: Subject) => vi.waitUntil(() => leftMs(cooldowns, subject), patience);
  const setup = async (options: RedisOptions = unhurried) => {
    const server = await ownRedis();
    onTestFinished(() => server.stop());
    const [one, two] = await Promise.all([replica(server, options), replica(server, options)]);
    return { server, one, two, subject: subjectOf() };
  };

  test("a pause set in one replica holds in the other, as long", async () => {
    const { one, two, subject } = await setup();
    one.cooldowns.pause(subject, 30_000);
    const left = await paused(two, subject);
    expect(left).toBeGreaterThan(20_000);
    expect(left).toBeLessThanOrEqual(30_000);
    expect(two.cooldowns.check(subjectOf())).toBeUndefined();
  });

  test("a replica that starts later knows the longest pause that holds, and those alone", async () => {
    const { server, one, two, subject } = await setup();
    const over = subjectOf();
    one.cooldowns.pause(over, 1);
    one.cooldowns.pause(subject, 60_000);
    two.cooldowns.pause(subject, 5_000);
    await one.redis.client.get("sent");
    await two.redis.client.get("sent");
    const three = await replica(server);
    expect(await leftMs(three.cooldowns, subject)).toBeGreaterThan(50_000);
    expect(three.cooldowns.check(over)).toBeUndefined();
  });

  test("a replica whose clock is wrong pauses as long as the others", async () => {
    const { server, one, subject } = await setup();
    const real = Date.now;
    const wrong = vi.spyOn(Date, "now").mockImplementation(() => real() + hours(5));
    onTestFinished(() => wrong.mockRestore());
    one.cooldowns.pause(subject, 30_000);
    await one.redis.client.get("sent");
    wrong.mockRestore();
    const left = await leftMs((await replica(server)).cooldowns, subject);
    expect(left).toBeGreaterThan(20_000);
    expect(left).toBeLessThanOrEqual(30_000);
  });

  test.each(["SIGKILL", "SIGSTOP"] as const)(
    "pauses hold without a wait while Redis has got %s, and are shared when it is back",
    async (signal) => {
      const { server, one, two, subject } = await setup(hurried);
      const before = subjectOf();
      one.cooldowns.pause(before, 30_000);
      await paused(two, before);

      await server.kill(signal);
      const took = stopwatch();
      one.cooldowns.pause(subject, 40_000);
      expect(await leftMs(one.cooldowns, subject)).toBeGreaterThan(30_000);
      expect(took()).toBeLessThan(50);
      await available(one.redis, false);

      await (signal === "SIGKILL" ? server.restart() : server.kill("SIGCONT"));
      await paused(two, subject);
      const three = await replica(server);
      for (const known of [before, subject]) expect(await leftMs(three.cooldowns, known)).toBeGreaterThan(20_000);
    },
  );

  test("what is no pause is not taken for one, and none becomes longer than an hour", async () => {
    const { one, two, subject } = await setup();
    const key = `${subject.organizationId}/${subject.connectorId}`;
    for (const message of ["", "x", `NaN ${key}`, `-5 ${key}`, key, "9 "]) one.redis.publish("pauses", message);
    one.redis.publish("pauses", `${hours(9)} ${key}`);
    expect(await paused(two, subject)).toBeLessThanOrEqual(hours(1));
  });

  test("what is shared leaves Redis when it is over", async () => {
    const { one, subject } = await setup();
    one.cooldowns.pause(subject, 30_000);
    expect(await one.redis.client.call("KEYS", "*")).toEqual(["connector:pauses"]);
    expect(await one.redis.client.pttl("pauses")).toBeGreaterThan(30_000);
    expect(await one.redis.client.pttl("pauses")).toBeLessThanOrEqual(hours(1));
  });
});
