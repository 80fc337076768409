/**
 * Every expression of every panel, rule and alert, asked of a real Prometheus that scrapes a
 * service in every kind of trouble: each of them finds something.
 */
import { rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findProgram } from "../../src/demo/observe/program.ts";
import { type Prometheus, startPrometheus } from "../../src/demo/observe/prometheus.ts";
import { questions, ruleFiles } from "../static/grafana/questions.ts";
import { enterableDirectory } from "../support/directory.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { type FailingReplicas, failingReplicas } from "./trouble/failing-replicas.ts";
import { loseLogs, loseStore, makeTrouble } from "./trouble/making.ts";
import { type Stage, troubledService } from "./trouble/stage.ts";

/** Milliseconds that all of it may take on a machine that is busy with other things; some forty seconds, on one that is not. */
const limitMs = 120_000;
/** Milliseconds until two scrapes and the rules have seen what began. */
const stateMs = 2_200;
const betweenMs = 300;
const lossMs = 3_000;

const stack = new AsyncDisposableStack();
let stage: Stage;
let replicas: FailingReplicas;
let prometheus: Prometheus;

beforeAll(async () => {
  const [program, directory] = await Promise.all([findProgram("prometheus"), enterableDirectory()]);
  stack.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 20 }));
  if (program === undefined) throw new Error("There is no prometheus: run the tests by `npm test` once.");
  stage = stack.use(await troubledService());
  replicas = stack.use(await failingReplicas());
  // The last one is a replica that was, and whose machine is gone.
  const targets = [`127.0.0.1:${stage.service.metricsPort}`, ...replicas.targets, "127.0.0.1:1"];
  prometheus = stack.use(
    await startPrometheus({
      ...{ program, directory, rules: ruleFiles, intervalSeconds: 1 },
      jobs: { connectors: targets },
    }),
  );
});

afterAll(() => stack.disposeAsync());

/** As a reader's choices and Grafana fill it in. */
function filled(expr: string): string {
  return expr
    .replaceAll("$__rate_interval", "15s")
    .replaceAll("$__range", "1m")
    .replaceAll("$provider", ".*")
    .replaceAll("$connector", stage.connectors.quota);
}

/** A process is told of its files by Linux alone. */
const isMeasured = (expr: string) => process.platform === "linux" || !expr.includes("process_open_fds");

test("every panel, rule and alert finds what it asks for", { timeout: 3 * limitMs }, async () => {
  const asked = questions().filter(({ expr }) => isMeasured(expr));
  const open = new Map(asked.map(({ place, expr }) => [`${place}: ${expr}`, filled(expr)]));
  expect(open.size).toBeGreaterThan(120);
  const ask = async () => {
    for (const [question, expr] of open) {
      const found = await prometheus.instant(expr);
      if (found.some(({ value }) => !Number.isNaN(value))) open.delete(question);
    }
  };
  // Before the first scrape no replica is there, which one of the alerts is about.
  await ask();
  const took = stopwatch();
  const failing = replicas.fail(prometheus);
  failing.catch(() => {}); // It is told of below, unless the rounds fail before.
  // What counts something is asked when it has been counted, and what shows a state while it lasts.
  const askDuring = async (trouble: Promise<void>) => {
    const over = trouble.then(() => true);
    await delay(stateMs);
    do await ask();
    while (!(await Promise.race([over, delay(betweenMs, false)])));
  };
  // One alert is about a replica that stops, which comes last.
  const isRunning = (expr: string) => !expr.includes("connector_draining");
  for (let round = 0; open.values().some(isRunning) && took() < limitMs; round++) {
    await askDuring(makeTrouble(stage));
    if (round === 0) await askDuring(loseLogs(stage, lossMs));
    if (round === 1) await askDuring(loseStore(stage, lossMs));
    await ask();
  }
  await failing;
  const left = stage[Symbol.asyncDispose]();
  await delay(stateMs);
  await ask();
  await left;
  expect([...open.keys()]).toEqual([]);
});
