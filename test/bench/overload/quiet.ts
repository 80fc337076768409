/** What a quiet organization notices of a noisy one with which it shares a service. */
import { median, percentile } from "../support/bench.ts";
import type { OpenLoop } from "./calling.ts";
import { sourceMs, theory } from "./goodput.ts";
import type { Load, Stage } from "./stage.ts";

const overload = 4;
const deadlineMs = 1_000;
/** So long the noise lasts before it is measured beside it: its line is full by then. */
const settleMs = 1_000;
const longestMs = 120_000;
/** One at a time, of a query that takes next to nothing. */
const lightCalls = 1_000;
/** A few at a time, of one that takes its time at the source. */
const slow = { calls: 120, concurrency: 8 };

/**
 * Where the noise is while the quiet organization calls: nowhere, in another replica, or
 * in the quiet one's own.
 *
 * The noise takes CPU of this machine outside of the service, too: the process that makes
 * it and the source's backends run on the same few cores as all else. What the sharing of
 * a service costs is seen by comparing with the same noise in another replica, where all
 * of that is the same. Against no noise at all, the machine is measured as well.
 */
type Place = "nowhere" | "elsewhere" | "here";

/** Each twice in a round, in both orders: what drifts in the meantime counts for all of them alike. */
const turns: readonly Place[] = ["nowhere", "elsewhere", "here", "here", "elsewhere", "nowhere"];

/** Milliseconds of the calls of one kind, in one round. */
type Samples = Readonly<Record<Place, number[]>>;

export interface Quiet {
  /** Median of the rounds' p99 of light calls, in milliseconds. */
  readonly lightMs: Readonly<Record<Place, number>>;
  /** Median of the rounds' ratios of p99, of light calls and of those whose source takes its time. */
  readonly lightRatio: number;
  readonly slowRatio: number;
  /** The same against no noise at all. */
  readonly lightVsIdle: number;
  readonly slowVsIdle: number;
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
  const noisy = [await stage.connect("noisy")];
  let failed = 0;
  const calls = async (light: number[], long: number[]) => {
    const quick = await load.closed({ target: stage.target("quiet", own, 0), concurrency: 1, calls: lightCalls });
    const slower = await load.closed({ target: stage.target("quiet", own, sourceMs), ...slow });
    failed += quick.failedMs.length + slower.failedMs.length;
    light.push(...quick.goodMs);
    long.push(...slower.goodMs);
  };
  const beside = async (place: Place, work: () => Promise<void>) => {
    if (place === "nowhere") return work();
    const target = stage.target("noisy", noisy, sourceMs, place === "here" ? undefined : stage.elsewhere);
    const flood: OpenLoop = { target, perSecond: theory * overload, ms: longestMs, timeoutMs: deadlineMs };
    const flooding = noise.open(flood);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
    await work();
    await noise.stop();
    await flooding;
  };
  // Services and loads that have just started are slow, each of them.
  for (const place of ["elsewhere", "here"] as const) await beside(place, () => calls([], []));
  const measured: { readonly light: Samples; readonly long: Samples }[] = [];
  for (let round = 0; round < rounds; round++) {
    const light = noSamples();
    const long = noSamples();
    for (const place of turns) await beside(place, () => calls(light[place], long[place]));
    measured.push({ light, long });
    progress(`Round ${round + 1} of ${rounds}: p99 ${described(light)}; ${described(long)} at a source of ${sourceMs}`);
  }
  return summary(measured, failed);
}

function summary(measured: readonly { readonly light: Samples; readonly long: Samples }[], failed: number): Quiet {
  const ratio = (kind: "light" | "long", to: Place) =>
    median(measured.map((samples) => p99(samples[kind].here) / p99(samples[kind][to])));
  const lightMs = (place: Place) => median(measured.map(({ light }) => p99(light[place])));
  return {
    lightMs: { nowhere: lightMs("nowhere"), elsewhere: lightMs("elsewhere"), here: lightMs("here") },
    lightRatio: ratio("light", "elsewhere"),
    slowRatio: ratio("long", "elsewhere"),
    lightVsIdle: ratio("light", "nowhere"),
    slowVsIdle: ratio("long", "nowhere"),
    failed,
  };
}

function noSamples(): Samples {
  return { nowhere: [], elsewhere: [], here: [] };
}

function p99(samples: readonly number[]): number {
  return percentile(samples, 0.99);
}

function described({ nowhere, elsewhere, here }: Samples): string {
  const ms = (samples: readonly number[]) => p99(samples).toFixed(1);
  return `${ms(nowhere)} ms alone, ${ms(elsewhere)} beside noise in another replica, ${ms(here)} in the same`;
}
