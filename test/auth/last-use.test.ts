import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ApiKeyUse, gatherLastUse } from "../../src/auth/last-use.ts";

const start = new Date("2026-11-20T12:00:00Z");
const later = (ms: number) => new Date(start.getTime() + ms);

beforeEach(() => {
  vi.useFakeTimers({ now: start });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What is written, and whether the next writings fail. */
function gathering() {
  const written: [string, readonly ApiKeyUse[]][] = [];
  const problems: unknown[] = [];
  const state = { away: false };
  const lastUse = gatherLastUse({
    async write(organizationId, uses) {
      if (state.away) throw new Error("away");
      written.push([organizationId, uses]);
    },
    onProblem: (cause) => void problems.push(cause),
  });
  return { ...lastUse, written, problems, state };
}

test("uses are written once a minute, each key's first, by organization, and nothing when there is nothing", async () => {
  const { used, written, close } = gathering();
  used("acme", "a");
  await vi.advanceTimersByTimeAsync(10_000);
  for (let i = 0; i < 1_000; i++) used("acme", "a");
  used("globex", "c");
  used("acme", "b");
  expect(written).toEqual([]);
  await vi.advanceTimersByTimeAsync(50_000);
  expect(written).toEqual([
    [
      "acme",
      [
        { id: "a", time: start },
        { id: "b", time: later(10_000) },
      ],
    ],
    ["globex", [{ id: "c", time: later(10_000) }]],
  ]);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(written).toHaveLength(2);
  await close();
});

test("what is gathered is written at the end", async () => {
  const { used, written, close } = gathering();
  used("acme", "a");
  await close();
  expect(written).toEqual([["acme", [{ id: "a", time: start }]]]);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(written).toHaveLength(1);
});

test("what could not be written is told, and written later", async () => {
  const { used, written, problems, state, close } = gathering();
  used("acme", "a");
  state.away = true;
  await vi.advanceTimersByTimeAsync(60_000);
  expect([written, problems.length]).toEqual([[], 1]);
  state.away = false;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(written).toEqual([["acme", [{ id: "a", time: start }]]]);
  await close();
});
