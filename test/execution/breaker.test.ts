/** One breaker: when it opens, and how it finds out that the source is back. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { breakerWith, openMs, probeMs, refusalOf, untilProbeMs } from "./breaker-under-test.ts";

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
