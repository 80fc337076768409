/** A source over HTTP that says when it may be called again, and what is left of its quota. */
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { ConnectorRow } from "../../src/store/entities/connector.ts";
import { type HttpSource, httpSource, rows, status } from "../support/http-provider.ts";
import { anew } from "../support/patience.ts";
import { someRedis } from "../support/redis.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { callerFor, type Executing, type ExecutingOptions, executing, httpConnector, pageQuery } from "./executing.ts";

let source: HttpSource;
let connector: ConnectorRow;
let own: Executing;

beforeAll(async () => {
  source = await httpSource();
});
afterAll(() => source.stop());
beforeEach(async () => {
  source.answer(rows([["1"]]));
  connector = httpConnector(source.port);
  own = await closedLater();
});

async function closedLater(options?: ExecutingOptions): Promise<Executing> {
  const made = await executing(options);
  onTestFinished(() => made.close());
  return made;
}

const ask = (timeoutMs?: number, { execution } = own) => execution.query(connector, pageQuery(), callerFor(timeoutMs));

/** As it counts seconds only. */
const inSeconds = (seconds: number) => ({ "x-ratelimit-reset": String(Math.ceil(Date.now() / 1_000) + seconds) });

describe("Retry-After", () => {
  test("is waited for when the deadline allows it", async () => {
    source.answer(status(429, { "retry-after": "0.3" }), rows([["1"]]));
    const { attempts, timings } = await ask(5_000);
    expect(attempts).toBe(2);
    expect(timings.backoff).toBeGreaterThanOrEqual(299);
    expect(own.ended()).toMatchObject([{ reason: undefined, attempts: 2 }]);
  });

  test("of a source that can't serve is waited for too", async () => {
    source.answer(status(503, { "retry-after": "0.2" }), rows([["1"]]));
    const { attempts, timings } = await ask(5_000);
    expect(attempts).toBe(2);
    expect(timings.backoff).toBeGreaterThanOrEqual(199);
  });

  test("past the deadline fails the call at once, and says when to come back", async () => {
    source.answer(status(429, { "retry-after": "60" }));
    const before = source.requests;
    const took = stopwatch();
    await expect(ask(5_000)).rejects.toMatchObject({
      ...{ kind: "upstream_rate_limited", where: "upstream", status: "429" },
      retryAfterMs: 60_000,
    });
    expect(took()).toBeLessThan(1_000);
    expect(source.requests - before).toBe(1);
    expect(own.observations).toContainEqual(
      expect.objectContaining({ kind: "retry_decided", decision: "past_deadline" }),
    );
  });

  test("keeps other calls from the source, each of which is told how long", async () => {
    source.answer(status(429, { "retry-after": "60" }), rows([["1"]]));
    await ask(1_000).catch(() => {});
    const before = source.requests;
    await expect(ask()).rejects.toMatchObject({ kind: "upstream_rate_limited", where: "upstream" });
    const refusal = await ask().catch((error) => error);
    expect(refusal.retryAfterMs).toBeGreaterThan(30_000);
    expect(refusal.retryAfterMs).toBeLessThanOrEqual(60_000);
    expect(source.requests).toBe(before);
    expect(own.ended().map(({ reason, attempts }) => [reason, attempts])).toEqual([
      ["upstream_rate_limited", 1],
      ["upstream_rate_limited", 0],
      ["upstream_rate_limited", 0],
    ]);
  });

  test("is another connector's no matter", async () => {
    source.answer(status(429, { "retry-after": "60" }), rows([["1"]]));
    await ask(1_000).catch(() => {});
    connector = httpConnector(source.port);
    expect((await ask()).attempts).toBe(1);
  });

  test("of many calls opens no breaker", async () => {
    source.answer(status(429));
    for (let i = 0; i < 20; i++) await expect(ask()).rejects.toMatchObject({ kind: "upstream_rate_limited" });
    expect(own.execution.breakerStatus(connector.organizationId, connector.id).state).toBe("closed");
  });
});

test("a source that can't serve for a moment is asked again, and one that never can opens the breaker", async () => {
  source.answer(status(503), rows([["1"]]));
  expect((await ask()).attempts).toBe(2);
  source.answer(status(503));
  const reasons = [];
  for (let i = 0; i < 10; i++) reasons.push((await ask().catch((error) => error)).kind);
  expect(new Set(reasons)).toEqual(new Set(["upstream_unavailable", "breaker_open"]));
  expect(own.execution.breakerStatus(connector.organizationId, connector.id)).toMatchObject({
    ...{ state: "open", reason: "upstream_unavailable" },
  });
});

describe("what is left of a quota", () => {
  const quota = (remaining: number, reset = inSeconds(30)) => ({
    ...{ "x-ratelimit-limit": "5000", "x-ratelimit-remaining": String(remaining) },
    ...reset,
  });

  test("is known when the source has told it", async () => {
    source.answer(rows([["1"]], quota(4_999)));
    expect(own.execution.quotas(connector.organizationId, connector.id)).toEqual([]);
    await ask();
    const [known] = own.execution.quotas(connector.organizationId, connector.id);
    expect(known).toMatchObject({ name: "core", limit: 5_000, remaining: 4_999 });
    expect(Math.abs((known?.resetTime?.getTime() ?? 0) - Date.now() - 30_000)).toBeLessThan(10_000);
    await ask();
  });

  test(
    "pauses the connector until it is whole again when it is nothing, and not the call that was told",
    anew,
    async () => {
      source.answer(rows([["1"]], quota(0, inSeconds(1))), rows([["2"]]));
      expect((await ask()).attempts).toBe(1);
      const refusal = await ask().catch((error) => error);
      expect(refusal).toMatchObject({ kind: "upstream_rate_limited" });
      expect(refusal.retryAfterMs).toBeLessThanOrEqual(2_000);
      await new Promise((resolve) => setTimeout(resolve, refusal.retryAfterMs));
      expect((await ask()).attempts).toBe(1);
    },
  );
});

test("a pause holds in every replica that shares the Redis", async () => {
  const redis = await someRedis();
  onTestFinished(() => redis.stop());
  const [one, another] = await Promise.all([
    closedLater({ redisUrl: redis.url }),
    closedLater({ redisUrl: redis.url }),
  ]);
  expect((await ask(1_000, another)).attempts).toBe(1);
  source.answer(status(429, { "retry-after": "60" }), rows([["1"]]));
  await ask(1_000, one).catch(() => {});
  await expect.poll(() => ask(1_000, another).catch(({ kind }) => kind)).toBe("upstream_rate_limited");
});
