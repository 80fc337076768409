/** What dashboards show, told without Grafana: what draws them, checks them and asks their queries reads the same. */

export interface DashboardPlan {
  /** Part of its address in Grafana, and the name of its file. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  /** What a reader may choose, besides the data source. */
  readonly variables: readonly VariablePlan[];
  readonly rows: readonly RowPlan[];
}

export interface VariablePlan {
  readonly name: string;
  readonly label: string;
  /** Gives the values: Grafana's `label_values(metric, label)`. */
  readonly query: string;
  /** Whether several, and all at once, may be chosen; all of them is where a reader begins. */
  readonly several: boolean;
}

export interface RowPlan {
  readonly title: string;
  readonly panels: readonly PanelPlan[];
}

export interface PanelPlan {
  readonly title: string;
  /** What it shows, and what to do when it looks bad. */
  readonly description: string;
  readonly as: "figure" | "lines" | "areas";
  /** Grafana's name of it: `s`, `percentunit`, `reqps`, `bytes`, `Bps`, `short`. */
  readonly unit: string;
  /** Of the 24 columns of a dashboard. */
  readonly width: number;
  readonly queries: readonly Query[];
  /** From where on it is worth a look, and from where on it is bad: below them when `bad` is the lesser one. */
  readonly limits?: { readonly fair: number; readonly bad: number };
}

export interface Query {
  /** May hold Grafana's `$__rate_interval` and `$__range`, and the dashboard's variables. */
  readonly expr: string;
  /** The name of each line, with labels as `{{label}}`. */
  readonly legend: string;
  /** Whether points of it lead to traces: it is of a histogram. */
  readonly exemplars?: true;
}

/** The provider that a reader chose, in a selector. */
export const ofProvider = 'provider=~"$provider"';

export const providers: VariablePlan = {
  name: "provider",
  label: "Provider",
  query: "label_values(connector_calls_total, provider)",
  several: true,
};
