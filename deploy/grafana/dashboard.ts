/** Makes Grafana's dashboards of what is planned, as its files hold them. */
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { panelOf, source } from "./panel.ts";
import type { DashboardPlan, VariablePlan } from "./plan.ts";

/** Dashboards with it are linked to each other. */
const tag = "connector-service";

export function dashboardOf({ id, title, description, variables, rows }: DashboardPlan): Dashboard {
  const builder = new DashboardBuilder(`Connectors / ${title}`)
    .uid(`connector-${id}`)
    .description(description)
    .tags([tag])
    .timezone("browser")
    .time({ from: "now-1h", to: "now" })
    .refresh("30s")
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"))
    .link(
      new DashboardLinkBuilder("Connectors")
        .type(DashboardLinkType.Dashboards)
        .tags([tag])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    );
  for (const variable of variables) builder.withVariable(variableOf(variable));
  let panels = 0;
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title).id(++panels));
    for (const panel of row.panels) builder.withPanel(panelOf(panel, ++panels));
  }
  return withoutIntervals(builder.build());
}

function variableOf({ name, label, query, several }: VariablePlan): QueryVariableBuilder {
  const builder = new QueryVariableBuilder(name)
    .label(label)
    .datasource(source)
    .query({ query, refId: name })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(several)
    .includeAll(several);
  return several ? builder.allValue(".*").current({ text: "All", value: "$__all" }) : builder;
}

/** The library gives every variable what only those of intervals have. */
function withoutIntervals(dashboard: Dashboard): Dashboard {
  const list = dashboard.templating?.list?.map(({ auto: _, auto_min: __, auto_count: ___, ...variable }) => variable);
  return { ...dashboard, templating: { list: list as VariableModel[] } };
}
