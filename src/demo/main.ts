/** `npm run demo`: the main job on real data, from nothing to a stream of all rows, in a few seconds. */
import { ConnectorError } from "../client/index.ts";
import { Failure } from "../failure.ts";
import { type Atlas, createAtlas } from "./atlas.ts";
import { describeAtlas, register, type Tour, test } from "./connecting.ts";
import { count, time } from "./figures.ts";
import { givenDatabase, variable } from "./given.ts";
import { Interruption, interruption } from "./interruption.ts";
import { whatNext } from "./next.ts";
import { observe } from "./observe/observe.ts";
import { explain, queryNative, queryPages, queryWithTypo } from "./reading.ts";
import { scratchDirectory } from "./scratch.ts";
import { type DemoService, startDemoService } from "./service.ts";
import { type Step, steps } from "./steps.ts";
import { streamAll } from "./streaming.ts";
import { createTerminal, type Terminal } from "./terminal.ts";
import { showGiven } from "./yours.ts";

/** With `--observe` the service is put under load and watched, until it is interrupted. */
const observes = process.argv.slice(2).includes("--observe");

async function demo(terminal: Terminal, signal: AbortSignal): Promise<void> {
  const step = steps(terminal, signal);
  const given = givenDatabase(process.env[variable]);
  await using scratch = await scratchDirectory();

  await using service = await step("Start the service, with a PostgreSQL of its own", async () => {
    const started = await startDemoService(scratch.directory, given?.egressRule);
    terminal.marked("good", `gRPC, gRPC-Web and Connect at ${started.url}`);
    terminal.marked("good", `all data in ${scratch.directory}, removed at the end`);
    return started;
  });

  const atlas = await makeAtlas(step, service, terminal, signal);
  const tour = { client: service.client, terminal, signal };
  // Awaited here: what it needs is gone when this function is.
  if (observes) return await observe({ ...tour, service, directory: scratch.directory }, step, atlas);
  await showAtlas(tour, step, atlas);
  if (given !== undefined) await showGiven(tour, step, given);
}

function makeAtlas(step: Step, service: DemoService, terminal: Terminal, signal: AbortSignal): Promise<Atlas> {
  return step("Make a customer's database of GeoNames' cities", async () => {
    const progress = terminal.progress();
    const made = await createAtlas(service.server, {
      signal,
      progress: (loaded, total) => progress.show(loaded / total, () => `${count(loaded)} of ${count(total)} cities`),
    });
    terminal.marked("good", `database "atlas": ${count(made.cities)} cities of ${made.countries} countries`);
    terminal.marked("good", `user "${made.config.user}", who may SELECT and nothing else`);
    return made;
  });
}

async function showAtlas(tour: Tour, step: Step, atlas: Atlas): Promise<void> {
  const id = await step("Register the database as a connector", () => register(tour, atlas));
  await step("Test the connector", () => testAtlas(tour, id));
  await step("Describe what it holds", () => describeAtlas(tour, id));
  await step("Query it: a filter, an order, and two pages", () => queryPages(tour, id));
  await step("Query it by a statement of PostgreSQL's own", () => queryNative(tour, id));
  await step("Make a mistake", () => queryWithTypo(tour, id));
  await step("Explain the first query", () => explain(tour, id));
  await step("Stream the whole table", () => streamAll(tour, id, atlas.cities));
}

async function testAtlas(tour: Tour, id: string): Promise<void> {
  if (!(await test(tour, id))) throw new Failure("internal", "The connector does not pass its test.");
}

/** One message, and what to do; never a stack, which means nothing to whoever tries the demo. */
function report(terminal: Terminal, error: unknown): void {
  // When cleaning up fails too, what failed first is the reason.
  const first = error instanceof SuppressedError ? error.suppressed : error;
  const message = first instanceof Error ? first.message : String(first);
  const known = first instanceof Failure || first instanceof ConnectorError;
  const remedy = (known && first.remedy) || "Run it again; if that fails too, report this message.";
  terminal.line();
  terminal.marked("bad", `The demo has failed. ${message}`);
  // The service's own messages end with their remedy.
  if (!message.endsWith(remedy)) terminal.marked("none", remedy);
}

async function main(): Promise<void> {
  const terminal = createTerminal(process.stdout, process.env);
  const signal = interruption(process.stdout, () => {
    terminal.line();
    terminal.note("Stopping, and removing everything …");
  });
  const start = performance.now();
  terminal.heading(`connector-service: ${observes ? "what an operator sees" : "the main job"}, on real data`);
  try {
    await demo(terminal, signal);
    signal.throwIfAborted();
    terminal.line();
    terminal.marked("good", `Done in ${time(performance.now() - start)}; everything is stopped and removed.`);
    whatNext(terminal);
  } catch (error) {
    if (signal.reason instanceof Interruption) {
      terminal.note("Stopped and removed.");
      process.exitCode = signal.reason.exitCode;
    } else {
      report(terminal, error);
      process.exitCode = 1;
    }
  }
}

await main();
