/**
 * What the pipeline costs a call: CPU over that of the provider's own session.
 *
 * All cases are in one process and take turns, so that whatever else the machine does
 * meets all of them; the difference is taken within each round. A call's cost has in it
 * what is done for it later: the history's rows are written within its turn.
 */
import { rm } from "node:fs/promises";
import path from "node:path";
import { findProgram } from "../../src/demo/observe/program.ts";
import { startEmbedded } from "../../src/store/embedded.ts";
import { diskDirectory } from "../support/directory.ts";
import { ownRedis } from "../support/redis.ts";
import { type CaseName, cases, type Turn } from "./pipeline/cases.ts";
import { makeTable } from "./pipeline/table.ts";
import { type BenchOptions, type BenchResult, median } from "./support/bench.ts";
import { Child } from "./support/child.ts";
import type { Cost } from "./support/turn.ts";

const callsPerTurn = 5_000;
/** One after the other, and many at once as in a busy service: this is what the figures are of. */
const concurrencies = [1, 16] as const;
const busy = 16;
const checkedCalls = 200;
/**
 * What compiles the code is counted as the process's CPU: a service that has run for a minute
 * is past that. The cases take turns here, too: code that was compiled for one of them alone
 * would be compiled once more when the next one comes through it, and in a measured turn.
 */
const warmUpRounds = 12;

/** The costs of each case, a round after the other. */
type Costs = ReadonlyMap<CaseName, readonly Cost[]>;

export default async function pipeline(options: BenchOptions): Promise<BenchResult> {
  await using cleanup = new AsyncDisposableStack();
  const directory = await diskDirectory();
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const embedded = await startEmbedded({ directory: path.join(directory, "source"), log: options.progress });
  cleanup.defer(() => embedded.stop());
  const databaseUrl = await embedded.createDatabase("bench");
  await makeTable(databaseUrl);
  const redis = (await findProgram("redis-server")) === undefined ? undefined : await ownRedis();
  cleanup.defer(async () => redis?.stop());
  const child = new Child(new URL("pipeline/process.ts", import.meta.url));
  cleanup.defer(() => child.stop());
  const names = await child.call<CaseName[]>("open", {
    ...{ databaseUrl, storeUrl: embedded.url, redisUrl: redis?.url },
  });
  for (const name of names) {
    options.progress(`Checking what ${name} reads.`);
    await child.call("check", { name, calls: checkedCalls });
  }
  options.progress("Warming up.");
  await rounds(child, names, busy, { rounds: warmUpRounds, progress: () => {} });
  const measured = new Map<number, Costs>();
  for (const concurrency of concurrencies) measured.set(concurrency, await rounds(child, names, concurrency, options));
  return report(names, measured, options);
}

async function rounds(
  child: Child,
  names: readonly CaseName[],
  concurrency: number,
  { rounds, progress }: Pick<BenchOptions, "rounds" | "progress">,
): Promise<Costs> {
  const costs = new Map(names.map((name) => [name, [] as Cost[]]));
  for (let round = 0; round < rounds; round++) {
    const line: string[] = [];
    for (const name of orderOf(names, round)) {
      const cost = await child.call<Cost>("turn", { name, calls: callsPerTurn, concurrency } satisfies Turn);
      costs.get(name)?.push(cost);
      line.push(`${name} ${cost.cpuUs.toFixed(0)}`);
    }
    progress(`${concurrency} at once, round ${round + 1} of ${rounds}, µs of CPU a call: ${line.join(", ")}`);
  }
  return costs;
}

/** Everybody comes to every place, and every other round goes backwards: nobody always follows the same neighbour. */
function orderOf(names: readonly CaseName[], round: number): readonly CaseName[] {
  const first = round % names.length;
  const order = [...names.slice(first), ...names.slice(0, first)];
  return round % 2 === 0 ? order : order.reverse();
}

/** The median over the rounds of a case's CPU, or of how much it is more than the provider's in the same round. */
function cpuOf(costs: Costs | undefined, name: CaseName, over?: "provider"): number {
  const base = over === undefined ? undefined : costs?.get(over);
  return round(median((costs?.get(name) ?? []).map(({ cpuUs }, i) => cpuUs - (base?.[i]?.cpuUs ?? 0))));
}

function report(
  names: readonly CaseName[],
  measured: ReadonlyMap<number, Costs>,
  { progress }: BenchOptions,
): BenchResult {
  const costs = measured.get(busy);
  const withRedis = names.includes("pipeline_redis");
  if (!withRedis) progress("There is no redis-server on this machine: its figures are left out.");
  const wall = (name: CaseName) => median((costs?.get(name) ?? []).map(({ wallUs }) => wallUs));
  return {
    figures: {
      pipeline_us: cpuOf(costs, "pipeline", "provider"),
      pipeline_alone_us: cpuOf(measured.get(1), "pipeline", "provider"),
      kept_us: cpuOf(costs, "kept"),
      ...(withRedis
        ? { pipeline_redis_us: cpuOf(costs, "pipeline_redis", "provider"), kept_redis_us: cpuOf(costs, "kept_redis") }
        : {}),
      provider_us: cpuOf(costs, "provider"),
      pg_us: cpuOf(costs, "pg"),
    },
    table: {
      columns: ["case", "µs of CPU a call", "one at a time", "calls/s", "what is done"],
      rows: names.map((name) => [
        name,
        cpuOf(costs, name).toFixed(1),
        cpuOf(measured.get(1), name).toFixed(1),
        Math.round(1e6 / wall(name)).toLocaleString("en"),
        cases[name],
      ]),
    },
  };
}

const round = (value: number) => Math.round(value * 10) / 10;
