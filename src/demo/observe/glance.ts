/** What a look at the overview shows, as lines of a terminal; the queries are shown with it. */
import { time } from "../figures.ts";
import type { Terminal } from "../terminal.ts";
import type { Prometheus, Sample } from "./prometheus.ts";

interface Look {
  readonly title: string;
  readonly expr: string;
  readonly shown: (value: number) => string;
}

const perSecond = (value: number) => `${value.toFixed(1)}/s`;
const part = (value: number) => `${(100 * value).toFixed(1)} %`;

export const looks: readonly Look[] = [
  { title: "RPCs", expr: "sum(rate(connector_rpcs_total[30s]))", shown: perSecond },
  {
    title: "slowest of a hundred",
    expr: 'histogram_quantile(0.99, sum by (le) (rate(connector_rpc_duration_seconds_bucket{method!="StreamQuery"}[30s])))',
    shown: (seconds) => time(1_000 * seconds),
  },
  { title: "rows of streams", expr: 'sum(rate(connector_rows_total{method="StreamQuery"}[30s]))', shown: perSecond },
  {
    title: "failed, by reason",
    expr: 'topk(4, sum by (reason) (rate(connector_calls_total{reason!="none"}[30s])))',
    shown: perSecond,
  },
  { title: "breakers", expr: "sum by (state) (connector_breakers)", shown: String },
  { title: "quota left", expr: "min by (provider) (connector_quota_left_ratio)", shown: part },
  { title: "95 % wait less than", expr: waits(), shown: (seconds) => time(1_000 * seconds) },
];

function waits(): string {
  return "histogram_quantile(0.95, sum by (le, queue) (rate(connector_call_queue_seconds_bucket[30s])))";
}

export async function glance({ instant }: Pick<Prometheus, "instant">, terminal: Terminal): Promise<void> {
  const found = await Promise.all(looks.map(async (look) => ({ look, samples: await instant(look.expr) })));
  terminal.table(
    [{ title: "" }, { title: new Date().toLocaleTimeString("en-GB") }],
    found.map(({ look, samples }) => [look.title, samples.map((sample) => shownAs(sample, look)).join("   ") || "–"]),
  );
}

function shownAs({ labels, value }: Sample, { shown }: Look): string {
  const { __name__: _, ...others } = labels;
  const label = Object.values(others).join(" ");
  return `${label} ${Number.isNaN(value) ? "–" : shown(value)}`.trim();
}
