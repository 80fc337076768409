/** `npm run demo -- --observe`: the service under traffic, watched by a Prometheus beside it. */
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Atlas } from "../atlas.ts";
import type { Tour } from "../connecting.ts";
import { count } from "../figures.ts";
import type { DemoService } from "../service.ts";
import type { Step } from "../steps.ts";
import type { Terminal } from "../terminal.ts";
import { startApi } from "./api.ts";
import { glance, looks } from "./glance.ts";
import { findPrometheus } from "./program.ts";
import { type Prometheus, startPrometheus } from "./prometheus.ts";
import { startTraffic } from "./traffic.ts";

interface Watched extends Tour {
  readonly service: DemoService;
  /** Gets what Prometheus stores. */
  readonly directory: string;
}

const deploy = (name: string) => fileURLToPath(new URL(`../../../deploy/${name}`, import.meta.url));

/** The rules that are deployed: recorded ones, and alerts. */
export const deployedRules = ["recording.yaml", "alerts.yaml"].map((name) => deploy(`prometheus/${name}`));

/** What the demo's API is like: its quota is used up before the minute is over. */
export const moods = { quota: 400, failsEach: 9, slowestMs: 80 };

/** Milliseconds between two looks. */
const glanceMs = 5_000;

/** Goes on until it is interrupted, which is how it ends well. */
export async function observe(watched: Watched, step: Step, atlas: Atlas): Promise<void> {
  const { client, terminal, signal, service } = watched;
  await using api = await startApi(moods);
  await using traffic = await step("Register connectors, and put traffic on them", async () => {
    const started = await startTraffic(client, { atlas, apiUrl: api.url });
    for (const [id, what] of started.connectors) terminal.marked("none", what, id.slice(0, 8));
    return started;
  });
  await using prometheus = await step(
    "Start Prometheus beside it, with the rules and alerts of deploy/prometheus",
    () => start(watched),
  );
  if (prometheus === undefined) {
    terminal.marked("none", `Until then, the metrics themselves: curl http://${service.metricsTarget}/metrics`);
  } else {
    whereToLook(terminal, prometheus, service);
  }
  terminal.heading("Traffic runs until you press Ctrl-C");
  while (!signal.aborted) {
    await delay(glanceMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    terminal.line();
    if (prometheus !== undefined) await glance(prometheus, terminal);
    terminal.note(`${count(traffic.calls())} calls are over`);
  }
}

async function start({ terminal, service, directory }: Watched): Promise<Prometheus | undefined> {
  const found = await findPrometheus(() => terminal.note("Installing it, which is done once …"));
  if ("advice" in found) {
    terminal.marked("fair", "There is no Prometheus on this machine. Run this, and then the demo again:");
    terminal.code(found.advice);
    return undefined;
  }
  const prometheus = await startPrometheus({
    ...{ program: found.program, directory: path.join(directory, "prometheus"), rules: deployedRules },
    ...{ jobs: { "connector-service": [service.metricsTarget] }, intervalSeconds: 2 },
  });
  terminal.marked("good", `Prometheus at ${prometheus.url}`);
  return prometheus;
}

function whereToLook(terminal: Terminal, { url }: Prometheus, { metricsTarget }: DemoService): void {
  terminal.heading("Where to look");
  terminal.marked("none", `${url}/alerts, which pending ones reach after some minutes`, "alerts");
  terminal.marked("none", `http://${metricsTarget}/metrics`, "metrics");
  terminal.marked("none", "deploy/RUNBOOK.md, deploy/METRICS.md", "pages");
  terminal.marked(
    "none",
    `deploy/grafana/*.json: import them into a Grafana whose data source is ${url}`,
    "dashboards",
  );
  terminal.line();
  terminal.note("The looks below, as Prometheus draws them:");
  for (const { title, expr } of looks) {
    terminal.marked("none", terminal.style("cyan", graph(url, expr)), title);
  }
}

function graph(url: string, expr: string): string {
  return `${url}/graph?${new URLSearchParams({ "g0.expr": expr, "g0.tab": "0", "g0.range_input": "5m" })}`;
}
