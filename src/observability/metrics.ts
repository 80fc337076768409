/**
 * The metrics of one replica: what the rooms tell, counted, and what is read when
 * somebody asks. `deploy/METRICS.md` has them all.
 *
 * No label names an organization, and connectors are named for as many of them as the
 * operator says: the number of series depends on the service, and not on who uses it. The
 * history has what is known of each of them.
 */
import { collectDefaultMetrics, type Metric, Registry } from "prom-client";
import { createCounting } from "./counting.ts";
import { type Family, formatFor, type Rendered, render, type Sample } from "./exposition.ts";
import { type FigureSources, figureFamilies } from "./figures.ts";
import type { Observe } from "./observation.ts";
import { createTopConnectors, type TopSources } from "./top/connectors.ts";
import { ownVersion } from "./version.ts";

/** What is read at each scrape. */
export interface MetricSources extends FigureSources, TopSources {}

export interface MetricsOptions {
  /** Connectors that have series of their own, at most. Default: 50. */
  readonly connectors?: number;
  /** The commit that the program was built from. Default: nobody knows. */
  readonly commit?: string | undefined;
}

export interface Metrics {
  readonly observe: Observe;
  /** What is told of a metric besides its samples. */
  readonly families: readonly Family[];
  /** Has these sources read at each scrape, besides those of before. */
  watch(sources: MetricSources): void;
  /**
   * What there is now.
   *
   * @param accept The scraper's `Accept` header. Default: it takes the older text format
   */
  render(accept?: string): Promise<Rendered>;
}

export function createMetrics({ connectors = 50, commit = "unknown" }: MetricsOptions = {}): Metrics {
  let sources: MetricSources = {};
  const top = createTopConnectors(connectors, () => sources);
  const counting = createCounting(top);
  const families = [
    ...counting.families,
    ...figureFamilies(() => sources),
    ...top.families,
    buildInfo(commit),
    ...processFamilies(),
  ];
  return {
    observe: counting.observe,
    families,
    watch(more) {
      sources = { ...sources, ...more };
    },
    render: (accept) => render(families, formatFor(accept)),
  };
}

function buildInfo(commit: string): Family {
  const labels = { version: ownVersion(), commit, node: process.versions.node };
  return {
    ...{ type: "gauge", name: "connector_build_info", help: "1, with what runs." },
    labelNames: Object.keys(labels),
    read: () => [{ labels, value: 1 }],
  };
}

let ofProcess: readonly Family[] | undefined;

/** Watching the event loop and the garbage collector has no end: once a process is enough. */
function processFamilies(): readonly Family[] {
  if (ofProcess !== undefined) return ofProcess;
  const register = new Registry();
  collectDefaultMetrics({ register });
  ofProcess = register.getMetricsAsArray().map(familyOf);
  return ofProcess;
}

/** A metric of the library says what it is in fields that its types do not have. */
function familyOf(metric: unknown): Family {
  const { name, help, type, labelNames, get } = metric as Metric &
    Pick<Family, "name" | "help" | "type" | "labelNames">;
  const read = async () => (await get.call(metric as never)).values as unknown as readonly Sample[];
  return { name, help, type, labelNames, read };
}
