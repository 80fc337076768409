/** One breaker for tests, with short ways to drive it. */
import { expect, vi } from "vitest";
import { type Attempt, type BreakerOptions, createBreaker } from "../../src/execution/breaker/breaker.ts";
import { Failure } from "../../src/failure.ts";

export const openMs = 2_000;
export const probeMs = 500;
/** Past the jitter as well. */
export const untilProbeMs = openMs * 1.1;

/** A breaker whose clock is vitest's, and what its tests say of it. */
export function breakerWith(options: Partial<BreakerOptions> = {}) {
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

/** What the work is refused with; it must be. */
export function refusalOf(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
  }
  throw new Error("It was let through.");
}
