/**
 * What is left of the service when it is asked for more than its sources can give, and
 * when a source is away.
 *
 * The service has a process of its own, and so has each load: theirs are real clients over
 * HTTP/2. What is short is the source, which takes a known time for each query; the rates
 * are such that the CPU of two cores is not. What is compared takes turns.
 */
import { type Goodput, measureGoodput, theory } from "./overload/goodput.ts";
import { measureOutage, type Outage } from "./overload/outage.ts";
import { measurePrices } from "./overload/prices.ts";
import { measureQuiet, type Quiet } from "./overload/quiet.ts";
import { openStage } from "./overload/stage.ts";
import type { BenchOptions, BenchResult } from "./support/bench.ts";

/** The part of the peak by theory below which something else than the source was short. */
const busyBelow = 0.85;

export default async function overload({ rounds, progress }: BenchOptions): Promise<BenchResult> {
  await using cleanup = new AsyncDisposableStack();
  const stage = await openStage(["noisy", "quiet", "outage"], progress, cleanup);
  const loads = [stage.load(), stage.load()] as const;
  progress("Asking for four times what a source can give.");
  const goodput = await measureGoodput(stage, loads[0], rounds, progress);
  if (goodput.peak < theory * busyBelow) progress("This machine is too busy: its CPU is what is short here.");
  progress("Calling quietly beside the noise of another organization.");
  const quiet = await measureQuiet(stage, loads, rounds, progress);
  progress("Counting what a call costs the service that it refuses.");
  const prices = await measurePrices(stage, loads);
  progress("Taking a source away while it is called.");
  const outage = await measureOutage(stage, loads[0], progress);
  return report(goodput, quiet, prices, outage);
}

type Prices = Awaited<ReturnType<typeof measurePrices>>;

function report(goodput: Goodput, quiet: Quiet, prices: Prices, outage: Outage): BenchResult {
  const figures = {
    goodput_ratio: round(goodput.ratio),
    retry_amplification: round(outage.attempts / outage.calls),
    quiet_p99_ratio: round(quiet.lightRatio),
    quiet_slow_p99_ratio: round(quiet.slowRatio),
    quiet_p99_vs_idle_ratio: round(quiet.lightVsIdle),
    quiet_slow_p99_vs_idle_ratio: round(quiet.slowVsIdle),
    quiet_failed: quiet.failed,
    peak_vs_theory: round(goodput.peak / theory),
    p99_ms: round(goodput.p99Ms),
    refused_share: round(goodput.refusedShare),
    refused_p99_ms: round(goodput.refusedP99Ms),
    wasted_share: round(goodput.wastedShare),
    attempts_per_first: round(outage.attempts / outage.firstAttempts),
    recovery_ms: round(outage.recoveryMs),
    refused_us: round(prices.refusedUs),
    answered_us: round(prices.answeredUs),
  };
  return { figures, table: tableOf(goodput, quiet, prices, outage) };
}

function tableOf(goodput: Goodput, quiet: Quiet, prices: Prices, outage: Outage): BenchResult["table"] {
  const share = (part: number) => `${(part * 100).toFixed(0)} %`;
  return {
    columns: ["what", "how much", "of which"],
    rows: [
      ["answers/s at peak", goodput.peak.toFixed(0), `by ${goodput.concurrency} calls at once; ${theory} by theory`],
      ["answers in time at four times that", share(goodput.ratio), `p99 ${goodput.p99Ms.toFixed(0)} ms of 1,000`],
      ["calls refused meanwhile", share(goodput.refusedShare), `p99 ${goodput.refusedP99Ms.toFixed(1)} ms to hear it`],
      ["p99 of another organization", `${quiet.lightMs.here.toFixed(1)} ms`, besideOf(quiet)],
      ["CPU of a refused call", `${prices.refusedUs.toFixed(0)} µs`, `${prices.answeredUs.toFixed(0)} µs if answered`],
      [
        "attempts at a source that is away",
        String(outage.attempts),
        `for ${outage.calls} calls; ${outage.attempts - outage.firstAttempts} were retries`,
      ],
      ["until all is well again", `${outage.recoveryMs.toFixed(0)} ms`, "after the source is back"],
    ],
  };
}

function besideOf({ lightMs: { elsewhere, nowhere } }: Quiet): string {
  return `${elsewhere.toFixed(1)} ms with the noise in another replica, ${nowhere.toFixed(1)} ms without`;
}

const round = (value: number) => Math.round(value * 1_000) / 1_000;
