import { type DashboardPlan, ofProvider, providers, type RowPlan } from "../plan.ts";

const sources: RowPlan = {
  title: "Sources that fail",
  panels: [
    {
      title: "Breakers not closed",
      description:
        "Connectors whose source is left alone (`open`) or tried out (`half_open`), over all replicas. One or two: tell " +
        "their owners. Many at once: our way out (egress, DNS, region), not the sources.",
      ...{ as: "lines", unit: "short", width: 8 },
      queries: [{ expr: "sum by (state) (connector_breakers)", legend: "{{state}}" }],
    },
    {
      title: "Changes of breakers",
      description:
        "By the failure that opened them; `closed` is a source that came back. Open and closed in turn: a source that " +
        "holds out for a few calls only; lower its policy.max_concurrency.",
      ...{ as: "lines", unit: "reqps", width: 8 },
      queries: [
        {
          expr: `sum by (to, reason) (rate(connector_breaker_changes_total{${ofProvider}}[$__rate_interval]))`,
          legend: "{{to}}: {{reason}}",
        },
      ],
    },
    {
      title: "Which connectors",
      description:
        "2 is open, 1 half open, of those with the most calls. Open one in the dashboard Connector; TestConnector goes " +
        "around its breaker and says what is wrong.",
      ...{ as: "lines", unit: "short", width: 8 },
      queries: [
        {
          expr: `max by (connector, provider) (connector_top_breaker_state{${ofProvider}}) > 0`,
          legend: "{{connector}} ({{provider}})",
        },
      ],
    },
    {
      title: "Attempts that fail, of all",
      description:
        "By provider. A provider whose every connector fails has changed, or its driver has; otherwise it is single " +
        "sources: see which.",
      ...{ as: "lines", unit: "percentunit", width: 8, limits: { fair: 0.1, bad: 0.5 } },
      queries: [
        { expr: `max by (provider) (connector:attempt_failures:ratio_rate5m{${ofProvider}})`, legend: "{{provider}}" },
      ],
    },
    {
      title: "Attempts, by their number",
      description: "Second and third ones are load that retries put on sources that are in trouble already.",
      ...{ as: "areas", unit: "reqps", width: 8 },
      queries: [
        {
          expr: `sum by (attempt) (rate(connector_attempts_total{${ofProvider}}[$__rate_interval]))`,
          legend: "attempt {{attempt}}",
        },
      ],
    },
    {
      title: "What becomes of failed attempts",
      description:
        "`budget_used` and `attempts_used`: the source is down for good, and retries rightly stop. `past_deadline`: callers " +
        "give too little time for a second attempt.",
      ...{ as: "areas", unit: "reqps", width: 8 },
      queries: [
        { expr: "sum by (decision) (rate(connector_retries_total[$__rate_interval]))", legend: "{{decision}}" },
      ],
    },
  ],
};

const limits: RowPlan = {
  title: "Limits and permits",
  panels: [
    {
      title: "Waits",
      description:
        "The 95th percentile of calls that wait at all. `bulkhead`: permits; `pool`: connections; `rate_limit`: a pause the " +
        "source asked for; `backoff`: between attempts. Long `pool` with free permits: MAX_CONNECTIONS_PER_HOST is too low.",
      ...{ as: "lines", unit: "s", width: 8 },
      queries: [
        {
          expr: "histogram_quantile(0.95, sum by (le, queue) (rate(connector_call_queue_seconds_bucket[$__rate_interval])))",
          legend: "{{queue}}",
        },
      ],
    },
    {
      title: "Over a rate limit",
      description:
        "`connector` and `organization` are ours, `source` is theirs. `enforced=false` was only counted. Steady: the caller " +
        "has to slow down, or the limit is wrong.",
      ...{ as: "areas", unit: "reqps", width: 8 },
      queries: [
        {
          expr: "sum by (limit, enforced) (rate(connector_rate_limited_total[$__rate_interval]))",
          legend: "{{limit}}, enforced: {{enforced}}",
        },
      ],
    },
    {
      title: "No room in the bulkhead",
      description:
        "`connector`: its source is slower than its load. `organization`: one customer's load. `service`: this replica is " +
        "full; add replicas.",
      ...{ as: "areas", unit: "reqps", width: 8 },
      queries: [
        { expr: "sum by (limit) (rate(connector_bulkhead_full_total[$__rate_interval]))", legend: "{{limit}}" },
      ],
    },
    {
      title: "Calls in the bulkhead",
      description:
        "Running ones against the permits of all replicas. Waiting ones while permits are free: single connectors at their " +
        "policy.max_concurrency.",
      ...{ as: "lines", unit: "short", width: 12 },
      queries: [
        { expr: "sum by (state) (connector_bulkhead_calls)", legend: "{{state}}" },
        { expr: "sum(connector_bulkhead_permits)", legend: "permits" },
      ],
    },
    {
      title: "Refused unread",
      description:
        "Calls of organizations with more than their share while the event loop was late. Any: one caller is too loud, or " +
        "the replicas are too few.",
      ...{ as: "lines", unit: "reqps", width: 12 },
      queries: [{ expr: "sum(rate(connector_over_share_total[$__rate_interval]))", legend: "refused" }],
    },
  ],
};

const pools: RowPlan = {
  title: "Connections and sessions",
  panels: [
    {
      title: "Connections",
      description:
        "Used and idle ones against MAX_CONNECTIONS of all replicas. All used: calls wait (pool); idle ones are closed for " +
        "whoever needs the room.",
      ...{ as: "lines", unit: "short", width: 8 },
      queries: [
        { expr: "sum by (state) (connector_pool_connections)", legend: "{{state}}" },
        { expr: "sum(connector_pool_connections_max)", legend: "most" },
      ],
    },
    {
      title: "Wait for room",
      description:
        "Connections that can't be opened yet, in each replica. Not zero for minutes: raise MAX_CONNECTIONS or " +
        "MAX_CONNECTIONS_PER_HOST where the source can take it, or add replicas.",
      ...{ as: "lines", unit: "short", width: 8, limits: { fair: 1, bad: 10 } },
      queries: [{ expr: "connector_pool_waiting", legend: "{{instance}}" }],
    },
    {
      title: "Opened",
      description:
        "Connections and sessions each second. Many: connections don't last; the source closes them early, or each call " +
        "fails and takes its connection along.",
      ...{ as: "lines", unit: "ops", width: 8 },
      queries: [
        { expr: "sum(rate(connector_pool_connections_opened_total[$__rate_interval]))", legend: "connections" },
        {
          expr: `sum by (reason) (rate(connector_sessions_opened_total{${ofProvider}}[$__rate_interval]))`,
          legend: "sessions: {{reason}}",
        },
      ],
    },
  ],
};

const vendors: RowPlan = {
  title: "Quotas and tokens",
  panels: [
    {
      title: "Quota left",
      description:
        "Of the connector that is nearest to its end. Below a tenth: lower its policy.calls_per_second, accept kept answers " +
        "(max_age), or ask the vendor for more; the dashboard Connector says which one it is.",
      ...{ as: "lines", unit: "percentunit", width: 8, limits: { fair: 0.25, bad: 0.1 } },
      queries: [{ expr: `min by (provider) (connector_quota_left_ratio{${ofProvider}})`, legend: "{{provider}}" }],
    },
    {
      title: "Quota used up in",
      description:
        "At the rate of late; nothing while all quotas last until they are renewed. Less than an hour: act now.",
      ...{ as: "lines", unit: "s", width: 8 },
      queries: [
        { expr: `min by (provider) (connector_quota_exhaustion_seconds{${ofProvider}})`, legend: "{{provider}}" },
      ],
    },
    {
      title: "Refreshes of tokens",
      description:
        "`failed`: the authorization server is away. `rejected`: a customer has to authorize the connector again. " +
        "`lost_race` is well: another replica was first.",
      ...{ as: "areas", unit: "ops", width: 8 },
      queries: [
        {
          expr: `sum by (provider, outcome) (rate(connector_token_refreshes_total{${ofProvider}}[$__rate_interval]))`,
          legend: "{{provider}}: {{outcome}}",
        },
      ],
    },
  ],
};

export const resilience: DashboardPlan = {
  id: "resilience",
  title: "Resilience",
  description: "What stands between a sick source and everybody else: breakers, retries, limits, pools.",
  variables: [providers],
  rows: [sources, limits, pools, vendors],
};
