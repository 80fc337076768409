/** One breaker: when it opens, how it finds out that the source is back, and what must not sway it. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Attempt, type BreakerOptions, createBreaker } from "../../src/execution/breaker/breaker.ts";
import { verdictOf } from "../../src/execution/breaker/verdict.ts";
import { Failure } from "../../src/failure.ts";

const openMs = 2_000;
const probeMs = 500;
/** Past the jitter as well. */
const untilProbeMs = openMs * 1.1;

function breakerWith(options: Partial<BreakerOptions> = {}) {
  const changes: string[] = [];
  const breaker = createBreaker({
    openMs,
    probeMs,
    onChange: (from, to, reason) => changes.push(`${from} > ${to}: ${reason}`),
    ...options,
  });
  const times = (count: number, judge: (attempt: Attempt) => void) => {
    for (let time = 0; time < count; time++) judge(breaker.begin());
  };
  const fail = (count: number) => times(count, (attempt) => attempt.judge("failing", "upstream_lost"));
  const succeed = (count: number) => times(count, (attempt) => attempt.judge("healthy"));
  const state = () => breaker.status().state;
  /** Opens it and waits until it is half open. */
  const halfOpen = () => {
    fail(5);
    vi.advanceTimersByTime(untilProbeMs);
    expect(state()).toBe("half_open");
  };
  return { breaker, changes, fail, succeed, state, halfOpen };
}

const refusalOf = (work: () => unknown): Failure => {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
  }
  throw new Error("It was let through.");
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("opening", () => {
  test("opens when half of five attempts or more failed within ten seconds", () => {
    const { fail, succeed, state } = breakerWith();
    succeed(5);
    vi.advanceTimersByTime(8_000);
    fail(4);
    expect(state()).toBe("closed");
    fail(1);
    expect(state()).toBe("open");
  });

  test("stays closed after four failures, however large their part", () => {
    const { fail, state } = breakerWith();
    fail(4);
    expect(state()).toBe("closed");
  });

  test("forgets what is older than its window", () => {
    const { fail, succeed, state } = breakerWith();
    fail(4);
    vi.advanceTimersByTime(10_001);
    succeed(1);
    fail(3);
    expect(state()).toBe("closed");
  });

  test("opens for a source that always fails, though it is seldom called", () => {
    const { fail, succeed, state } = breakerWith();
    for (let call = 0; call < 4; call++) {
      fail(1);
      vi.advanceTimersByTime(60_000);
    }
    expect(state()).toBe("closed");
    fail(1);
    expect(state()).toBe("open");

    vi.advanceTimersByTime(untilProbeMs);
    succeed(1);
    vi.advanceTimersByTime(60_000);
    fail(1);
    expect(state()).toBe("closed");
  });

  test("a few connections that are lost at once don't open a busy connector's breaker", () => {
    const { fail, succeed, state } = breakerWith();
    succeed(100);
    vi.advanceTimersByTime(5_000);
    succeed(100);
    fail(20);
    expect(state()).toBe("closed");
  });

  test("says why it opened and when the next probe is let through, to its status and to who is refused", () => {
    const { breaker, fail } = breakerWith();
    expect(breaker.status()).toEqual({ state: "closed", reason: undefined, nextProbeTime: undefined, opened: 0 });
    breaker.begin().judge("failing", "credential_rejected");
    fail(4);

    const { state, reason, nextProbeTime, opened } = breaker.status();
    expect({ state, reason, opened }).toEqual({ state: "open", reason: "upstream_lost", opened: 1 });
    vi.advanceTimersByTime(500);
    const refusal = refusalOf(() => breaker.check());
    expect(refusal).toMatchObject({
      kind: "breaker_open",
      where: "breaker",
      remedy: expect.stringContaining("next_probe"),
    });
    expect(refusal.metadata).toEqual({ reason: "upstream_lost", next_probe: nextProbeTime?.toISOString() });
    expect(refusal.retryAfterMs).toBeGreaterThanOrEqual(openMs - 501);
    expect(refusal.retryAfterMs).toBeLessThanOrEqual(untilProbeMs - 499);
    expect(refusalOf(() => breaker.begin()).kind).toBe("breaker_open");
  });

  test("replicas that open at once probe at different times, at most a tenth later than told", () => {
    const probes = Array.from({ length: 50 }, () => {
      const { breaker, fail } = breakerWith();
      fail(5);
      return (breaker.status().nextProbeTime?.getTime() ?? 0) - Date.now();
    });
    expect(Math.min(...probes)).toBeGreaterThanOrEqual(openMs);
    expect(Math.max(...probes)).toBeLessThanOrEqual(untilProbeMs);
    expect(new Set(probes).size).toBeGreaterThan(10);
  });
});

describe("recovering", () => {
  test("one healthy probe closes it, and every change is told with the reason", () => {
    const { breaker, changes, halfOpen, state } = breakerWith();
    halfOpen();
    const probe = breaker.begin();
    expect(probe.probe).toBe(true);
    probe.judge("healthy");
    expect(state()).toBe("closed");
    expect(breaker.begin().probe).toBe(false);
    expect(breaker.status()).toMatchObject({ reason: undefined, nextProbeTime: undefined, opened: 1 });
    expect(changes).toEqual([
      "closed > open: upstream_lost",
      "open > half_open: upstream_lost",
      "half_open > closed: upstream_lost",
    ]);
  });

  test("one failing probe opens it for as long again, with the probe's reason", () => {
    const { breaker, halfOpen, state } = breakerWith();
    halfOpen();
    breaker.begin().judge("failing", "tls_failed");
    expect(breaker.status()).toMatchObject({ state: "open", reason: "tls_failed", opened: 2 });
    vi.advanceTimersByTime(openMs - 1);
    expect(state()).toBe("open");
    vi.advanceTimersByTime(untilProbeMs - openMs + 1);
    expect(state()).toBe("half_open");
  });

  test("one probe is under way at a time, and who is refused hears when it is decided", () => {
    const { breaker, halfOpen } = breakerWith();
    halfOpen();
    breaker.check();
    const probe = breaker.begin();
    expect(refusalOf(() => breaker.check()).retryAfterMs).toBe(probeMs);
    expect(refusalOf(() => breaker.begin()).kind).toBe("breaker_open");
    probe.judge("healthy");
    breaker.check();
  });

  test("after it closed, what failed before it opened counts no more", () => {
    const { breaker, fail, halfOpen, state } = breakerWith();
    halfOpen();
    breaker.begin().judge("healthy");
    fail(4);
    expect(state()).toBe("closed");
    fail(1);
    expect(state()).toBe("open");
  });

  test("what began before it opened neither closes it, nor opens it again, nor counts after it closed", () => {
    const { breaker, fail, halfOpen, state } = breakerWith();
    const late = Array.from({ length: 20 }, () => breaker.begin());
    fail(5);
    const next = breaker.status().nextProbeTime;
    late.pop()?.judge("healthy");
    late.pop()?.judge("failing", "upstream_lost");
    expect(breaker.status()).toMatchObject({ state: "open", nextProbeTime: next, opened: 1 });
    vi.advanceTimersByTime(untilProbeMs);
    late.pop()?.judge("healthy");
    late.pop()?.judge("failing", "upstream_lost");
    expect(breaker.status()).toMatchObject({ state: "half_open", opened: 1 });
    breaker.begin().judge("healthy");
    for (const attempt of late) attempt.judge("failing", "upstream_lost");
    expect(state()).toBe("closed");
    halfOpen();
  });

  test("a probe that succeeds after its time closes it all the same, and the probe after it decides no more", () => {
    const { breaker, halfOpen, state } = breakerWith();
    halfOpen();
    const slow = breaker.begin();
    vi.advanceTimersByTime(probeMs + untilProbeMs);
    const second = breaker.begin();
    expect(second.probe).toBe(true);
    slow.judge("healthy");
    expect(state()).toBe("closed");
    vi.advanceTimersByTime(probeMs);
    second.judge("failing", "upstream_lost");
    expect(state()).toBe("closed");
  });

  test("a probe that fails after its time doesn't decide for the probe that came after it", () => {
    const { breaker, halfOpen, state } = breakerWith();
    halfOpen();
    const slow = breaker.begin();
    vi.advanceTimersByTime(probeMs + untilProbeMs);
    const second = breaker.begin();
    slow.judge("failing", "upstream_lost");
    expect(state()).toBe("half_open");
    second.judge("healthy");
    expect(state()).toBe("closed");
  });
});

/** What a breaker that runs the attempts itself gets wrong. */
describe("what must not sway it", () => {
  test("any number of attempts may run at once: they are neither refused nor taken for failures", () => {
    const { breaker, fail, state } = breakerWith();
    const running = Array.from({ length: 20_000 }, () => breaker.begin());
    expect(state()).toBe("closed");
    for (const attempt of running) attempt.judge("healthy");
    fail(5);
    expect(state()).toBe("closed");
  });

  test("calls that it refuses count for nothing", () => {
    const { breaker, fail, halfOpen, state } = breakerWith();
    fail(5);
    for (let call = 0; call < 1_000; call++) refusalOf(() => breaker.begin());
    vi.advanceTimersByTime(untilProbeMs);
    breaker.begin().judge("healthy");
    fail(4);
    expect(state()).toBe("closed");
    fail(1);
    vi.advanceTimersByTime(untilProbeMs);
    const probe = breaker.begin();
    for (let call = 0; call < 1_000; call++) refusalOf(() => breaker.begin());
    expect(state()).toBe("half_open");
    probe.judge("healthy");
    halfOpen();
  });

  test("it sets attempts no time limit, so that none runs on beyond one and lets more in than may", () => {
    const { breaker, fail, state } = breakerWith();
    const long = [breaker.begin(), breaker.begin(), breaker.begin(), breaker.begin(), breaker.begin()];
    vi.advanceTimersByTime(600_000);
    expect(state()).toBe("closed");
    for (const attempt of long) attempt.judge("healthy");
    fail(4);
    expect(state()).toBe("closed");

    fail(1);
    vi.advanceTimersByTime(untilProbeMs);
    for (let outage = 0; outage < 14; outage++) {
      breaker.begin();
      refusalOf(() => breaker.begin());
      vi.advanceTimersByTime(probeMs);
      refusalOf(() => breaker.begin());
      vi.advanceTimersByTime(untilProbeMs);
    }
  });

  test("a probe that says nothing of the source doesn't close it: the next call is the probe", () => {
    const { breaker, halfOpen, state } = breakerWith();
    halfOpen();
    for (let call = 0; call < 3; call++) {
      const probe = breaker.begin();
      expect(probe.probe).toBe(true);
      probe.judge("unknown", "cancelled");
      expect(state()).toBe("half_open");
    }
    breaker.begin().judge("failing", "upstream_lost");
    expect(state()).toBe("open");
  });

  test("attempts that say nothing of the source don't hide that all others fail", () => {
    const { breaker, fail, state } = breakerWith();
    for (let call = 0; call < 100; call++) breaker.begin().judge("unknown", "invalid_request");
    expect(state()).toBe("closed");
    fail(5);
    expect(state()).toBe("open");
  });

  test.for(["ETIMEDOUT", "EOPENBREAKER", "ESEMLOCKED", "ESHUTDOWN"])(
    "a source's own %s is the source's failure, not the breaker's refusal",
    (code) => {
      const { breaker, state } = breakerWith();
      const failure = new Failure("upstream_unreachable", "It did not answer.", {
        cause: Object.assign(new Error(code), { code }),
      });
      for (let call = 0; call < 5; call++) breaker.begin().judge(verdictOf(failure, "answered"), failure.kind);
      expect(state()).toBe("open");
      const refusal = refusalOf(() => breaker.begin());
      expect(refusal).toMatchObject({ kind: "breaker_open", metadata: { reason: "upstream_unreachable" } });
      expect(refusal.cause).toBeUndefined();
      expect(verdictOf(refusal, "answered")).toBe("unknown");
    },
  );

  test("each attempt ends by its own call's signal: neither another's end nor the opening reaches it", () => {
    const { breaker, fail, halfOpen, state } = breakerWith();
    const calls = Array.from({ length: 10 }, () => {
      const controller = new AbortController();
      const attempt = breaker.begin();
      controller.signal.addEventListener("abort", () => attempt.judge("unknown", "cancelled"));
      return { controller, attempt };
    });
    calls[0]?.controller.abort();
    fail(4);
    for (const { attempt } of calls.slice(1, 4)) attempt.judge("healthy");
    fail(1);
    expect(state()).toBe("open");
    expect(calls.slice(1).some(({ controller }) => controller.signal.aborted)).toBe(false);

    vi.advanceTimersByTime(untilProbeMs);
    const probe = breaker.begin();
    for (const { controller } of calls) controller.abort();
    expect(state()).toBe("half_open");
    probe.judge("healthy");
    halfOpen();
  });

  test("a probe that never ends counts as failing after its time, so that another one follows", () => {
    const { breaker, halfOpen, state } = breakerWith();
    halfOpen();
    breaker.begin();
    vi.advanceTimersByTime(probeMs - 1);
    expect(state()).toBe("half_open");
    vi.advanceTimersByTime(1);
    expect(breaker.status()).toMatchObject({ state: "open", reason: "deadline_exceeded" });
    vi.advanceTimersByTime(untilProbeMs);
    breaker.begin().judge("healthy");
    expect(state()).toBe("closed");
  });

  test("a judged probe is not failed by its time limit afterwards", () => {
    const { breaker, halfOpen, state } = breakerWith();
    halfOpen();
    breaker.begin().judge("unknown");
    vi.advanceTimersByTime(10 * probeMs);
    expect(state()).toBe("half_open");
    breaker.begin().judge("healthy");
    vi.advanceTimersByTime(10 * probeMs);
    expect(state()).toBe("closed");
  });

  test("an attempt is judged once, whatever is said of it later", () => {
    const { breaker, state } = breakerWith();
    const attempt = breaker.begin();
    for (let time = 0; time < 10; time++) attempt.judge("failing", "upstream_lost");
    const unsure = breaker.begin();
    unsure.judge("unknown");
    for (let time = 0; time < 10; time++) unsure.judge("failing", "upstream_lost");
    expect(state()).toBe("closed");
  });
});

test("once closed down it has no timer, and what still holds it goes on unjudged", () => {
  const { breaker, fail, halfOpen, changes } = breakerWith();
  halfOpen();
  const probe = breaker.begin();
  breaker.close();
  expect(vi.getTimerCount()).toBe(0);
  expect(changes.at(-1)).toBe("half_open > closed: upstream_lost");
  probe.judge("failing", "upstream_lost");
  fail(100);
  expect(breaker.status().state).toBe("closed");
  expect(vi.getTimerCount()).toBe(0);
});
