/** PostgreSQL: against pg-cursor and COPY, and what a stalled reader and a cancel cost. */
import path from "node:path";
import { startEmbedded } from "../../../src/store/embedded.ts";
import { type BenchOptions, type BenchResult, percentile } from "../support/bench.ts";
import { cancelLatencies } from "./cancel.ts";
import type { CaseName } from "./cases.ts";
import {
  type Contender,
  checkAll,
  contenderOf,
  lineOf,
  rounded,
  speeds,
  startServer,
  stopAll,
  timeAll,
} from "./contenders.ts";
import { databaseConnector } from "./service.ts";
import { stalledReaderMb } from "./stall.ts";
import { columns, expectedSums, makeTable } from "./table.ts";

const names: readonly CaseName[] = ["cursor", "cursor_identity", "copy_text", "copy_binary", "packed", "values"];
const cancels = 200;

/** @param directory where the databases are kept meanwhile */
export async function streamPostgresql(directory: string, options: BenchOptions): Promise<BenchResult> {
  const embedded = await startEmbedded({ directory: path.join(directory, "source"), log: options.progress });
  const databaseUrl = await embedded.createDatabase("bench");
  const contenders: Contender[] = [];
  try {
    options.progress(`Making a table of ${options.rows} rows and ${columns.length} columns.`);
    await makeTable(databaseUrl, options.rows);
    const start = () => startServer(directory, databaseConnector(databaseUrl));
    for (const name of names) contenders.push(await contenderOf(name, databaseUrl, start));
    await checkAll(contenders, await expectedSums(databaseUrl), ["cursor"], options);
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
    await stopAll(contenders);
    await embedded.stop();
  }
}

function report(
  contenders: readonly Contender[],
  stalledMb: number,
  latencies: readonly number[],
  unharmed: number,
  { rows }: BenchOptions,
): BenchResult {
  const speed = speeds(contenders);
  return {
    figures: {
      packed_vs_cursor: speed("packed", "cursor"),
      packed_vs_copy_text: speed("packed", "copy_text"),
      values_vs_cursor: speed("values", "cursor"),
      stalled_reader_mb: rounded(stalledMb),
      cancel_p99_ms: rounded(percentile(latencies, 0.99)),
      cancel_p50_ms: rounded(percentile(latencies, 0.5)),
      cancel_unharmed_statements: unharmed,
      cursor_identity_vs_cursor: speed("cursor_identity", "cursor"),
      copy_text_vs_cursor: speed("copy_text", "cursor"),
      copy_binary_vs_cursor: speed("copy_binary", "cursor"),
    },
    table: {
      columns: ["case", "speed, cursor = 1", "COPY text = 1", "rows/s", "what is done"],
      rows: contenders.map((contender) => [
        contender.name,
        speed(contender.name, "cursor").toFixed(2),
        speed(contender.name, "copy_text").toFixed(2),
        ...lineOf(contender, rows),
      ]),
    },
  };
}
