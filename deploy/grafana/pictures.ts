/**
 * `node deploy/grafana/pictures.ts [SECONDS]`: runs the demo's traffic with a Prometheus for so
 * long (default 180), and draws what the dashboards Overview and Resilience ask it, as SVG.
 */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createAtlas } from "../../src/demo/atlas.ts";
import { startApi } from "../../src/demo/observe/api.ts";
import { deployedRules, moods } from "../../src/demo/observe/observe.ts";
import { findProgram } from "../../src/demo/observe/program.ts";
import { type Prometheus, startPrometheus } from "../../src/demo/observe/prometheus.ts";
import { startTraffic } from "../../src/demo/observe/traffic.ts";
import { scratchDirectory } from "../../src/demo/scratch.ts";
import { startDemoService } from "../../src/demo/service.ts";
import { type Answer, drawn, escaped, svg } from "./chart.ts";
import { overview } from "./dashboards/overview.ts";
import { resilience } from "./dashboards/resilience.ts";
import type { DashboardPlan, PanelPlan } from "./plan.ts";

const columnWidth = 60;
const headingHeight = 34;
const heights = { figure: 104, lines: 250, areas: 250 } as const;
const points = 60;

async function main(seconds: number): Promise<void> {
  const program = await findProgram("prometheus");
  if (program === undefined) throw new Error("There is no prometheus: npm run demo -- --observe says how to get it.");
  await using scratch = await scratchDirectory();
  await using service = await startDemoService(scratch.directory, undefined);
  const signal = new AbortController().signal;
  const atlas = await createAtlas(service.server, { signal, progress: () => {} });
  await using api = await startApi(moods);
  await using _ = await startTraffic(service.client, { atlas, apiUrl: api.url });
  await using prometheus = await startPrometheus({
    ...{ program, directory: path.join(scratch.directory, "prometheus"), rules: deployedRules, intervalSeconds: 2 },
    jobs: { "connector-service": [service.metricsTarget] },
  });
  await delay(seconds * 1_000);
  const now = Date.now() / 1_000;
  for (const plan of [overview, resilience]) {
    const text = await pageOf(plan, prometheus, { from: now - seconds + 20, to: now });
    await writeFile(new URL(`pictures/${plan.id}.svg`, import.meta.url), text);
  }
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** All rows of a dashboard, one below the other. */
async function pageOf(plan: DashboardPlan, prometheus: Prometheus, span: Span): Promise<string> {
  const parts: string[] = [];
  let top = 0;
  for (const { title, panels } of plan.rows) {
    parts.push(
      `<text x="12" y="${top + 23}" font-size="16" font-weight="bold" fill="#24292f">${escaped(title)}</text>`,
    );
    top += headingHeight;
    let [column, tallest] = [0, 0];
    for (const panel of panels) {
      if (column + panel.width > 24) [column, top, tallest] = [0, top + tallest, 0];
      parts.push(await framed(panel, await answersOf(panel, prometheus, span), column * columnWidth, top));
      tallest = Math.max(tallest, heights[panel.as]);
      column += panel.width;
    }
    top += tallest;
  }
  const size = { width: 24 * columnWidth, height: top + 8 };
  return `${svg(size, `<rect width="100%" height="100%" fill="#f6f8fa"/>${parts.join("\n")}`)}\n`;
}

function answersOf({ queries }: PanelPlan, prometheus: Prometheus, { from, to }: Span): Promise<Answer[]> {
  return Promise.all(
    queries.map(async (query) => {
      const expr = query.expr.replaceAll("$__rate_interval", "20s").replaceAll("$provider", ".*");
      const series = await prometheus.range(expr, from, to, (to - from) / points);
      return { query, series };
    }),
  );
}

/** With its title, on a card. */
async function framed(panel: PanelPlan, answers: readonly Answer[], x: number, y: number): Promise<string> {
  const [width, height] = [panel.width * columnWidth - 8, heights[panel.as] - 8];
  const chart = await drawn(panel, answers, { width: width - 8, height: height - 30 });
  return [
    `<rect x="${x + 4}" y="${y + 4}" width="${width}" height="${height}" rx="4" fill="#fff" stroke="#d0d7de"/>`,
    `<text x="${x + 14}" y="${y + 23}" font-size="13" font-weight="bold" fill="#24292f">${escaped(panel.title)}</text>`,
    chart.replace("<svg ", `<svg x="${x + 8}" y="${y + 32}" `),
  ].join("");
}

if (import.meta.main) await main(Number(process.argv[2] ?? 180));
