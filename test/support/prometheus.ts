/** A Prometheus server that scrapes itself, with rules of its own. */
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { findProgram } from "../../src/demo/observe/program.ts";
import { type Prometheus, startPrometheus } from "../../src/demo/observe/prometheus.ts";
import { freePort } from "../../src/store/embedded/cluster.ts";
import { enterableDirectory } from "./directory.ts";

export interface OwnPrometheus {
  /** `http://127.0.0.1:9090`. */
  readonly url: string;
  stop(): Promise<void>;
}

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

/** Settles when its rules were evaluated. It finds its targets some seconds later. */
export async function ownPrometheus(): Promise<OwnPrometheus> {
  const program = await findProgram("prometheus");
  if (program === undefined) throw new Error("There is no prometheus: run the tests by `npm test` once.");
  await using starting = new AsyncDisposableStack();
  const directory = await enterableDirectory();
  starting.defer(() => rm(directory, { recursive: true, force: true }));
  const ruleFile = path.join(directory, "rules.yaml");
  await writeFile(ruleFile, rules);
  const port = await freePort();
  const prometheus = starting.use(
    await startPrometheus({
      ...{ program, directory, port, rules: [ruleFile], intervalSeconds: 0.2 },
      jobs: { itself: [`127.0.0.1:${port}`], nobody: ["127.0.0.1:1"] },
    }),
  );
  await untilItFires(prometheus);
  const running = starting.move();
  return { url: prometheus.url, stop: () => running.disposeAsync() };
}

/** It tells nobody when it has evaluated its rules. */
async function untilItFires(prometheus: Prometheus): Promise<void> {
  while ((await prometheus.instant('ALERTS{alertstate="firing"}')).length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
