import type { DashboardPlan, Query } from "../plan.ts";

const its = 'connector="$connector"';

const quantiles: readonly Query[] = [0.5, 0.95, 0.99].map((quantile) => ({
  expr: `histogram_quantile(${quantile}, sum by (le) (rate(connector_top_call_duration_seconds_bucket{${its}}[$__rate_interval])))`,
  legend: `p${quantile * 100}`,
  exemplars: true,
}));

export const connector: DashboardPlan = {
  id: "connector",
  title: "Connector",
  description:
    "One of the connectors with the most calls, by its id (GetConnector names it): how it fares and where its time goes.",
  variables: [
    {
      name: "connector",
      label: "Connector",
      query: "label_values(connector_top_calls_total, connector)",
      several: false,
    },
  ],
  rows: [
    {
      title: "How it fares",
      panels: [
        {
          title: "Calls that succeed",
          description:
            "Of its calls, the part that ended well. Low: see How its calls end for the reason, and TestConnector for what " +
            "its source says of itself.",
          ...{ as: "figure", unit: "percentunit", width: 6, limits: { fair: 0.99, bad: 0.9 } },
          queries: [
            {
              expr: `(sum(rate(connector_top_calls_total{${its}, reason="none"}[$__rate_interval])) or vector(0)) / sum(rate(connector_top_calls_total{${its}}[$__rate_interval]))`,
              legend: "succeed",
            },
          ],
        },
        {
          title: "Breaker",
          description:
            "0 closed, 1 half open, 2 open, of the replica that has it worst. Open: its source fails; TestConnector goes " +
            "around the breaker and says why.",
          ...{ as: "figure", unit: "short", width: 6, limits: { fair: 1, bad: 2 } },
          queries: [{ expr: `max(connector_top_breaker_state{${its}})`, legend: "breaker" }],
        },
        {
          title: "Quota left",
          description:
            "Of what the source allows, the quota that is nearest to its end. Low: give the connector a lower " +
            "policy.calls_per_second, let queries accept kept answers (max_age), or ask the vendor for more.",
          ...{ as: "figure", unit: "percentunit", width: 6, limits: { fair: 0.25, bad: 0.1 } },
          queries: [{ expr: `min(connector_top_quota_left_ratio{${its}})`, legend: "left" }],
        },
        {
          title: "Quota used up in",
          description:
            "At the rate of late; nothing when it lasts until it is renewed. Soon: as for Quota left, today.",
          ...{ as: "figure", unit: "s", width: 6, limits: { fair: 3_600, bad: 900 } },
          queries: [{ expr: `min(connector_top_quota_exhaustion_seconds{${its}})`, legend: "in" }],
        },
        {
          title: "How its calls end",
          description:
            "`none` is well. `upstream_*` and `credential_rejected` are for the connector's owner, `rate_limited` and " +
            "`bulkhead_full` for its policy, `deadline_exceeded` for its queries (ExplainQuery) or its source's load.",
          ...{ as: "areas", unit: "reqps", width: 12 },
          queries: [
            {
              expr: `sum by (reason) (rate(connector_top_calls_total{${its}}[$__rate_interval]))`,
              legend: "{{reason}}",
            },
          ],
        },
        {
          title: "Duration",
          description: "Of its calls, streams too. When it grows, the panel below says which part does.",
          ...{ as: "lines", unit: "s", width: 12 },
          queries: quantiles,
        },
      ],
    },
    {
      title: "Where its time goes",
      panels: [
        {
          title: "Time of a call, by part",
          description:
            "Seconds of a mean call. `bulkhead`: more calls at once than policy.max_concurrency. `pool`: no connection is " +
            "free. `rate_limit`: policy.calls_per_second. `backoff`: attempts fail. `connect`: far away, or TLS. `source`: " +
            "its queries. `transfer`: much data, or a slow reader.",
          ...{ as: "areas", unit: "s", width: 12 },
          queries: [
            {
              expr: `sum by (part) (rate(connector_top_call_part_seconds_total{${its}}[$__rate_interval])) / on () group_left () sum(rate(connector_top_calls_total{${its}}[$__rate_interval]))`,
              legend: "{{part}}",
            },
          ],
        },
        {
          title: "Attempts",
          description:
            "How often its source was asked, by what came of it. More attempts than calls: it fails and is asked again.",
          ...{ as: "areas", unit: "reqps", width: 12 },
          queries: [
            {
              expr: `sum by (reason) (rate(connector_top_attempts_total{${its}}[$__rate_interval]))`,
              legend: "{{reason}}",
            },
          ],
        },
        {
          title: "Rows",
          description: "Read or changed. A wall where it was a hill: a query lost its filter; ListQueries has it.",
          ...{ as: "lines", unit: "rowsps", width: 8 },
          queries: [{ expr: `sum(rate(connector_top_rows_total{${its}}[$__rate_interval]))`, legend: "rows" }],
        },
        {
          title: "Bytes",
          description: "Of these rows. Many bytes of few rows: ask for fewer fields.",
          ...{ as: "lines", unit: "Bps", width: 8 },
          queries: [{ expr: `sum(rate(connector_top_bytes_total{${its}}[$__rate_interval]))`, legend: "bytes" }],
        },
        {
          title: "Its part of all calls",
          description:
            "Near 1 it crowds out others of its organization, up to MAX_CALLS_PER_ORGANIZATION: give it a policy.",
          ...{ as: "lines", unit: "percentunit", width: 8 },
          queries: [
            {
              expr: `sum(rate(connector_top_calls_total{${its}}[$__rate_interval])) / sum(rate(connector_top_calls_total[$__rate_interval]))`,
              legend: "part",
            },
          ],
        },
      ],
    },
  ],
};
