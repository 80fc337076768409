/** The engine's own process: does what it is asked, until whoever asks is gone. */
import { Worker } from "node:worker_threads";
import type { PackedBatch } from "../../../rows/packed.ts";
import { packedRows } from "../packed-rows.ts";
import type { Row } from "../run.ts";
import type { BatchParts, Engine, ErrorParts, Reply, Request } from "./engine.ts";

/** Nobody aborts anything here: the process is killed. */
const never = new AbortController().signal;

/**
 * Serves the process that has started this one with `openConnection`.
 *
 * @param open gets what that was given, and may throw
 */
export function serveEngine(open: (opening: unknown) => Engine): void {
  let engine: Engine | undefined;
  let running: AsyncGenerator<PackedBatch, undefined> | undefined;

  async function answer(request: Request): Promise<Reply> {
    switch (request.ask) {
      case "open":
        engine = open(request.opening);
        return {};
      case "rows":
        return { rows: [...opened(engine).run(request.statement).rows] };
      case "begin": {
        const { columns, rows } = opened(engine).run(request.statement);
        running = packedRows(first(rows, request.statement.maxRows), never);
        return { columns, batch: partsOf(await running.next()) };
      }
      case "next":
        return { batch: running && partsOf(await running.next()) };
      case "end":
        await running?.return(undefined);
        return {};
    }
  }

  process.on("message", async (request: Request) => {
    const reply = await answer(request).catch((error: unknown): Reply => ({ error: errorParts(error) }));
    process.send?.(reply);
  });
  process.once("disconnect", () => process.exit());
  endWithParent();
}

/** Milliseconds after which a statement may find that nobody wants it any more. */
const orphanMs = 1_000;

/** A statement at work hears of nothing, and may have no end: a thread beside it looks for the process that asked. */
function endWithParent(): void {
  const watching = `const { workerData: parent } = require("node:worker_threads");
    setInterval(() => process.ppid === parent || process.kill(process.pid, "SIGKILL"), ${orphanMs});`;
  new Worker(watching, { eval: true, workerData: process.ppid }).unref();
}

function opened(engine: Engine | undefined): Engine {
  if (engine === undefined) throw new Error("The engine is not open.");
  return engine;
}

function* first(rows: Iterable<Row>, count = Number.POSITIVE_INFINITY): Generator<Row> {
  if (count <= 0) return;
  let given = 0;
  for (const row of rows) {
    yield row;
    if (++given >= count) return;
  }
}

function partsOf({ value: batch }: IteratorResult<PackedBatch, undefined>): BatchParts | undefined {
  if (batch === undefined) return undefined;
  const { rows, buffer, size, cellsStart, cellsEnd, lengthsStart, end } = batch;
  return { rows, bytes: buffer.subarray(0, end), start: end - size, cellsStart, cellsEnd, lengthsStart };
}

function errorParts(error: unknown): ErrorParts {
  if (!(error instanceof Error)) return { message: String(error), properties: {} };
  return { message: error.message, properties: { ...error } };
}
