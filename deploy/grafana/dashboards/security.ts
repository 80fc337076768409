import type { DashboardPlan, RowPlan } from "../plan.ts";

const auditLog: RowPlan = {
  title: "The audit log",
  panels: [
    {
      title: "Chain behind by",
      description:
        "Age of the oldest entry that is not linked into its chain. Over a minute: the service's own database is slow, or " +
        "no replica reaches it; until it is linked, an entry can't be proven.",
      ...{ as: "figure", unit: "s", width: 6, limits: { fair: 10, bad: 60 } },
      queries: [{ expr: "max(connector_audit_lag_seconds)", legend: "behind" }],
    },
    {
      title: "Could not be written",
      description:
        "What they were to tell of was not done: actions are refused. Any: look at the service's own database and its log.",
      ...{ as: "figure", unit: "short", width: 6, limits: { fair: 1, bad: 10 } },
      queries: [{ expr: "sum(increase(connector_audit_failures_total[$__range]))", legend: "entries" }],
    },
    {
      title: "Outcomes not noted",
      description:
        "Actions that ended, and of which the store did not take what came of them: they stand as UNKNOWN. Compare with the " +
        "source, by the entries of the audit log.",
      ...{ as: "figure", unit: "short", width: 6, limits: { fair: 1, bad: 10 } },
      queries: [{ expr: "sum(increase(connector_outcomes_not_noted_total[$__range]))", legend: "actions" }],
    },
    {
      title: "History dropped",
      description:
        "Records of calls that ListQueries will never show, since the store was away. The audit log has its own.",
      ...{ as: "figure", unit: "short", width: 6, limits: { fair: 1, bad: 1_000 } },
      queries: [{ expr: "sum(increase(connector_history_dropped_total[$__range]))", legend: "records" }],
    },
    {
      title: "Entries",
      description:
        "By event. A burst of credential.open is sessions that are opened again and again; one of a change that nobody " +
        "planned is for the security people: ListAuditLogs says who.",
      ...{ as: "areas", unit: "ops", width: 12 },
      queries: [
        {
          expr: "sum by (event, outcome) (rate(connector_audit_entries_total[$__rate_interval]))",
          legend: "{{event}}: {{outcome}}",
        },
      ],
    },
    {
      title: "Backlog",
      description:
        "`link`: entries that wait for their place in the chain. `settle`: intents past their time without an outcome; a " +
        "replica died in the middle of actions, and a sweeper writes UNKNOWN for them.",
      ...{ as: "lines", unit: "short", width: 12 },
      queries: [{ expr: "max by (task) (connector_audit_backlog)", legend: "{{task}}" }],
    },
  ],
};

const refused: RowPlan = {
  title: "Who is refused",
  panels: [
    {
      title: "Denials",
      description:
        "Callers that ask for what they may not. Steady and of one method: a caller with too narrow a key. A climb over " +
        "many methods: somebody tries doors; ListAuditLogs has the principal and the address.",
      ...{ as: "lines", unit: "reqps", width: 8 },
      queries: [{ expr: "sum by (method) (rate(connector_denials_total[$__rate_interval]))", legend: "{{method}}" }],
    },
    {
      title: "Not known, or not allowed",
      description:
        "RPCs without good credentials, or beyond them. A jump after a rotation: a caller still has the old key. Without " +
        "one: somebody guesses; look at the load balancer's log for the address.",
      ...{ as: "lines", unit: "reqps", width: 8 },
      queries: [
        {
          expr: 'sum by (code) (rate(connector_rpcs_total{code=~"unauthenticated|permission_denied"}[$__rate_interval]))',
          legend: "{{code}}",
        },
      ],
    },
    {
      title: "Ways out refused",
      description:
        "Connectors that lead where the policy forbids. Some: a wrong host. Many, of one organization: somebody looks for a " +
        "way into our network; the log names the connector.",
      ...{ as: "lines", unit: "reqps", width: 8 },
      queries: [{ expr: "sum(rate(connector_egress_refusals_total[$__rate_interval]))", legend: "refused" }],
    },
  ],
};

const keys: RowPlan = {
  title: "Keys and tokens",
  panels: [
    {
      title: "Data keys",
      description:
        "`unknown`: something sealed can't be opened, since no holder has its key: bring the key back before anything else. " +
        "`failed`: the key service (Vault) is away.",
      ...{ as: "lines", unit: "ops", width: 12 },
      queries: [
        {
          expr: "sum by (operation, outcome) (rate(connector_key_operations_total[$__rate_interval]))",
          legend: "{{operation}}: {{outcome}}",
        },
      ],
    },
    {
      title: "Keys, by state",
      description:
        "One primary in each replica. More `decrypt-only` than a rotation needs: finish it (npm run keys -- rewrap, then " +
        "retire).",
      ...{ as: "lines", unit: "short", width: 6 },
      queries: [{ expr: "max by (state) (connector_keys)", legend: "{{state}}" }],
    },
    {
      title: "Age of the primary key",
      description:
        "Over your policy's age: npm run keys -- add, promote, rewrap, retire; the service goes on meanwhile.",
      ...{ as: "figure", unit: "s", width: 6, limits: { fair: 26_000_000, bad: 31_536_000 } },
      queries: [{ expr: "max(connector_key_primary_age_seconds)", legend: "age" }],
    },
    {
      title: "Authorizations that were taken back",
      description:
        "A customer, or their administrator, has ended the grant: they have to authorize the connector again.",
      ...{ as: "lines", unit: "ops", width: 24 },
      queries: [
        {
          expr: 'sum by (provider) (rate(connector_token_refreshes_total{outcome="rejected"}[$__rate_interval]))',
          legend: "{{provider}}",
        },
      ],
    },
  ],
};

export const security: DashboardPlan = {
  id: "security",
  title: "Security and audit",
  description: "Whether the audit log is whole and in time, who is refused, and how the keys are.",
  variables: [],
  rows: [auditLog, refused, keys],
};
