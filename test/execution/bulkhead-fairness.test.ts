import { expect, test } from "vitest";
import { createBulkheads, type Permit } from "../../src/execution/bulkhead/bulkheads.ts";

const { signal } = new AbortController();
const serviceMs = 10;

interface Running {
  readonly endMs: number;
  readonly permit: Permit;
  readonly ended: () => void;
}

/**
 * Calls that all run for `serviceMs` of a clock that goes from one call's end to the next,
 * so that nothing depends on this machine's speed.
 */
function simulation(limits: { readonly organization: number; readonly all: number }) {
  const bulkheads = createBulkheads({ ...limits, observe: () => {} });
  const running: Running[] = [];
  let nowMs = 0;
  return {
    /** Begins a call, and gives the milliseconds that it had to wait once it has ended. */
    async call(organizationId: string, connectorId: string): Promise<number> {
      const startMs = nowMs;
      const subject = { organizationId, connectorId, provider: "postgresql" };
      const permit = await bulkheads.enter(subject, { connector: 1_000, waiting: 10_000 }, signal, Number.MAX_VALUE);
      const waitedMs = nowMs - startMs;
      await new Promise<void>((ended) => running.push({ endMs: nowMs + serviceMs, permit, ended }));
      return waitedMs;
    },
    /** Lets everything run to its end. */
    async run(): Promise<void> {
      for (;;) {
        // Whoever was admitted or has ended does what it does next.
        await new Promise((resolve) => setImmediate(resolve));
        // Those that end at once came in this order.
        const next = running.shift();
        if (next === undefined) return;
        nowMs = next.endMs;
        next.permit.release();
        next.ended();
      }
    },
    figures: bulkheads.figures,
  };
}

/** The longest wait of calls that come one at a time. */
async function longestWait(count: number, call: () => Promise<number>): Promise<number> {
  let longestMs = 0;
  for (let each = 0; each < count; each++) longestMs = Math.max(longestMs, await call());
  return longestMs;
}

test("an organization with a thousand calls waiting costs the next call of another one service time at most", async () => {
  const { call, run, figures } = simulation({ organization: 500, all: 4 });
  const noisy = Array.from({ length: 1_004 }, () => call("noisy", "1"));
  const quiet = longestWait(50, () => call("quiet", "1"));
  expect(figures()).toEqual({ running: 4, waiting: 1_001 });
  await run();

  expect(await quiet).toBeLessThanOrEqual(serviceMs);
  // The flood itself is served too, to its last call.
  expect(Math.max(...(await Promise.all(noisy)))).toBeGreaterThan(100 * serviceMs);
  expect(figures()).toEqual({ running: 0, waiting: 0 });
});

test("many connectors give an organization no more turns", async () => {
  const { call, run } = simulation({ organization: 500, all: 4 });
  const noisy = Array.from({ length: 1_004 }, (_, index) => call("noisy", String(index % 100)));
  const quiet = longestWait(50, () => call("quiet", "1"));
  await run();

  expect(await quiet).toBeLessThanOrEqual(serviceMs);
  await Promise.all(noisy);
});

test("a connector with a thousand calls waiting costs the next call of its neighbour one service time at most", async () => {
  const { call, run } = simulation({ organization: 500, all: 4 });
  const noisy = Array.from({ length: 999 }, () => call("acme", "noisy"));
  const quiet = longestWait(50, () => call("acme", "quiet"));
  await run();

  expect(await quiet).toBeLessThanOrEqual(serviceMs);
  await Promise.all(noisy);
});
