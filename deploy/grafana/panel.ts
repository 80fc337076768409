/** Makes Grafana's panels of what is planned. */
import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import * as common from "@grafana/grafana-foundation-sdk/common";
import {
  type Panel,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as Stat } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeSeries } from "@grafana/grafana-foundation-sdk/timeseries";
import type { PanelPlan, Query } from "./plan.ts";

/** The data source that the reader chose. */
export const source = { type: "prometheus", uid: "$datasource" };

/** Units of a dashboard's grid. */
const heights = { figure: 4, lines: 8, areas: 8 } as const;

/** @param id counts from 1 within a dashboard, so that links to a panel stay good */
export function panelOf(plan: PanelPlan, id: number): Builder<Panel> {
  const { title, description, unit, width, as } = plan;
  const builder = bare(plan)
    .id(id)
    .title(title)
    .description(description)
    .datasource(source)
    .unit(unit)
    .span(width)
    .height(heights[as])
    .thresholds(thresholdsOf(plan));
  for (const [index, query] of plan.queries.entries()) builder.withTarget(targetOf(query, index));
  return builder;
}

function bare({ as, limits }: PanelPlan): Stat | TimeSeries {
  if (as !== "figure") return lines(as === "areas", limits !== undefined);
  return new Stat()
    .graphMode(common.BigValueGraphMode.Area)
    .colorMode(limits === undefined ? common.BigValueColorMode.None : common.BigValueColorMode.Background)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]).values(false));
}

function lines(stacked: boolean, limited: boolean): TimeSeries {
  const panel = new TimeSeries()
    .min(0)
    .lineWidth(1)
    .fillOpacity(stacked ? 40 : 8)
    .showPoints(common.VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.Table)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(["lastNotNull", "max"]),
    )
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    );
  if (stacked) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
  if (limited) {
    const dashed = common.GraphThresholdsStyleMode.Dashed;
    panel.thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(dashed));
  }
  return panel;
}

/** Colours from the least value up. */
function thresholdsOf({ limits }: PanelPlan): ThresholdsConfigBuilder {
  const builder = new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute);
  return builder.steps(limits === undefined ? [{ value: null, color: "green" }] : stepsOf(limits));
}

function stepsOf({ fair, bad }: NonNullable<PanelPlan["limits"]>): Threshold[] {
  const [first, second, third] = bad < fair ? ["red", "orange", "green"] : ["green", "orange", "red"];
  return [
    { value: null, color: first as string },
    { value: Math.min(fair, bad), color: second as string },
    { value: Math.max(fair, bad), color: third as string },
  ];
}

function targetOf({ expr, legend, exemplars }: Query, index: number): DataqueryBuilder {
  const query = new DataqueryBuilder()
    .refId(String.fromCharCode("A".charCodeAt(0) + index))
    .datasource(source)
    .expr(expr)
    .legendFormat(legend);
  return exemplars ? query.range().exemplar(true) : query.range();
}
