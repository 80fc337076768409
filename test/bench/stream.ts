/**
 * Reading one table through the service against reading it from the database.
 *
 * Each case has a client process of its own, and each case of the service a server
 * process; they take turns, so that whatever else the machine does meets all of them.
 * Before anything is timed, every column that a case gives is compared with SQL.
 */
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { startEmbedded } from "../../src/store/embedded.ts";
import { enterableDirectory } from "../support/directory.ts";
import { cancelLatencies } from "./stream/cancel.ts";
import { type CaseName, cases, type ServiceAddress, type Target } from "./stream/cases.ts";
import { stalledReaderMb } from "./stream/stall.ts";
import { type ColumnSums, columns, expectedSums, makeTable } from "./stream/table.ts";
import { type BenchOptions, type BenchResult, median, percentile } from "./support/bench.ts";
import { Child } from "./support/child.ts";

const cancels = 200;

interface Contender {
  readonly name: CaseName;
  readonly reader: Child;
  readonly server: Child | undefined;
  readonly target: Target;
  readonly times: number[];
}

export default async function stream(options: BenchOptions): Promise<BenchResult> {
  const directory = await enterableDirectory();
  const embedded = await startEmbedded({ directory: path.join(directory, "source"), log: options.progress });
  const databaseUrl = await embedded.createDatabase("bench");
  const contenders: Contender[] = [];
  try {
    options.progress(`Making a table of ${options.rows} rows and ${columns.length} columns.`);
    await makeTable(databaseUrl, options.rows);
    const start = () => startServer(directory, databaseUrl);
    for (const name of Object.keys(cases) as CaseName[]) contenders.push(await contenderOf(name, databaseUrl, start));
    await checkAll(contenders, await expectedSums(databaseUrl), options);
    await timeAll(contenders, options);
    options.progress("Watching the service's memory while a reader stalls.");
    const stalledMb = await stalledReaderMb(start);
    options.progress(`Cancelling ${cancels} calls.`);
    const packed = contenders.find(({ name }) => name === "packed") as Contender;
    const { latencies, unharmed } = await cancelLatencies(packed.target, cancels, (done) =>
      options.progress(`  ${done} of ${cancels}`),
    );
    return report(contenders, stalledMb, latencies, unharmed, options);
  } finally {
    await Promise.all(contenders.flatMap(({ reader, server }) => [reader.stop(), server?.stop()]));
    await embedded.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function contenderOf(
  name: CaseName,
  databaseUrl: string,
  start: () => Promise<{ server: Child; service: ServiceAddress }>,
): Promise<Contender> {
  const throughService = name === "packed" || name === "values";
  const { server, service } = throughService ? await start() : { server: undefined, service: nowhere };
  const reader = new Child(new URL("stream/reader.ts", import.meta.url));
  return { name, reader, server, target: { databaseUrl, service }, times: [] };
}

/** The service of a case that uses none. */
const nowhere: ServiceAddress = { url: "", token: "", connectorId: "" };

async function startServer(
  directory: string,
  databaseUrl: string,
): Promise<{ server: Child; service: ServiceAddress }> {
  const own = path.join(directory, `service-${crypto.randomUUID()}`);
  await mkdir(own, { mode: 0o711 });
  const server = new Child(new URL("stream/server.ts", import.meta.url));
  const service = await server.call<ServiceAddress>("start", { databaseUrl, directory: own });
  return { server, service };
}

/** Compares every column of every case with SQL; it warms the cases up, too. */
async function checkAll(
  contenders: readonly Contender[],
  expected: readonly ColumnSums[],
  { progress }: BenchOptions,
): Promise<void> {
  for (const { name, reader, target } of contenders) {
    progress(`Checking every column of ${name}.`);
    const sums = await reader.call<string[]>("check", { name, target });
    const wrong = columns.filter((_, index) => {
      const { plain, converted } = expected[index] as ColumnSums;
      return sums[index] !== (name === "cursor" ? converted : plain);
    });
    if (wrong.length > 0) {
      throw new Error(`${name} gives other values than SQL in: ${wrong.map((column) => column.name).join(", ")}.`);
    }
  }
}

async function timeAll(contenders: readonly Contender[], { rounds, rows, progress }: BenchOptions): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    // Everybody is once in every place, so that nobody always follows the same neighbour.
    for (let turn = 0; turn < contenders.length; turn++) {
      const { name, reader, target, times } = contenders[(turn + round) % contenders.length] as Contender;
      const { ms, cells } = await reader.call<{ ms: number; cells: number }>("time", { name, target });
      if (cells !== rows * columns.length) throw new Error(`${name} read ${cells} cells.`);
      times.push(ms);
      progress(`Round ${round + 1} of ${rounds}: ${name} ${Math.round(ms)} ms`);
    }
  }
}

function report(
  contenders: readonly Contender[],
  stalledMb: number,
  latencies: readonly number[],
  unharmed: number,
  { rows }: BenchOptions,
): BenchResult {
  const medians = new Map(contenders.map(({ name, times }) => [name, median(times)]));
  const speed = (name: CaseName, than: CaseName) => round((medians.get(than) ?? 0) / (medians.get(name) ?? 0));
  return {
    figures: {
      packed_vs_cursor: speed("packed", "cursor"),
      packed_vs_copy_text: speed("packed", "copy_text"),
      values_vs_cursor: speed("values", "cursor"),
      stalled_reader_mb: round(stalledMb),
      cancel_p99_ms: round(percentile(latencies, 0.99)),
      cancel_p50_ms: round(percentile(latencies, 0.5)),
      cancel_unharmed_statements: unharmed,
      cursor_identity_vs_cursor: speed("cursor_identity", "cursor"),
      copy_text_vs_cursor: speed("copy_text", "cursor"),
      copy_binary_vs_cursor: speed("copy_binary", "cursor"),
    },
    table: {
      columns: ["case", "speed, cursor = 1", "COPY text = 1", "rows/s", "what is done"],
      rows: contenders.map(({ name }) => [
        name,
        speed(name, "cursor").toFixed(2),
        speed(name, "copy_text").toFixed(2),
        Math.round(rows / ((medians.get(name) ?? 0) / 1_000)).toLocaleString("en"),
        cases[name].description,
      ]),
    },
  };
}

const round = (value: number) => Math.round(value * 100) / 100;
