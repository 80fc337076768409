import { type DashboardPlan, ofProvider, providers } from "../plan.ts";

const firstLook: DashboardPlan["rows"][number] = {
  title: "Is something wrong, for whom, and is it us, the network or the customer's system?",
  panels: [
    {
      title: "Available",
      description:
        "RPCs that were not lost by a fault of ours, over five minutes. Below the objective of 99.9 %: look at the " +
        "failures by reason; `internal` is in the log with a stack, `service_unavailable` is the service's own database.",
      ...{ as: "figure", unit: "percentunit", width: 4, limits: { fair: 0.999, bad: 0.99 } },
      queries: [{ expr: 'min(1 - connector:sli_error:ratio_rate5m{slo="availability"})', legend: "available" }],
    },
    {
      title: "Error budget burn, three days",
      description:
        "How fast it was used in the last three days: at 100 % the budget of thirty days lasts for thirty, at 300 % for " +
        "ten. What is used up fast is paged for; what leaks away is a ticket. Above 75 %: stop risky changes and find " +
        "which release or which dependency began it.",
      ...{ as: "figure", unit: "percentunit", width: 4, limits: { fair: 0.75, bad: 1 } },
      queries: [
        {
          expr: "max by (slo) (connector:sli_error:ratio_rate3d / on (slo) group_left () connector:slo_error_budget:ratio)",
          legend: "{{slo}}",
        },
      ],
    },
    {
      title: "RPCs",
      description:
        "Answered each second, whatever came of them. A drop to nothing is the way in: the load balancer, TLS, or callers " +
        "who gave up; a jump is one caller more often than all: see who by ListQueries.",
      ...{ as: "figure", unit: "reqps", width: 4 },
      queries: [{ expr: "sum(rate(connector_rpcs_total[$__rate_interval]))", legend: "RPCs" }],
    },
    {
      title: "Slowest of a hundred",
      description:
        "The 99th percentile of RPCs but streams. When it grows, Where the time of calls goes says whether they wait for " +
        "us (queues) or for sources.",
      ...{ as: "figure", unit: "s", width: 4, limits: { fair: 2, bad: 10 } },
      queries: [
        {
          expr: 'histogram_quantile(0.99, sum by (le) (rate(connector_rpc_duration_seconds_bucket{method!="StreamQuery"}[$__rate_interval])))',
          legend: "p99",
        },
      ],
    },
    {
      title: "Breakers not closed",
      description:
        "Connectors whose source failed so often that it is left alone. One or two are customers' systems; many at once " +
        "are our way out: egress, DNS, a cloud region. The dashboard Resilience has more.",
      ...{ as: "figure", unit: "short", width: 4, limits: { fair: 1, bad: 10 } },
      queries: [{ expr: "sum(connector_breakers)", legend: "not closed" }],
    },
    {
      title: "Alerts that fire",
      description: "Each leads to its section of the runbook. Begin with those that page.",
      ...{ as: "figure", unit: "short", width: 4, limits: { fair: 1, bad: 3 } },
      queries: [
        {
          expr: 'count(ALERTS{alertname=~"Connector.+", alertstate="firing"}) or vector(0)',
          legend: "firing",
        },
      ],
    },
    {
      title: "Failed calls, by whose side it is on",
      description:
        "`us`: a fault, or our own database: look at the log. `network`: not reached, or lost on the way: look at egress " +
        "and DNS. `source`: the customer's system refused, failed or was too slow: tell its owner. `limit`: a limit of ours " +
        "or of theirs held: see Resilience. `caller`: the request was wrong: see who by ListQueries.",
      ...{ as: "areas", unit: "reqps", width: 12 },
      queries: [{ expr: `sum by (side) (connector:call_failures:rate5m{${ofProvider}})`, legend: "{{side}}" }],
    },
    {
      title: "Connectors with the most failed calls",
      description:
        "Of those with the most calls; `other` is the rest. One line is one customer's: open it in the dashboard " +
        "Connector. Many alike are ours or a provider's: compare with the panel to the left.",
      ...{ as: "lines", unit: "reqps", width: 12 },
      queries: [
        {
          expr: `topk(10, sum by (connector, provider) (rate(connector_top_calls_total{${ofProvider}, reason!="none"}[$__rate_interval])))`,
          legend: "{{connector}} ({{provider}})",
        },
      ],
    },
  ],
};

const goldenSignals: DashboardPlan["rows"][number] = {
  title: "Golden signals",
  panels: [
    {
      title: "Traffic",
      description: "RPCs by method. A method that has gone missing has lost its callers, or is refused: see Errors.",
      ...{ as: "areas", unit: "reqps", width: 8 },
      queries: [{ expr: "sum by (method) (rate(connector_rpcs_total[$__rate_interval]))", legend: "{{method}}" }],
    },
    {
      title: "Errors",
      description:
        "RPCs that failed, by their code and reason. `unavailable` and `internal` are worth a look at once; " +
        "`invalid_argument`, `not_found` and `unauthenticated` are the callers'.",
      ...{ as: "lines", unit: "reqps", width: 8 },
      queries: [
        {
          expr: 'sum by (code, reason) (rate(connector_rpcs_total{code!="ok"}[$__rate_interval]))',
          legend: "{{code}}: {{reason}}",
        },
      ],
    },
    {
      title: "Duration",
      description:
        "Of RPCs but streams; the diamonds are calls that were traced. When only p99 grows it is some connectors; when " +
        "p50 does it is all: see the event loop (Runtime) and the service's own database.",
      ...{ as: "lines", unit: "s", width: 8 },
      queries: [0.5, 0.95, 0.99].map((quantile) => ({
        expr: `histogram_quantile(${quantile}, sum by (le) (rate(connector_rpc_duration_seconds_bucket{method!="StreamQuery"}[$__rate_interval])))`,
        legend: `p${quantile * 100}`,
        exemplars: true,
      })),
    },
    {
      title: "Saturation",
      description:
        "How full each limit of the fullest replica is. At 1 calls wait, then they are refused. Add replicas; raise " +
        "MAX_CALLS or MAX_CONNECTIONS only when memory and the sources allow it.",
      ...{ as: "lines", unit: "percentunit", width: 8, limits: { fair: 0.8, bad: 0.95 } },
      queries: [
        {
          expr: 'max(connector_bulkhead_calls{state="running"} / on (job, instance) connector_bulkhead_permits)',
          legend: "calls",
        },
        {
          expr: "max(sum by (job, instance) (connector_pool_connections) / on (job, instance) connector_pool_connections_max)",
          legend: "connections",
        },
        {
          expr: "max(rate(process_cpu_seconds_total[$__rate_interval]) * on (job, instance) group_left () connector_build_info)",
          legend: "one core",
        },
      ],
    },
    {
      title: "Calls, by provider",
      description: "Over calls to connectors. One that falls while others don't is that provider's, or its callers'.",
      ...{ as: "areas", unit: "reqps", width: 8 },
      queries: [
        {
          expr: `sum by (provider) (rate(connector_calls_total{${ofProvider}}[$__rate_interval]))`,
          legend: "{{provider}}",
        },
      ],
    },
    {
      title: "Where the time of calls goes",
      description:
        "Seconds each second, of all calls together. `rate_limit`, `bulkhead`, `pool` and `backoff` are waits: a limit is " +
        "too low or a source too slow for its load. `connect`, `source` and `transfer` are the source's own.",
      ...{ as: "areas", unit: "s", width: 8 },
      queries: [
        {
          expr: "sum by (queue) (rate(connector_call_queue_seconds_sum[$__rate_interval]))",
          legend: "waits: {{queue}}",
        },
        {
          expr: `sum by (part) (rate(connector_call_running_seconds_sum{${ofProvider}}[$__rate_interval]))`,
          legend: "{{part}}",
        },
      ],
    },
  ],
};

export const overview: DashboardPlan = {
  id: "overview",
  title: "Overview",
  description: "What is wrong, for whom, and on whose side: the first page to open.",
  variables: [providers],
  rows: [firstLook, goldenSignals],
};
