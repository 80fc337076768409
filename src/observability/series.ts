/**
 * Counters and histograms that every call adds to. prom-client puts a text together of the
 * labels each time, to find the series by; here it is found without, counted in numbers of
 * our own, and handed to prom-client when somebody asks.
 */
import type { About, Exemplar, Family, Labels, Sample } from "./exposition.ts";
import type { Span } from "./span.ts";

/** Of a span whose trace is recorded. */
type Traced = Pick<Span, "traceId"> | undefined;

/** Adds to the series with these values of the labels, which are in the order of their names. */
export type Count = (amount: number, ...values: readonly string[]) => void;
/** Adds a value to the series with these values of the labels; a recorded span is an exemplar of it. */
export type Measure = (value: number, span: Traced, ...values: readonly string[]) => void;

export interface Counter extends Family {
  readonly count: Count;
}

export interface Histogram extends Family {
  readonly measure: Measure;
}

/** One without labels is 0 from the beginning: so its first increase shows as one. */
export function createCounter(about: About): Counter {
  const { find, all } = seriesOf(about, () => ({ count: 0 }));
  if (about.labelNames.length === 0) find([]);
  return {
    ...{ ...about, type: "counter" },
    count(amount, ...values) {
      find(values).count += amount;
    },
    read: () => all.map(({ labels, series }) => ({ labels, value: series.count })),
  };
}

/** @param bounds What each bucket holds at most, ascending. */
export function createHistogram(about: About, bounds: readonly number[]): Histogram {
  const { find, all } = seriesOf(about, () => newDistribution(bounds));
  return {
    ...{ ...about, type: "histogram" },
    measure(value, span, ...values) {
      add(find(values), bounds, value, span);
    },
    read: () => all.flatMap(({ labels, series }) => samplesOf(about.name, labels, bounds, series)),
  };
}

export interface Distribution {
  /** How many values each bucket holds that the one before does not; the last one is of those above all bounds. */
  readonly counts: number[];
  /** The last value of each bucket that was traced. */
  readonly exemplars: (Exemplar | undefined)[];
  sum: number;
}

export function newDistribution(bounds: readonly number[]): Distribution {
  return { counts: new Array<number>(bounds.length + 1).fill(0), exemplars: [], sum: 0 };
}

export function add(into: Distribution, bounds: readonly number[], value: number, span?: Traced): void {
  into.sum += value;
  let bucket = 0;
  while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
  into.counts[bucket] = (into.counts[bucket] as number) + 1;
  if (span !== undefined) {
    into.exemplars[bucket] = { labelSet: { trace_id: span.traceId }, value, timestamp: Date.now() / 1_000 };
  }
}

/** One series as the exposition has it: each bucket holds those before it, too. */
export function samplesOf(
  name: string,
  labels: Labels,
  bounds: readonly number[],
  { counts, exemplars, sum }: Distribution,
): Sample[] {
  let count = 0;
  const buckets = [...bounds, "+Inf"].map((le, bucket) => {
    count += counts[bucket] as number;
    return {
      ...{ metricName: `${name}_bucket`, labels: { le: String(le), ...labels }, value: count },
      exemplar: exemplars[bucket],
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}

/** The series of all values of the first labels, in the order of the labels' names. */
interface Level<Series> {
  readonly next: Map<string, Level<Series>>;
  series: Series | undefined;
}

function newLevel<Series>(): Level<Series> {
  return { next: new Map(), series: undefined };
}

function nextLevel<Series>({ next }: Level<Series>, value: string): Level<Series> {
  const level = newLevel<Series>();
  next.set(value, level);
  return level;
}

/** Series by the values of their labels, made when they are first asked for. */
function seriesOf<Series>({ labelNames }: About, make: () => Series) {
  const all: { readonly labels: Labels; readonly series: Series }[] = [];
  const root = newLevel<Series>();
  const find = (values: readonly string[]): Series => {
    let level = root;
    for (const value of values) {
      level = level.next.get(value) ?? nextLevel(level, value);
    }
    if (level.series === undefined) {
      level.series = make();
      all.push({
        labels: Object.fromEntries(labelNames.map((name, i) => [name, `${values[i]}`])),
        series: level.series,
      });
    }
    return level.series;
  };
  return { find, all };
}
