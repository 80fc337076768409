/** What a quiet organization notices of a noisy one, and what a refused call costs the service. */
import { median, percentile } from "../support/bench.ts";
import { sourceMs, theory } from "./goodput.ts";
import type { Load, Stage } from "./stage.ts";

const overload = 4;
const deadlineMs = 1_000;
/** So long the noise lasts before it is measured beside it: its line is full by then. */
const settleMs = 1_000;
const longestMs = 60_000;
/** One at a time, of a query that takes next to nothing. */
const lightCalls = 800;
/** A few at a time, of one that takes its time at the source. */
const slow = { calls: 120, concurrency: 8 };

export interface Quiet {
  /** Milliseconds of p99, alone and beside the noise, of light calls; and the median of their ratios. */
  readonly aloneMs: number;
  readonly besideMs: number;
  readonly lightRatio: number;
  /** The same ratio of calls whose source takes its time. */
  readonly slowRatio: number;
  /** Calls of the quiet one that failed. */
  readonly failed: number;
}

export async function measureQuiet(
  stage: Stage,
  [load, noise]: readonly [Load, Load],
  rounds: number,
  progress: (line: string) => void,
): Promise<Quiet> {
  const own = [await stage.connect("quiet")];
  const noisy = stage.target("noisy", [await stage.connect("noisy")], sourceMs);
  let failed = 0;
  const p99 = async () => {
    const light = await load.closed({ target: stage.target("quiet", own, 0), concurrency: 1, calls: lightCalls });
    const long = await load.closed({ target: stage.target("quiet", own, sourceMs), ...slow });
    failed += light.failedMs.length + long.failedMs.length;
    return { light: percentile(light.goodMs, 0.99), slow: percentile(long.goodMs, 0.99) };
  };
  await p99();
  const alone: Awaited<ReturnType<typeof p99>>[] = [];
  const beside: typeof alone = [];
  for (let round = 0; round < rounds; round++) {
    alone.push(await p99());
    const flood = { target: noisy, perSecond: theory * overload, ms: longestMs, timeoutMs: deadlineMs };
    const flooding = noise.open(flood);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    beside.push(await p99());
    await noise.stop();
    const { sent, goodMs } = await flooding;
    progress(
      `Round ${round + 1} of ${rounds}: p99 ${alone.at(-1)?.light.toFixed(1)} ms alone, ` +
        `${beside.at(-1)?.light.toFixed(1)} ms beside another's ${sent} calls, of which ${goodMs.length} were answered; ` +
        `${alone.at(-1)?.slow.toFixed(1)} and ${beside.at(-1)?.slow.toFixed(1)} ms at a source that takes ${sourceMs}`,
    );
  }
  const ratio = (kind: "light" | "slow") => median(beside.map((p99s, i) => p99s[kind] / (alone[i]?.[kind] ?? 1)));
  return {
    aloneMs: median(alone.map(({ light }) => light)),
    besideMs: median(beside.map(({ light }) => light)),
    lightRatio: ratio("light"),
    slowRatio: ratio("slow"),
    failed,
  };
}

/** Calls that the service refuses, and answers, one after the other in so many lanes. */
const priced = { calls: 2_000, concurrency: 16 };
/** One that runs, and as many as a connector's line holds. */
const filling = { calls: 101, sourceMs: 600_000 };

/** Microseconds of the service's CPU for each call that it refuses, and that it answers. */
export async function measurePrices(
  stage: Stage,
  [load, filler]: readonly [Load, Load],
): Promise<{ readonly refusedUs: number; readonly answeredUs: number }> {
  const price = async (connectorId: string) => {
    const loop = { target: stage.target("noisy", [connectorId], 0), ...priced };
    await load.closed(loop);
    const before = await stage.service.call<number>("cpuUs");
    const report = await load.closed(loop);
    return { us: ((await stage.service.call<number>("cpuUs")) - before) / report.sent, report };
  };
  const answered = await price(await stage.connect("noisy"));
  const full = await stage.connect("noisy", { maxConcurrency: 1 });
  await filler.hold({ target: stage.target("noisy", [full], filling.sourceMs), calls: filling.calls });
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const refused = await price(full);
  await filler.letGo();
  if (refused.report.goodMs.length > 0) throw new Error("Calls were to be refused that were answered.");
  return { refusedUs: refused.us, answeredUs: answered.us };
}
