/** A Prometheus server that scrapes itself, with rules of its own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { freePort } from "../../src/store/embedded/cluster.ts";
import { temporaryDirectory } from "../../src/store/embedded/directory.ts";
import { untilSaid } from "./said.ts";
import { findProgram } from "./servers.ts";

export interface OwnPrometheus {
  /** `http://127.0.0.1:9090`. */
  readonly url: string;
  stop(): Promise<void>;
}

/** It finds its targets some seconds after it has started, and evaluates its rules at once. */
const configuration = (port: number) => `
global: { scrape_interval: 200ms, evaluation_interval: 200ms }
rule_files: [rules.yaml]
scrape_configs:
  - { job_name: itself, static_configs: [{ targets: ["127.0.0.1:${port}"] }] }
  - { job_name: nobody, static_configs: [{ targets: ["127.0.0.1:1"] }] }
`;

const rules = `
groups:
  - name: conformance
    rules:
      - { record: conformance_answer, expr: vector(42.5), labels: { team: 'Zürich "north"' } }
      - { record: conformance_answer, expr: vector(-1e-9), labels: { team: 'a\\b, c' } }
      - alert: AlwaysFiring
        expr: vector(1)
        labels: { severity: page }
        annotations: { summary: 'It fires, whatever happens.' }
`;

/** Settles when its rules were evaluated. */
export async function ownPrometheus(): Promise<OwnPrometheus> {
  const program = await findProgram("prometheus");
  if (program === undefined) throw new Error("There is no prometheus: run the tests by `npm test` once.");
  const directory = await mkdtemp(path.join(await temporaryDirectory(), "connector-prometheus-"));
  const port = await freePort();
  await writeFile(path.join(directory, "prometheus.yaml"), configuration(port));
  await writeFile(path.join(directory, "rules.yaml"), rules);
  const options = [
    `--config.file=${path.join(directory, "prometheus.yaml")}`,
    `--storage.tsdb.path=${path.join(directory, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const child = spawn(program, options, { stdio: ["ignore", "ignore", "pipe"] });
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    const exit = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
    child.kill("SIGKILL");
    await exit;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilSaid("prometheus", child.stderr, "Server is ready to receive web requests");
    await untilItFires(url);
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** It tells nobody when it has evaluated its rules. */
async function untilItFires(url: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${url}/api/v1/alerts`);
    const { data } = (await answer.json()) as { readonly data: { readonly alerts: readonly unknown[] } };
    if (data.alerts.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
