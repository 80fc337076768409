/** Families of metrics, in both formats that scrapers read: OpenMetrics 1.0 and the older text. */
import { type Metric, type OpenMetricsContentType, type PrometheusContentType, Registry } from "prom-client";

export type Labels = Readonly<Record<string, string>>;

/** A call that fell into a bucket, by which to find one that is like the others there. */
export interface Exemplar {
  readonly labelSet: Labels;
  readonly value: number;
  /** Seconds since the epoch. */
  readonly timestamp: number;
}

export interface Sample {
  /** Default: the family's name. */
  readonly metricName?: string;
  readonly labels: Labels;
  readonly value: number;
  readonly exemplar?: Exemplar | undefined;
}

/** What a metric is, with the names of its labels. */
export interface About {
  readonly name: string;
  /** A sentence without a double quote, which the two formats write differently. */
  readonly help: string;
  readonly labelNames: readonly string[];
}

export interface Family extends About {
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  /** Is asked at each scrape. */
  read(): readonly Sample[] | Promise<readonly Sample[]>;
}

export interface Rendered {
  readonly contentType: string;
  readonly body: string;
}

/** @param format What the scraper accepts */
export async function render(families: readonly Family[], format: "openmetrics" | "text"): Promise<Rendered> {
  const isOpen = format === "openmetrics";
  const registry: Registry<OpenMetricsContentType | PrometheusContentType> = new Registry();
  if (isOpen) registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const family of families) {
    const { name, help, type } = family;
    // OpenMetrics has a counter's suffix in its samples only, and the library adds it there.
    const own = isOpen && type === "counter" ? name.replace(/_total$/, "") : name;
    const get = async () => ({ name: own, help, type, aggregator: "sum", values: await family.read() });
    // Of a metric the library needs no more than this to write it.
    registry.registerMetric({ name, type, get } as unknown as Metric);
  }
  return { contentType: registry.contentType, body: await registry.metrics() };
}

const openMetrics = "application/openmetrics-text";

/**
 * The format that an `Accept` header asks for: OpenMetrics for who prefers it to text, as
 * Prometheus does, and text for who says nothing of it.
 */
export function formatFor(accept: string | undefined): "openmetrics" | "text" {
  const wanted = new Map((accept ?? "").split(",").map(qualityOf));
  const open = wanted.get(openMetrics) ?? 0;
  return open > 0 && open >= (wanted.get("text/plain") ?? 0) ? "openmetrics" : "text";
}

/** A media range and how much it is wanted, from 0 to 1 (RFC 9110, 12.5.1). */
function qualityOf(range: string): readonly [string, number] {
  const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
  const parameter = (name: string) => parameters.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
  const version = parameter("version");
  // A later one may be written otherwise.
  if (type === openMetrics && version !== undefined && !["1.0.0", "0.0.1"].includes(version)) return [`${type}/?`, 0];
  return [type, Number(parameter("q") ?? 1) || 0];
}
