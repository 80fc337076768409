/** What a dashboard's file may hold, put together of Grafana's own types; a JSON Schema is made of it. */
import type { Dataquery } from "@grafana/grafana-foundation-sdk/prometheus";
import type { Dashboard, Panel, RowPanel } from "@grafana/schema";
import type * as Stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as TimeSeries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

type FieldConfig = NonNullable<Panel["fieldConfig"]>;

/** Grafana's own type of a panel says nothing of what is the panel's own. */
interface PanelOf<Type extends string, Options, Custom>
  extends Omit<Panel, "type" | "options" | "fieldConfig" | "targets" | "description"> {
  type: Type;
  description: string;
  options: Options;
  fieldConfig: Omit<FieldConfig, "defaults"> & {
    defaults: Omit<FieldConfig["defaults"], "custom"> & { custom?: Partial<Custom> };
  };
  targets: Omit<Dataquery, "_implementsDataqueryVariant">[];
}

type AnyPanel =
  | RowPanel
  | PanelOf<"timeseries", TimeSeries.Options, TimeSeries.FieldConfig>
  | PanelOf<"stat", Stat.Options, Record<string, never>>;

export type DashboardFile = Omit<Dashboard, "panels"> & { panels: AnyPanel[] };
