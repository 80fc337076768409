/**
 * The counters and histograms that every call adds to. prom-client puts a text together
 * of the labels each time, to find the series by; here it is found without, counted in
 * numbers of our own, and handed to prom-client when somebody asks.
 */
import { Counter, type Metric, type OpenMetricsContentType, type Registry } from "prom-client";

type OwnRegistry = Registry<OpenMetricsContentType>;

/** What a metric is, with the names of its labels. */
export interface About {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

type Labels = Readonly<Record<string, string>>;

/** Adds one to the series with these values of the labels, which are in the order of their names. */
export type Count = (...values: readonly string[]) => void;
/** Adds a value to the series with these values of the labels. */
export type Measure = (value: number, ...values: readonly string[]) => void;

export function createCounter(registry: OwnRegistry, about: About): Count {
  const { find, all } = seriesOf(about, () => ({ count: 0 }));
  new Counter({
    ...about,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, series } of all) this.inc(labels, series.count);
    },
  });
  return (...values) => {
    find(values).count++;
  };
}

/** @param bounds What each bucket holds at most, ascending. */
export function createHistogram(registry: OwnRegistry, about: About, bounds: readonly number[]): Measure {
  const { name, help } = about;
  const { find, all } = seriesOf(about, () => newDistribution(bounds));
  const read = async () => ({
    ...{ name, help, type: "histogram", aggregator: "sum" },
    values: all.flatMap(({ labels, series }) => samplesOf(name, labels, bounds, series)),
  });
  // The library's own one takes values one by one only; of a metric it needs no more than this.
  registry.registerMetric({ name, get: read } as unknown as Metric);
  return (value, ...values) => {
    const distribution = find(values);
    distribution.sum += value;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    distribution.counts[bucket] = (distribution.counts[bucket] as number) + 1;
  };
}

interface Distribution {
  /** How many values each bucket holds that the one before does not; the last one is of those above all bounds. */
  readonly counts: number[];
  sum: number;
}

function newDistribution(bounds: readonly number[]): Distribution {
  return { counts: new Array<number>(bounds.length + 1).fill(0), sum: 0 };
}

/** One series as the exposition has it: each bucket holds those before it, too. */
function samplesOf(name: string, labels: Labels, bounds: readonly number[], { counts, sum }: Distribution) {
  let count = 0;
  const buckets = [...bounds, "+Inf"].map((le, bucket) => {
    count += counts[bucket] as number;
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count };
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
