/** For how long figures hold that somebody else has to be asked for, and that there are none. */
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { KeyInfo, KeyProvider } from "../../src/vault/key-provider.ts";
import { storeSources } from "../../src/wiring/observing.ts";

// Figures age by it, while those that are late are so in truth.
beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

type List = KeyProvider["list"];

const store = { audit: {}, ping: async () => {} } as unknown as Parameters<typeof storeSources>[0];
const states = (...all: readonly KeyInfo["state"][]): readonly KeyInfo[] =>
  all.map((state, i) => ({ id: `${i}`, state, createTime: undefined }));

/** The figures of keys, listed by each of these in turn. */
function keysBy(...lists: readonly List[]) {
  const list = vi.fn<List>();
  for (const each of lists) list.mockImplementationOnce(each);
  const { keys } = storeSources(store, { list } as unknown as KeyProvider);
  return { list, figures: async () => (await keys?.())?.states };
}

test("what is known of keys holds for a minute, whoever asks", async () => {
  const { figures, list } = keysBy(
    async () => states("primary"),
    async () => states("primary", "pending"),
  );
  expect(await Promise.all([figures(), figures()])).toEqual([{ primary: 1 }, { primary: 1 }]);
  vi.advanceTimersByTime(59_000);
  expect(await figures()).toEqual({ primary: 1 });
  expect(list).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1_000);
  expect(await figures()).toEqual({ primary: 1, pending: 1 });
});

test("that the holder of keys fails holds for a second", async () => {
  const { figures, list } = keysBy(
    () => Promise.reject(new Error("sealed")),
    async () => states("primary"),
  );
  expect(await figures()).toBeUndefined();
  vi.advanceTimersByTime(900);
  expect(await figures()).toBeUndefined();
  expect(list).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(100);
  expect(await figures()).toEqual({ primary: 1 });
});

test("an answer that is late is there for the next who asks, and takes no newer one's place", async () => {
  const slow = Promise.withResolvers<readonly KeyInfo[]>();
  const slower = Promise.withResolvers<readonly KeyInfo[]>();
  const { figures, list } = keysBy(
    () => slower.promise,
    () => slow.promise,
  );
  expect(await figures()).toBeUndefined();
  vi.advanceTimersByTime(1_000);
  const second = figures();
  slow.resolve(states("primary", "primary"));
  expect(await second).toEqual({ primary: 2 });
  slower.resolve(states("primary"));
  await delay(0);
  expect(await figures()).toEqual({ primary: 2 });
  expect(list).toHaveBeenCalledTimes(2);
});

test("an answer that is later than the next question is there for the one after it", async () => {
  const slow = Promise.withResolvers<readonly KeyInfo[]>();
  const { figures } = keysBy(
    () => slow.promise,
    () => Promise.reject(new Error("sealed")),
  );
  expect(await figures()).toBeUndefined();
  vi.advanceTimersByTime(15_000);
  expect(await figures()).toBeUndefined();
  slow.resolve(states("primary"));
  await delay(0);
  expect(await figures()).toEqual({ primary: 1 });
});
