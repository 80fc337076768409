/** Whose calls a late event loop refuses, by a clock that the test moves. */
import { describe, expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { createFairShares } from "../../src/server/fair-share.ts";
import { watchLag } from "../../src/server/lag.ts";

function setUp() {
  const state = { late: true, nowMs: 0 };
  const shares = createFairShares({ isLate: () => state.late, now: () => state.nowMs });
  /** How many of so many calls are let in. */
  const call = (organizationId: string, calls: number) => {
    let admitted = 0;
    for (let i = 0; i < calls; i++) {
      try {
        shares.enter(organizationId);
        admitted++;
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
      }
    }
    return admitted;
  };
  return { state, shares, call };
}

describe("while the event loop is late", () => {
  test("an organization with most of the calls is refused, and the others are not", () => {
    const { shares, call } = setUp();
    let quiet = 0;
    let noisy = 0;
    for (let turn = 0; turn < 100; turn++) {
      noisy += call("noisy", 50);
      quiet += call("quiet", 1);
    }
    expect(quiet).toBe(100);
    expect(noisy).toBeLessThan(400);
    expect(shares.refused).toBe(5_000 - noisy);
  });

  test("the one with most of the calls still gets as many answered as the others", () => {
    const { call } = setUp();
    let noisy = 0;
    for (let turn = 0; turn < 100; turn++) {
      for (const quiet of ["a", "b", "c"]) call(quiet, 3);
      noisy += call("noisy", 100);
    }
    expect(noisy).toBeGreaterThanOrEqual(300);
  });

  test("one that calls alone is not refused, however often", () => {
    const { call } = setUp();
    expect(call("noisy", 10_000)).toBe(10_000);
  });

  test("organizations that call about equally often are not refused", () => {
    const { call } = setUp();
    for (let turn = 0; turn < 500; turn++) {
      expect(call("a", 1 + (turn % 3))).toBe(1 + (turn % 3));
      expect(call("b", 2)).toBe(2);
    }
  });

  test("a few calls are let in even where nobody else has made one for a while", () => {
    const { call } = setUp();
    call("quiet", 1);
    expect(call("noisy", 100)).toBe(100);
    expect(call("noisy", 100)).toBeLessThan(100);
  });

  test("what was long ago counts for nothing", () => {
    const { state, call } = setUp();
    call("quiet", 1);
    call("noisy", 1_000);
    state.nowMs += 2_000;
    call("quiet", 1);
    expect(call("noisy", 50)).toBe(50);
  });

  test("a refused caller hears when to try again, and what refused it", () => {
    const { shares, call } = setUp();
    call("quiet", 1);
    call("noisy", 1_000);
    expect(() => shares.enter("noisy")).toThrow(
      expect.objectContaining({ kind: "bulkhead_full", where: "service", retryAfterMs: 1_000 }),
    );
  });
});

test("nobody is refused while the event loop is in time", () => {
  const { state, call } = setUp();
  state.late = false;
  call("quiet", 1);
  expect(call("noisy", 10_000)).toBe(10_000);
});

test("a loop that was kept busy is late, and one that is free again is not for long", async () => {
  const lag = watchLag();
  const look = () => new Promise((resolve) => setTimeout(resolve, 25));
  await look();
  const end = performance.now() + 400;
  while (performance.now() < end);
  await look();
  expect(lag.ms).toBeGreaterThan(20);
  await expect.poll(() => lag.ms, { timeout: 20_000 }).toBeLessThan(20);
  lag.close();
});
