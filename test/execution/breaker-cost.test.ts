/** What breakers cost: the memory of the busy and of the idle, timers, and a process that wants to end. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, test, vi } from "vitest";
import { createBreaker } from "../../src/execution/breaker/breaker.ts";
import { createBreakers } from "../../src/execution/breaker/breakers.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

const subjectOf = (connectorId: string) => ({ organizationId: "acme", connectorId, provider: "postgresql" });
const breakersWith = () => createBreakers({ openMs: 2_000, observe: () => {} });

afterEach(() => void vi.useRealTimers());

test("a busy breaker keeps nothing of each attempt that it has judged", async () => {
  const breaker = createBreaker({ openMs: 2_000, probeMs: 500, windowMs: 600_000, onChange: () => {} });
  const judge = async (count: number) => {
    for (let done = 0; done < count; done++) {
      breaker.begin().judge("healthy");
      if (done % 1_000 === 0) await null;
    }
  };
  await judge(20_000);
  const before = heapBytes();
  await judge(300_000);
  expect(heapBytes() - before).toBeLessThan(1_000_000);
  breaker.close();
});

test("10,000 idle breakers share one timer, and keep less than 3 KB each", async () => {
  vi.useFakeTimers();
  const before = heapBytes();
  const breakers = breakersWith();
  for (let connector = 0; connector < 10_000; connector++) {
    breakers
      .of(subjectOf(`${connector}`), "1")
      .begin()
      .judge("healthy");
  }
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(0); // Until what was judged is counted.
  const used = heapBytes();
  vi.advanceTimersByTime(120_000);
  const idle = heapBytes();
  expect((idle - before) / 10_000).toBeLessThan(3_000);
  expect(idle - before).toBeLessThan((used - before) / 2);
  breakers.close();
  expect(vi.getTimerCount()).toBe(0);
});

test("a breaker that has rested goes on judging, also what began before", () => {
  vi.useFakeTimers();
  const breakers = breakersWith();
  const breaker = breakers.of(subjectOf("rested"), "1");
  breaker.begin().judge("healthy");
  const running = Array.from({ length: 5 }, () => breaker.begin());
  vi.advanceTimersByTime(180_000);
  for (const attempt of running) attempt.judge("failing", "upstream_lost");
  expect(breaker.status().state).toBe("open");
  breakers.close();
});

test("a breaker that is not closed doesn't rest: its probe is due all the same", () => {
  vi.useFakeTimers();
  const breakers = createBreakers({ openMs: 300_000, observe: () => {} });
  const breaker = breakers.of(subjectOf("down"), "1");
  for (let call = 0; call < 5; call++) breaker.begin().judge("failing", "upstream_lost");
  vi.advanceTimersByTime(299_999);
  expect(breaker.status().state).toBe("open");
  vi.advanceTimersByTime(30_001);
  breaker.begin().judge("healthy");
  expect(breaker.status().state).toBe("closed");
  breakers.close();
});

test("a process ends though breakers are open, half open with a probe under way, and never closed down", async () => {
  const source = new URL("../../src/execution/breaker/breakers.ts", import.meta.url);
  const script = `
    import { createBreakers } from ${JSON.stringify(source.href)};
    const breakers = createBreakers({ openMs: 5, probeMs: 60_000, observe: ({ to }) => console.log(to) });
    const open = (id) => {
      const breaker = breakers.of({ organizationId: "acme", connectorId: id, provider: "postgresql" }, "1");
      for (let call = 0; call < 5; call++) breaker.begin().judge("failing", "upstream_lost");
      return breaker;
    };
    const probed = open("probed");
    await new Promise((resolve) => setTimeout(resolve, 30));
    probed.begin();
    open("open");
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], {
    timeout: 10_000,
  });
  expect(stdout.trim().split("\n")).toEqual(["open", "half_open", "open"]);
});
