import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createRetries } from "../../src/execution/retry/retry.ts";
import { Failure } from "../../src/failure.ts";
import type { Observation, RetryDecided } from "../../src/observability/observation.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A source that every attempt can be made to fail at, and calls to it. */
function outage() {
  const told: Observation[] = [];
  const retries = createRetries({ observe: (observation) => void told.push(observation) });
  const state = { down: true, attempts: 0 };
  const call = async (connectorId = "1", organizationId = "acme"): Promise<number> => {
    let attempts = 0;
    const attempt = async () => {
      attempts++;
      state.attempts++;
      if (state.down) throw new Failure("upstream_unreachable", "The source can't be reached.");
    };
    const subject = { organizationId, connectorId, provider: "postgresql" };
    const { signal } = new AbortController();
    const running = retries.run(
      { subject, repeatable: true, signal, deadline: performance.now() + 30_000, enter() {} },
      attempt,
    );
    await running.catch(() => {});
    return attempts;
  };
  /** Calls that end, waits and all, before anything else happens. */
  const calls = async (count: number, connectorId?: string, organizationId?: string): Promise<number> => {
    let attempts = 0;
    for (let each = 0; each < count; each++) {
      const running = call(connectorId, organizationId);
      await vi.runAllTimersAsync();
      attempts += await running;
    }
    return attempts;
  };
  const decisions = () => told.map((each) => (each as RetryDecided).decision);
  return { retries, state, call, calls, decisions };
}

test("a source that is down gets no more than a tenth on top of its calls, and one retry a second", async () => {
  const { state, call, decisions } = outage();
  const [count, callsPerSecond] = [1_000, 200];
  const running: Promise<number>[] = [];
  for (let each = 0; each < count; each++) {
    running.push(call());
    await vi.advanceTimersByTimeAsync(1_000 / callsPerSecond);
  }
  await vi.runAllTimersAsync();
  await Promise.all(running);

  // The first second's retry is there when the first call comes.
  const perSecond = count / callsPerSecond + 1;
  expect(state.attempts).toBeLessThanOrEqual(count + count / 10 + perSecond);
  // The budget is used, not only kept.
  expect(state.attempts).toBeGreaterThan(count + count / 10);
  expect(decisions()).toContain("budget_used");
});

test("the calls of quiet times save up for ten retries at most", async () => {
  const { state, call } = outage();
  state.down = false;
  for (let each = 0; each < 1_000; each++) await call();
  state.down = true;
  state.attempts = 0;
  const running = Array.from({ length: 20 }, () => call());
  await vi.advanceTimersByTimeAsync(200);
  await Promise.all(running);
  // Nothing comes on top while all 20 fail at once.
  expect(state.attempts).toBe(20 + 10);
});

test("a connector with few calls saves up a retry a second", async () => {
  const { calls } = outage();
  expect(await calls(1)).toBe(2);
  expect(await calls(1)).toBe(1);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await calls(1)).toBe(3);
  await vi.advanceTimersByTimeAsync(3_600_000);
  // The calls and the time that they take add some, of course.
  const attempts = await calls(20);
  expect(attempts).toBeGreaterThanOrEqual(20 + 10);
  expect(attempts).toBeLessThanOrEqual(20 + 14);
});

test("each connector has a budget of its own, which begins anew when it is changed", async () => {
  const { retries, calls } = outage();
  expect(await calls(2, "1")).toBe(3);
  expect(await calls(1, "2")).toBe(2);
  expect(await calls(1, "1", "another")).toBe(2);
  retries.forget("acme", "1");
  expect(await calls(1, "1")).toBe(2);
});
