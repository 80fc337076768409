/**
 * The metrics of one replica: what the rooms tell, counted, and what is read when
 * somebody asks.
 *
 * No label names a connector or an organization: the number of series depends on the
 * service alone, and not on who uses it. The history has what is known of each of them.
 */
import { readFileSync } from "node:fs";
import { Counter, collectDefaultMetrics, Gauge, type OpenMetricsContentType, Registry } from "prom-client";
import { createCounting } from "./counting.ts";
import type { Observe } from "./observation.ts";

/** What is read at each scrape. What is absent has no metric. */
export interface MetricSources {
  /** Calls that have a permit, and that wait for one. */
  readonly bulkhead?: () => { readonly running: number; readonly waiting: number };
  /** Connections that sources have, those of them that nobody uses, and calls that wait for room. */
  readonly places?: () => { readonly open: number; readonly lent: number; readonly waiting: number };
  /** The part that is left of what the sources of each provider allow, where it is least. */
  readonly quotaLeft?: () => Readonly<Record<string, number>>;
  /** Records of calls that never came into the history. */
  readonly historyDropped?: () => number;
  /** Calls of organizations that had more than their share of a busy replica. */
  readonly overShare?: () => number;
}

export interface Metrics {
  readonly observe: Observe;
  /** OpenMetrics 1.0 text. */
  render(): Promise<{ readonly contentType: string; readonly body: string }>;
}

type OwnRegistry = Registry<OpenMetricsContentType>;

export function createMetrics(sources: MetricSources = {}): Metrics {
  const registry = newRegistry();
  const observe = createCounting(registry);
  readAtScrape(registry, sources);
  new Gauge({
    name: "connector_build_info",
    help: "1, with the version that runs.",
    labelNames: ["version"],
    registers: [registry],
  }).set({ version: ownVersion() }, 1);
  // The library's types merge registries of one content type only, the library those of any one.
  const all = Registry.merge([registry, processRegistry()] as unknown as Registry[]);
  return {
    observe,
    render: async () => ({ contentType: all.contentType, body: await all.metrics() }),
  };
}

function newRegistry(): OwnRegistry {
  const registry: OwnRegistry = new Registry();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  return registry;
}

let ofProcess: OwnRegistry | undefined;

/** Watching the event loop and the garbage collector has no end: once a process is enough. */
function processRegistry(): OwnRegistry {
  if (ofProcess === undefined) {
    ofProcess = newRegistry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

function readAtScrape(registry: OwnRegistry, sources: MetricSources): void {
  const { bulkhead, places, quotaLeft, historyDropped, overShare } = sources;
  if (bulkhead !== undefined) {
    gauges(registry, "connector_bulkhead_calls", "Calls in the bulkhead, by what they do.", "state", bulkhead);
  }
  if (places !== undefined) {
    gauges(
      registry,
      "connector_places",
      "Room for connections to sources: open (taken), lent (of those, idle) and waiting (calls).",
      "state",
      places,
    );
  }
  if (quotaLeft !== undefined) {
    gauges(
      registry,
      "connector_quota_left_ratio",
      "The part that is left of the quota which is nearest to its end, of all connectors of a provider.",
      "provider",
      quotaLeft,
    );
  }
  if (historyDropped !== undefined) {
    counter(
      registry,
      "connector_history_dropped_total",
      "Records of calls that are not in the history, since the store was away for too long.",
      historyDropped,
    );
  }
  if (overShare !== undefined) {
    counter(
      registry,
      "connector_over_share_total",
      "Calls refused unread while the event loop was late, of organizations with more than their share of all calls.",
      overShare,
    );
  }
}

function counter(registry: OwnRegistry, name: string, help: string, read: () => number): void {
  new Counter({
    ...{ name, help, registers: [registry] },
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

/** One gauge with a series for each figure, by its name. */
function gauges(
  registry: OwnRegistry,
  name: string,
  help: string,
  label: string,
  read: () => Readonly<Record<string, number>>,
): void {
  new Gauge({
    ...{ name, help, labelNames: [label], registers: [registry] },
    collect() {
      this.reset();
      for (const [value, figure] of Object.entries(read())) this.set({ [label]: value }, figure);
    },
  });
}

function ownVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}
