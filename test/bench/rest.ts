/**
 * What an HTTP API costs through the service: CPU of a query that is one GET of 2 KB against
 * the same request by axios, and a large resource that is streamed page by page.
 *
 * The cases of the first take turns in one process; the API has one of its own. What is read
 * is compared with what the API has before anything is timed, and in streams as it comes.
 */
import { rm } from "node:fs/promises";
import path from "node:path";
import { startEmbedded } from "../../src/store/embedded.ts";
import { diskDirectory } from "../support/directory.ts";
import { cancelLatencies } from "./rest/cancel.ts";
import { type CaseName, cases, type Turn } from "./rest/cases.ts";
import { apiConnector } from "./rest/data.ts";
import { startServer } from "./stream/contenders.ts";
import { type BenchOptions, type BenchResult, median, percentile } from "./support/bench.ts";
import { Child } from "./support/child.ts";
import type { Cost } from "./support/turn.ts";

const callsPerTurn = 3_000;
const concurrency = 16;
/** What compiles the code is counted as the process's CPU: a service that has run for a minute is past that. */
const warmUpRounds = 6;
const warmUpRows = 50_000;
const cancels = 100;

const names = Object.keys(cases) as CaseName[];
type Costs = Readonly<Record<CaseName, readonly number[]>>;

export default async function rest(options: BenchOptions): Promise<BenchResult> {
  await using cleanup = new AsyncDisposableStack();
  const directory = await diskDirectory();
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const api = new Child(new URL("rest/api.ts", import.meta.url));
  cleanup.defer(() => api.stop());
  const port = await api.call<number>("listen", { rows: options.rows });
  const costs = await queryCosts(directory, port, options);
  const streamed = await streams(directory, port, api, options);
  const [own, provider, query] = [median(costs.axios), median(costs.provider), median(costs.query)];
  return {
    figures: {
      cpu_vs_axios: round(median(ratios(costs.query, costs.axios))),
      provider_vs_axios: round(median(ratios(costs.provider, costs.axios))),
      ...{ axios_us: round(own), provider_us: round(provider), query_us: round(query) },
      ...streamed,
    },
    table: {
      columns: ["case", "µs of CPU a call", "axios = 1", "what is done"],
      rows: names.map((name) => [
        ...[name, median(costs[name]).toFixed(1), (median(costs[name]) / own).toFixed(2), cases[name]],
      ]),
    },
  };
}

/** Of each case, a round after the other. */
async function queryCosts(directory: string, port: number, options: BenchOptions): Promise<Costs> {
  await using cleanup = new AsyncDisposableStack();
  const embedded = await startEmbedded({ directory: path.join(directory, "store"), log: options.progress });
  cleanup.defer(() => embedded.stop());
  const child = new Child(new URL("rest/process.ts", import.meta.url));
  cleanup.defer(() => child.stop());
  await child.call("open", { port, storeUrl: embedded.url });
  for (const name of names) await child.call("check", name);
  const costs: Record<CaseName, number[]> = { axios: [], provider: [], query: [] };
  for (let number = -warmUpRounds; number < options.rounds; number++) {
    const line: string[] = [];
    for (const name of number % 2 === 0 ? names : names.toReversed()) {
      const { cpuUs } = await child.call<Cost>("turn", { name, calls: callsPerTurn, concurrency } satisfies Turn);
      if (number >= 0) costs[name].push(cpuUs);
      line.push(`${name} ${cpuUs.toFixed(0)}`);
    }
    const what = number < 0 ? "warming up" : `round ${number + 1} of ${options.rounds}`;
    options.progress(`${what}, µs of CPU a call: ${line.join(", ")}`);
  }
  return costs;
}

/** Of the service in a process of its own, by a reader in another. */
async function streams(directory: string, port: number, api: Child, { rows, rounds, progress }: BenchOptions) {
  await using cleanup = new AsyncDisposableStack();
  const { server, service } = await startServer(directory, apiConnector(port));
  cleanup.defer(() => server.stop());
  const reader = new Child(new URL("rest/reader.ts", import.meta.url));
  cleanup.defer(() => reader.stop());
  // The baseline is that of a service that has served a stream before: what loads once is not this stream's.
  await reader.call("time", { service, rows: Math.min(warmUpRows, rows) });
  const speeds: number[] = [];
  const extras: number[] = [];
  for (let number = 0; number < rounds; number++) {
    const baseline = await server.call<number>("watch");
    speeds.push(rows / ((await reader.call<number>("time", { service, rows })) / 1_000));
    extras.push(((await server.call<number>("peak")) - baseline) / 2 ** 20);
    const said = `${Math.round(speeds.at(-1) ?? 0).toLocaleString("en")} rows/s, ${extras.at(-1)?.toFixed(0)} MiB more`;
    progress(`stream, round ${number + 1} of ${rounds}: ${said}`);
  }
  progress(`Cancelling ${cancels} streams.`);
  const latencies = await cancelLatencies(service, api, cancels);
  return {
    rows_per_s: Math.round(median(speeds)),
    stream_extra_mb: round(Math.max(...extras)),
    cancel_p99_ms: round(percentile(latencies, 0.99)),
  };
}

const ratios = (costs: readonly number[], base: readonly number[]) => costs.map((cost, i) => cost / (base[i] ?? 0));
const round = (value: number) => Math.round(value * 100) / 100;
