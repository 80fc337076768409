/** What a connector still answers when it is asked for four times as much as it can. */
import { median, percentile } from "../support/bench.ts";
import type { Report } from "./calling.ts";
import type { Load, Stage } from "./stage.ts";

/**
 * Milliseconds that a query takes at the source. A connector has ten connections, so that
 * its source gives 100 answers a second at most, by theory. That needs a small part of two
 * cores, and four times the calls do, too: it is the source that is short, not the CPU.
 */
export const sourceMs = 100;
const connections = 10;
export const theory = (connections * 1_000) / sourceMs;

const overload = 4;
const deadlineMs = 1_000;
/** Calls at once that are tried for the peak. */
const concurrencies = [5, 10, 20, 40];
const peakMs = 1_500;
const overloadMs = 4_000;

export interface Goodput {
  /** Answers a second at the best number of calls at once, and by how many. */
  readonly peak: number;
  readonly concurrency: number;
  /** Answers in time a second under overload over those at peak. */
  readonly ratio: number;
  readonly p99Ms: number;
  readonly refusedShare: number;
  /** Milliseconds until a refused call hears of it. */
  readonly refusedP99Ms: number;
  /** Calls that were neither answered in time nor refused at once. */
  readonly wastedShare: number;
}

export async function measureGoodput(
  stage: Stage,
  load: Load,
  rounds: number,
  progress: (line: string) => void,
): Promise<Goodput> {
  const target = stage.target("noisy", [await stage.connect("noisy")], sourceMs);
  await load.closed({ target, concurrency: 40, ms: peakMs }); // A service that has just started is slow.
  const peaks: { readonly concurrency: number; readonly perSecond: number }[] = [];
  for (const concurrency of concurrencies) {
    const perSecond = rateOf(await load.closed({ target, concurrency, ms: peakMs }));
    peaks.push({ concurrency, perSecond });
    progress(`${concurrency} calls at once: ${perSecond.toFixed(0)} answers/s, by theory ${theory} at most`);
  }
  const { concurrency } = peaks.reduce((best, next) => (next.perSecond > best.perSecond ? next : best));
  const peakRates: number[] = [];
  const ratios: number[] = [];
  const reports: Report[] = [];
  const perSecond = theory * overload;
  for (let round = 0; round < rounds; round++) {
    const peak = rateOf(await load.closed({ target, concurrency, ms: peakMs }));
    const report = await load.open({ target, perSecond, ms: overloadMs, timeoutMs: deadlineMs });
    peakRates.push(peak);
    ratios.push(rateOf(report) / peak);
    reports.push(report);
    progress(
      `Round ${round + 1} of ${rounds}: ${peak.toFixed(0)} answers/s at peak, ${rateOf(report).toFixed(0)} in time ` +
        `of ${(report.sent / (report.ms / 1_000)).toFixed(0)} calls/s; others: ${JSON.stringify(report.failed)}`,
    );
  }
  const sum = (count: (report: Report) => number) => reports.reduce((total, report) => total + count(report), 0);
  const sent = sum((report) => report.sent);
  const refused = sum(({ failed }) => failed.BULKHEAD_FULL ?? 0);
  return {
    ...{ peak: median(peakRates), concurrency, ratio: median(ratios) },
    p99Ms: median(reports.map(({ goodMs }) => percentile(goodMs, 0.99))),
    refusedShare: refused / sent,
    refusedP99Ms: median(reports.map(({ failedMs }) => percentile(failedMs, 0.99))),
    wastedShare: 1 - (refused + sum(({ goodMs }) => goodMs.length)) / sent,
  };
}

/** Answers a second, of the time in which calls were sent. */
function rateOf({ good, ms }: Report): number {
  return good / (ms / 1_000);
}
