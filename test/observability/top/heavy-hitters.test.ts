import fc from "fast-check";
import { expect, test } from "vitest";
import { createHeavyHitters } from "../../../src/observability/top/heavy-hitters.ts";

const room = 5;
/** A few keys that come often, and many that come seldom. */
const key = fc.oneof({ weight: 3, arbitrary: fc.nat(3) }, { weight: 2, arbitrary: fc.nat(40) });

function counted(keys: readonly number[]) {
  const hitters = createHeavyHitters<number>(room);
  const truth = new Map<number, number>();
  for (const each of keys) {
    hitters.hit(String(each), each);
    truth.set(each, (truth.get(each) ?? 0) + 1);
  }
  return { hitters, truth };
}

test("nobody is counted too seldom, nor too often by more than is said, and all hits are somebody's", () => {
  fc.assert(
    fc.property(fc.array(key, { maxLength: 300 }), (keys) => {
      const { hitters, truth } = counted(keys);
      const ranked = hitters.ranked();
      expect(ranked.length).toBeLessThanOrEqual(room);
      expect(ranked.reduce((sum, { count }) => sum + count, 0)).toBe(keys.length);
      for (const { item, count, error } of ranked) {
        const times = truth.get(item) ?? 0;
        expect(count).toBeGreaterThanOrEqual(times);
        expect(count - error).toBeLessThanOrEqual(times);
      }
      expect(ranked.map(({ count }) => count)).toEqual(ranked.map(({ count }) => count).toSorted((a, b) => b - a));
    }),
  );
});

test("who has more than its part of all hits is counted, whatever else came", () => {
  fc.assert(
    fc.property(fc.array(key, { minLength: 1, maxLength: 300 }), (keys) => {
      const { hitters, truth } = counted(keys);
      const found = new Set(hitters.ranked().map(({ item }) => item));
      for (const [item, times] of truth) if (times > keys.length / room) expect(found).toContain(item);
    }),
  );
});

test("what has faded or is forgotten counts less or not at all, and new hits count on", () => {
  const { hitters } = counted([1, 1, 1, 1, 2, 2, 3, 4, 4, 4]);
  hitters.fade(0.5);
  const counts = () => hitters.ranked().map(({ item, count }) => [item, count]);
  expect(counts()).toEqual([
    [1, 2],
    [2, 1],
    [4, 1],
  ]);
  hitters.hit("4", 4);
  hitters.hit("4", 4);
  hitters.forget("1");
  hitters.forget("nobody");
  expect(counts()).toEqual([
    [4, 3],
    [2, 1],
  ]);
  hitters.fade(0);
  expect(counts()).toEqual([]);
  hitters.hit("5", 5);
  expect(counts()).toEqual([[5, 1]]);
});
