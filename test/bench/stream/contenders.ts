/** Cases that take turns, each with a reader in a process of its own, and the service in another. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { type BenchOptions, median } from "../support/bench.ts";
import { Child, serviceFlags } from "../support/child.ts";
import type { ConnectorGiven } from "../support/stages.ts";
import { type CaseName, cases, type ServiceAddress, type Target, throughService } from "./cases.ts";
import { type ColumnSums, columnNames } from "./shape.ts";

export interface Contender {
  readonly name: CaseName;
  readonly reader: Child;
  readonly server: Child | undefined;
  readonly target: Target;
  readonly times: number[];
}

export type StartServer = () => Promise<{ server: Child; service: ServiceAddress }>;

export async function contenderOf(name: CaseName, databaseUrl: string, start: StartServer): Promise<Contender> {
  const { server, service } = throughService.includes(name) ? await start() : { server: undefined, service: nowhere };
  const reader = new Child(new URL("reader.ts", import.meta.url));
  return { name, reader, server, target: { databaseUrl, service }, times: [] };
}

/** The service of a case that uses none. */
const nowhere: ServiceAddress = { url: "", token: "", connectorId: "" };

/** A service with a store of its own, and a connector to the source. */
export async function startServer(
  directory: string,
  connector: ConnectorGiven,
): Promise<{ server: Child; service: ServiceAddress }> {
  const own = path.join(directory, `service-${crypto.randomUUID()}`);
  await mkdir(own, { mode: 0o711 });
  const server = new Child(new URL("server.ts", import.meta.url), serviceFlags());
  const service = await server.call<ServiceAddress>("start", { connector, directory: own });
  return { server, service };
}

export async function stopAll(contenders: readonly Contender[]): Promise<void> {
  await Promise.all(contenders.flatMap(({ reader, server }) => [reader.stop(), server?.stop()]));
}

/**
 * Compares every column of every case with SQL; it warms the cases up, too.
 *
 * @param converting cases that make Dates and objects of some cells
 */
export async function checkAll(
  contenders: readonly Contender[],
  expected: readonly ColumnSums[],
  converting: readonly CaseName[],
  { progress }: BenchOptions,
): Promise<void> {
  for (const { name, reader, target } of contenders) {
    progress(`Checking every column of ${name}.`);
    const sums = await reader.call<string[]>("check", { name, target });
    const wrong = columnNames.filter((_, index) => {
      const { plain, converted } = expected[index] as ColumnSums;
      return sums[index] !== (converting.includes(name) ? converted : plain);
    });
    if (wrong.length > 0) throw new Error(`${name} gives other values than SQL in: ${wrong.join(", ")}.`);
  }
}

export async function timeAll(contenders: readonly Contender[], options: BenchOptions): Promise<void> {
  const { rounds, rows, progress } = options;
  for (let round = 0; round < rounds; round++) {
    // Everybody is once in every place, so that nobody always follows the same neighbour.
    for (let turn = 0; turn < contenders.length; turn++) {
      const { name, reader, target, times } = contenders[(turn + round) % contenders.length] as Contender;
      const { ms, cells } = await reader.call<{ ms: number; cells: number }>("time", { name, target });
      if (cells !== rows * columnNames.length) throw new Error(`${name} read ${cells} cells.`);
      times.push(ms);
      progress(`Round ${round + 1} of ${rounds}: ${name} ${Math.round(ms)} ms`);
    }
  }
}

/**
 * How many times as fast as another case one is. The ratio is taken within each round, whose
 * turns are near to each other: what slows the machine down for a while slows both.
 */
export function speeds(contenders: readonly Contender[]): (name: CaseName, than: CaseName) => number {
  const times = new Map(contenders.map((contender) => [contender.name, contender.times]));
  return (name, than) => {
    const others = times.get(than) ?? [];
    return rounded(median((times.get(name) ?? []).map((ms, round) => (others[round] ?? Number.NaN) / ms)));
  };
}

/** Cells of a table's line about a case: its rows in a second, and what it does. */
export function lineOf({ name, times }: Contender, rows: number): readonly [rowsPerSecond: string, what: string] {
  return [Math.round(rows / (median(times) / 1_000)).toLocaleString("en"), cases[name].description];
}

export const rounded = (value: number) => Math.round(value * 100) / 100;
