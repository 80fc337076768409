import { expect, test } from "vitest";
import { quotaPace } from "../../src/execution/rate-limit/quota-pace.ts";
import type { Quota } from "../../src/providers/contract.ts";

const hour = 3_600_000;

/** A quota of a thousand, and a clock that stands until it is told to go on. */
function paced(first: number, resetMs?: number) {
  let ms = 0;
  const quotaOf = (remaining: number): Quota => ({
    ...{ name: "core", limit: 1_000, remaining },
    resetTime: resetMs === undefined ? undefined : new Date(resetMs),
  });
  const pace = quotaPace(quotaOf(first), () => ms);
  const after = (seconds: number, remaining?: number) => {
    ms += seconds * 1_000;
    if (remaining !== undefined) pace.told(quotaOf(remaining));
    return pace.exhaustionSeconds();
  };
  return { pace, after };
}

test("a quota that is used at a steady pace lasts for what is left, divided by the pace", () => {
  const { pace, after } = paced(1_000);
  expect(pace.exhaustionSeconds()).toBeUndefined();
  expect(after(10, 900)).toBe(90);
  expect(after(10, 800)).toBe(80);
  expect(pace.left()).toBe(0.8);
});

test("one that nobody uses any more lasts longer and longer", () => {
  const { after } = paced(1_000);
  const [busy, quiet] = [after(10, 900), after(90)];
  expect(busy).toBe(90);
  expect(quiet).toBe(900);
});

test("a pace of long ago does not count", () => {
  const { after } = paced(1_000);
  after(10, 500);
  // Two periods later one in a second is used.
  for (let used = 1; used <= 300; used++) after(1, 500 - used);
  expect(after(0)).toBeCloseTo(200, -1);
});

test("one that is renewed before it is used up lasts", () => {
  expect(paced(1_000, hour).after(10, 900)).toBe(90);
  expect(paced(1_000, 60_000).after(10, 900)).toBeUndefined();
});

test("after it was renewed the pace begins anew, and answers that overtake each other are no renewal", () => {
  const { after } = paced(200);
  expect(after(10, 100)).toBe(10);
  expect(after(1, 101)).toBeCloseTo(11.22);
  expect(after(10, 1_000)).toBeUndefined();
  expect(after(10, 990)).toBe(990);
});

test("one that is used up is so now, and one that allows nothing is nobody's to use up", () => {
  const { after } = paced(10);
  expect(after(5, 0)).toBe(0);
  const none = quotaPace({ name: "closed", limit: 0, remaining: 0, resetTime: undefined });
  expect([none.exhaustionSeconds(), none.left()]).toEqual([undefined, undefined]);
});
