/** Draws a panel of a dashboard from what its queries have given, much as Grafana would. */
import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import type { Series } from "../../src/demo/observe/prometheus.ts";
import type { PanelPlan, Query } from "./plan.ts";

/** What a panel's query has given. */
export interface Answer {
  readonly query: Query;
  readonly series: readonly Series[];
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

const font = "DejaVu Sans, Helvetica, Arial, sans-serif";
const ink = "#24292f";
const quiet = "#6e7781";
const colours = { good: "#1a7f37", fair: "#bc4c00", bad: "#cf222e" };

/** Formats of d3 by Grafana's units. */
const formats: Readonly<Record<string, string>> = { percentunit: ".0%", s: "~s", bytes: "~s", Bps: "~s" };
const suffixes: Readonly<Record<string, string>> = {
  s: "s",
  reqps: "/s",
  ops: "/s",
  rowsps: "/s",
  Bps: "B/s",
  bytes: "B",
};

/** @returns an `svg` of this size */
export async function drawn(panel: PanelPlan, answers: readonly Answer[], size: Size): Promise<string> {
  return panel.as === "figure" ? figure(panel, answers, size) : lines(panel, answers, size);
}

/** `{{connector}} ({{provider}})` with a series' labels. */
function nameOf({ legend }: Query, { labels }: Series): string {
  // An id says more by its beginning than by all of it.
  return legend.replace(/\{\{(\w+)\}\}/g, (_, label: string) =>
    (labels[label] ?? "").replace(/^(\w{8})-[\w-]{27}$/, "$1…"),
  );
}

async function lines(panel: PanelPlan, answers: readonly Answer[], { width, height }: Size): Promise<string> {
  const values = answers.flatMap(({ query, series }) =>
    series.flatMap((each) => {
      const name = nameOf(query, each);
      return each.points
        .filter(([, value]) => Number.isFinite(value))
        .map(([time, value]) => ({ time: time * 1_000, value: Number(value.toPrecision(4)), name }));
    }),
  );
  if (values.length === 0) return words(["nothing, as long as all is well"], { width, height });
  const stacked = panel.as === "areas";
  const spec: TopLevelSpec = {
    ...{ width: width - 74, height: height - 78, padding: 5, background: "transparent", data: { values } },
    mark: stacked ? { type: "area", opacity: 0.75 } : { type: "line", strokeWidth: 1.6 },
    encoding: {
      x: { field: "time", type: "temporal", axis: { title: null, format: "%H:%M:%S", tickCount: 4, grid: false } },
      y: {
        ...{ field: "value", type: "quantitative", stack: stacked ? "zero" : null },
        axis: { title: null, tickCount: 4, labelExpr: labelOf(panel.unit) },
      },
      color: {
        ...{ field: "name", type: "nominal", scale: { scheme: "tableau10" } },
        legend: {
          title: null,
          orient: "bottom",
          columns: width > 500 ? 3 : 2,
          labelLimit: width > 500 ? 200 : 175,
          symbolType: "square",
        },
      },
    },
    config: {
      ...{ font, view: { stroke: null } },
      axis: { labelColor: quiet, gridColor: "#eaeef2", domainColor: "#d0d7de", tickColor: "#d0d7de" },
      legend: { labelColor: ink, symbolSize: 60 },
    },
  };
  return new View(parse(compile(spec).spec), { renderer: "none" }).toSVG();
}

/** Vega's expression of a label of the axis. */
function labelOf(unit: string): string {
  return `format(datum.value, '${formats[unit] ?? "~s"}') + '${suffixes[unit] ?? ""}'`;
}

function figure(panel: PanelPlan, answers: readonly Answer[], size: Size): string {
  const shown = answers.flatMap(({ query, series }) =>
    series.map((each) => ({ name: nameOf(query, each), value: each.points.at(-1)?.[1] ?? Number.NaN })),
  );
  if (shown.length === 0) return words(["–"], size);
  const cell = size.width / shown.length;
  const texts = shown.map(({ name, value }, i) => {
    const middle = cell * (i + 0.5);
    const number = `<text x="${middle}" y="${size.height / 2 + 8}" font-size="26" fill="${colourOf(panel, value)}" text-anchor="middle">${written(value, panel.unit)}</text>`;
    if (shown.length === 1) return number;
    return `${number}<text x="${middle}" y="${size.height - 8}" font-size="11" fill="${quiet}" text-anchor="middle">${escaped(name)}</text>`;
  });
  return svg(size, texts.join(""));
}

function colourOf({ limits }: PanelPlan, value: number): string {
  if (limits === undefined) return ink;
  const { fair, bad } = limits;
  const reaches = (limit: number) => (bad < fair ? value < limit : value >= limit);
  if (reaches(bad)) return colours.bad;
  return reaches(fair) ? colours.fair : colours.good;
}

function written(value: number, unit: string): string {
  if (Number.isNaN(value)) return "–";
  if (unit === "percentunit") return `${Number((100 * value).toPrecision(4))} %`;
  if (unit === "s" && value < 1) return `${Number((1_000 * value).toPrecision(3))} ms`;
  return `${Number(value.toPrecision(3))}${suffixes[unit] === undefined ? "" : ` ${suffixes[unit]}`}`;
}

function words([text = ""]: readonly string[], size: Size): string {
  return svg(size, `<text x="16" y="${size.height / 2}" font-size="13" fill="${quiet}">${escaped(text)}</text>`);
}

export function svg({ width, height }: Size, content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${font}">${content}</svg>`;
}

export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
