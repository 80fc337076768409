/** Brings the schema of the service's database up to date, for services that run with MIGRATE=off. */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { readDatabaseUrl } from "../config.ts";
import { Failure } from "../failure.ts";
import { bringUpToDate, missingMigrations } from "../store/schema.ts";
import { endWith, UsageError } from "./ending.ts";

const usage = `Usage: npm run migrate [-- --wait SECONDS]

Brings the schema of the database up to date and ends: before the replicas of a new version are
started with MIGRATE=off. It can be run again at any time, and by several at once.

  --wait SECONDS   change nothing, and wait until another has done it: for what is to start
                   behind a migration job

It needs DATABASE_URL and no key of the service's.
`;

/** Milliseconds between two looks. */
const pauseMs = 1_000;

const say = (line: string) => void process.stdout.write(`${line}\n`);

/** @throws UsageError that says which argument is wrong */
function readArguments(args: readonly string[]): number | undefined {
  const wait = parsed(args);
  if (wait === undefined) return undefined;
  const seconds = Number(wait);
  if (wait.trim() === "" || !(seconds >= 0)) throw new UsageError("--wait: must be a number of seconds.");
  return seconds;
}

function parsed(args: readonly string[]): string | undefined {
  try {
    return parseArgs({ args: [...args], options: { wait: { type: "string" } } }).values.wait;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function migrate(url: string): Promise<void> {
  const done = await bringUpToDate(url, (forWhat) => say(`Waiting ${forWhat}.`));
  say(done.length === 0 ? "The schema is up to date already." : `Done: ${done.join(", ")}.`);
}

/** @throws Failure that says what is missing still, or why the database can't be asked */
async function waitFor(url: string, seconds: number): Promise<void> {
  const giveUpMs = performance.now() + seconds * 1_000;
  let told: string | undefined;
  for (;;) {
    const problem = await problemOf(url);
    if (problem === undefined) return say("The schema is up to date.");
    if (performance.now() >= giveUpMs) throw problem;
    if (problem.message !== told) say(`Waiting. ${problem.message}`);
    told = problem.message;
    await delay(pauseMs);
  }
}

/** A database that is not there yet is waited for, too. */
async function problemOf(url: string): Promise<Failure | undefined> {
  try {
    const missing = await missingMigrations(url);
    if (missing.length === 0) return undefined;
    return new Failure("configuration_rejected", `It has not had ${missing.join(", ")}.`, {
      where: "service",
      remedy: "See how the migration job of this version fares.",
    });
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

if (import.meta.main) {
  const args = process.argv.slice(2);
  try {
    if (args.includes("--help")) process.stdout.write(usage);
    else {
      const seconds = readArguments(args);
      const url = readDatabaseUrl(process.env);
      await (seconds === undefined ? migrate(url) : waitFor(url, seconds));
    }
  } catch (error) {
    endWith(error, usage, "The schema is not known to be up to date.");
  }
}
