/** `npm run e2e`: the whole system, driven from outside. Ends with 1 when anything does not work, with 2 when it is told nonsense. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import tls from "node:tls";
import { Interruption, interruption } from "../../src/demo/interruption.ts";
import { scratchDirectory } from "../../src/demo/scratch.ts";
import { createTerminal } from "../../src/demo/terminal.ts";
import { freePort } from "../../src/store/embedded/cluster.ts";
import { type Given, readArguments, UsageError, usage } from "./given.ts";
import { startOwn } from "./own-service.ts";
import { runSections, summarize } from "./report.ts";
import { changing } from "./sections/changing.ts";
import { managing } from "./sections/managing.ts";
import { protecting } from "./sections/protecting.ts";
import { reaching } from "./sections/reaching.ts";
import { reading } from "./sections/reading.ts";
import { stopping } from "./sections/stopping.ts";
import { watching } from "./sections/watching.ts";
import { prepareSource } from "./source.ts";
import { createStage, type StageOptions } from "./stage.ts";

const terminal = createTerminal(process.stdout, process.env);
const interrupted = interruption(process.stdout, () => {
  terminal.line();
  terminal.note("Stopping, and removing what was made …");
});

async function drive(options: Omit<StageOptions, "sources">, urls: readonly URL[], more: typeof reaching) {
  await using preparing = new AsyncDisposableStack();
  const sources = [];
  for (const url of urls) {
    interrupted.throwIfAborted();
    const source = await prepareSource(url);
    preparing.defer(() => source.remove());
    sources.push(source);
  }
  const stage = preparing.use(createStage({ ...options, sources }));
  const sections = [reaching, managing, reading, changing, watching, protecting].flat();
  return await runSections(terminal, stage, [...sections, ...more], interrupted);
}

async function driveOwn({ sources }: Given) {
  // An authorization server takes its time to load.
  const [{ startOAuthServer }, { authorizing }] = await Promise.all([
    import("../support/oauth-server.ts"),
    import("./sections/authorizing.ts"),
  ]);
  await using starting = new AsyncDisposableStack();
  const scratch = starting.use(await scratchDirectory());
  const port = await freePort();
  const oauth = await startOAuthServer({ redirectUris: [`http://127.0.0.1:${port}/oauth/callback`] });
  starting.defer(() => oauth.stop());
  const caFile = path.join(scratch.directory, "ca.pem");
  await writeFile(caFile, oauth.ca);
  const started = starting.use(await startOwn(port, caFile));
  interrupted.throwIfAborted();
  const { url, key, metricsUrl, own, sourceUrl } = started;
  terminal.marked(
    "good",
    `a service of its own at ${url}, with a PostgreSQL that holds its store and a customer's data`,
  );
  const options = { url, key, metricsUrl, own, ca: undefined, caFile: undefined };
  return await drive(options, [sourceUrl, ...sources], [...authorizing(oauth), ...stopping]);
}

async function driveDeployed({ url, key }: NonNullable<Given["deployed"]>, { sources, ca, metrics }: Given) {
  // For fetch and for HTTP/2, which take it from here.
  if (ca !== undefined) tls.setDefaultCACertificates([...tls.getCACertificates("default"), ca.pem]);
  const options = { url, key, metricsUrl: metrics, own: undefined, ca: ca?.pem, caFile: ca?.file };
  return drive(options, sources, []);
}

/** When cleaning up fails too, what failed first is the reason. */
function messageOf(error: unknown): string {
  const first = error instanceof SuppressedError ? error.suppressed : error;
  return first instanceof Error ? first.message : String(first);
}

/** @returns the program's exit code */
function tell(error: unknown): number {
  const { reason } = interrupted;
  if (reason instanceof Interruption) {
    if (error instanceof SuppressedError) process.stderr.write(`Not all could be removed. ${error.error.message}\n`);
    else terminal.note("Stopped and removed.");
    return reason.exitCode;
  }
  const known = error instanceof UsageError;
  process.stderr.write(known ? `${error.message}\n\n${usage}` : `It can't be run. ${messageOf(error)}\n`);
  return known ? 2 : 1;
}

async function main(): Promise<number> {
  const given = readArguments(process.argv.slice(2), process.env);
  terminal.heading("connector-service: end to end");
  const outcomes = given.deployed === undefined ? await driveOwn(given) : await driveDeployed(given.deployed, given);
  return summarize(terminal, outcomes) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.exitCode = tell(error);
}
