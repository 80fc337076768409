/** A Prometheus of one's own, which scrapes what it is told to, and answers queries. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { Failure } from "../../failure.ts";
import { freePort } from "../../store/embedded/cluster.ts";

export interface Prometheus extends AsyncDisposable {
  /** `http://127.0.0.1:9090`. */
  readonly url: string;
  /** What an expression gives now, one sample for each series; a scalar is a series without labels. */
  instant(expr: string): Promise<readonly Sample[]>;
  /** What it gave from a time to another, in seconds since 1970, each so many seconds. */
  range(expr: string, from: number, to: number, step: number): Promise<readonly Series[]>;
}

type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export interface Series {
  readonly labels: Labels;
  /** Times in seconds since 1970, with values. */
  readonly points: readonly (readonly [time: number, value: number])[];
}

export interface PrometheusOptions {
  /** The path of the program. */
  readonly program: string;
  /** Gets its configuration and its data. */
  readonly directory: string;
  /** Where it listens. Default: a port that is free. */
  readonly port?: number;
  /** Each job, with the targets that it scrapes: `127.0.0.1:9090`. */
  readonly jobs: Readonly<Record<string, readonly string[]>>;
  /** Paths of rules. */
  readonly rules: readonly string[];
  /** Between two scrapes of a target, and two evaluations of a rule. */
  readonly intervalSeconds: number;
  /** Part of the URL of each alert's part of the runbook. */
  readonly runbook?: string;
}

/**
 * Settles when it answers queries. It finds its targets some seconds later.
 *
 * @throws Failure of kind `internal` with what it said when it ends instead
 */
export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus> {
  const { program, directory, port = await freePort() } = options;
  await mkdir(directory, { recursive: true });
  const file = path.join(directory, "prometheus.yaml");
  // JSON is YAML.
  await writeFile(file, JSON.stringify(configurationOf(options)));
  const flags = [
    `--config.file=${file}`,
    `--storage.tsdb.path=${path.join(directory, "data")}`,
    `--web.listen-address=127.0.0.1:${port}`,
    "--enable-feature=exemplar-storage",
  ];
  const child = spawn(program, flags, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(child, "close");
  const url = `http://127.0.0.1:${port}`;
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  await untilReady(child.stderr);
  return {
    url,
    instant: async (expr) => samplesOf(await ask(url, "query", { query: expr })),
    range: async (expr, from, to, step) =>
      seriesOf(await ask(url, "query_range", { query: expr, start: from, end: to, step })),
    [Symbol.asyncDispose]: stop,
  };
}

function configurationOf({ jobs, rules, intervalSeconds, runbook }: PrometheusOptions) {
  // Whole units are all that it takes.
  const interval = `${intervalSeconds * 1_000}ms`;
  return {
    global: {
      ...{ scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
      ...(runbook === undefined ? {} : { external_labels: { runbook } }),
    },
    rule_files: rules,
    scrape_configs: Object.entries(jobs).map(([job, targets]) => ({
      ...{ job_name: job, static_configs: [{ targets }] },
    })),
  };
}

async function untilReady(output: NodeJS.ReadableStream): Promise<void> {
  const said: string[] = [];
  for await (const line of createInterface({ input: output })) {
    if (line.includes("Server is ready to receive web requests")) {
      output.resume(); // What it says from now on must not fill the pipe.
      return;
    }
    said.push(line);
  }
  throw new Failure("internal", `Prometheus did not start:\n${said.join("\n")}`);
}

interface Result {
  readonly resultType: "vector" | "matrix" | "scalar";
  readonly result: unknown;
}

type Point = readonly [time: number, value: string];

/** @throws Failure of kind `internal` with what Prometheus has against the query */
async function ask(url: string, what: string, parameters: Readonly<Record<string, string | number>>): Promise<Result> {
  const body = new URLSearchParams(Object.entries(parameters).map(([name, value]) => [name, String(value)]));
  const response = await fetch(`${url}/api/v1/${what}`, { method: "POST", body });
  const answer = (await response.json()) as { readonly data?: Result; readonly error?: string };
  if (answer.data === undefined) {
    throw new Failure("internal", `Prometheus refuses the query ${parameters.query}: ${answer.error}`);
  }
  return answer.data;
}

function samplesOf({ resultType, result }: Result): Sample[] {
  if (resultType === "scalar") return [{ labels: {}, value: Number((result as Point)[1]) }];
  const vector = result as readonly { readonly metric: Labels; readonly value: Point }[];
  return vector.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }));
}

function seriesOf({ result }: Result): Series[] {
  const matrix = result as readonly { readonly metric: Labels; readonly values: readonly Point[] }[];
  return matrix.map(({ metric, values }) => ({
    labels: metric,
    points: values.map(([time, value]) => [time, Number(value)] as const),
  }));
}
