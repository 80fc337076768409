/**
 * What must not sway a breaker. Breakers that run the attempts themselves get each of these
 * wrong, with their own time limit, capacity, filter and signal.
 */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { verdictOf } from "../../src/execution/breaker/verdict.ts";
import { Failure } from "../../src/failure.ts";
import { breakerWith, probeMs, refusalOf, untilProbeMs } from "./breaker-under-test.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

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
