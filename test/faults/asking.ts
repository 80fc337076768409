/** What the scenarios ask of a source, of whatever kind it is, and when the fault meets it. */
import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { QueryInput } from "../../src/client/index.ts";
import type { TestService } from "../support/service.ts";
import type { Caller } from "./calling.ts";
import { type Outcome, WrongAnswer, watch } from "./scenario.ts";

/** Connections that a connector may have. */
export const maxConnections = 4;
/** Rows of `known` and of `trickle` (source-kind.ts). */
export const knownRows = 20;
export const streamRows = 200;
export const known = { resource: "known", orderBy: ["id"] };
const rowsBefore = 30;

/** The permits and places of a service that are taken or waited for, as its metrics name them. */
export async function heldBy({ metricsUrl }: TestService): Promise<readonly string[]> {
  const metrics = await (await fetch(metricsUrl)).text();
  const figures = metrics.split("\n").filter((line) => /^connector_(bulkhead_calls|places)\{/.test(line));
  if (figures.length === 0) throw new Error("The service does not tell its permits and places.");
  return figures.filter((line) => !line.endsWith(" 0"));
}

/**
 * Lets the fault strike when the call is where it is to be met. A call that ends before,
 * since the machine was busy with something else, is made again.
 */
export async function strikeInCall(
  begin: () => Promise<Outcome>,
  isMet: () => Promise<boolean>,
  strike: () => Promise<void>,
): Promise<Outcome> {
  for (let left = 30; ; left--) {
    const call = begin();
    let ended: Outcome | undefined;
    void call.then((outcome) => {
      ended = outcome;
    });
    while (ended === undefined && !(await isMet())) await delay(5);
    if (ended === undefined) {
      await strike();
      return call;
    }
    if (left === 0) throw ended.error ?? new Error("The call is never met.");
  }
}

/**
 * Begins a stream, and lets the fault strike when some of it has come. Where the machine has
 * stalled for so long that the source has given all of it, it is begun again.
 *
 * @param query whose rows are those of `trickle`
 * @param isGiving whether the source has more to give
 */
export async function strikeInStream(
  caller: Caller,
  id: string,
  query: QueryInput,
  strike: () => Promise<void>,
  isGiving: () => Promise<boolean> = async () => true,
): Promise<Outcome> {
  for (let left = 30; ; left--) {
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const outcome = watch(caller.deadlineMs, () => streamSlowly(caller, id, query, resolve));
    // A stream that fails before has no middle.
    await Promise.race([begun, outcome]);
    if (left > 0 && !(await isGiving()) && (await outcome).error === undefined) continue;
    await strike();
    return outcome;
  }
}

export async function askKnown({ client, options }: Caller, id: string): Promise<void> {
  const { rows } = await client.query<{ id: number; text: string }>(id, known, options());
  const whole = rows.length === knownRows && rows.every((row, index) => row.id === index + 1);
  const right = rows.every((row) => row.text === md5(row.id));
  if (!whole || !right) throw new WrongAnswer(JSON.stringify(rows.map((row) => row.toArray())));
}

/** What has one row after a while, whose `answer` is 42. */
export async function askSlowly({ client, options }: Caller, id: string, query: QueryInput): Promise<void> {
  const { rows } = await client.query<{ answer: number }>(id, query, options());
  if (rows.length !== 1 || rows[0]?.answer !== 42) throw new WrongAnswer(`${rows.length} rows`);
}

async function streamSlowly(
  { client, options }: Caller,
  id: string,
  query: QueryInput,
  onBegun: () => void,
): Promise<void> {
  let rows = 0;
  for await (const row of client.stream<{ id: number; text: string }>(id, query, options())) {
    if (++rows === rowsBefore) onBegun();
    if (row.id !== rows || row.text !== md5(rows).repeat(8)) throw new WrongAnswer(`row ${rows}`);
  }
  if (rows !== streamRows) throw new WrongAnswer(`${rows} rows`);
}

function md5(number: number): string {
  return createHash("md5").update(String(number)).digest("hex");
}

/**
 * All the connections that a connector may have can be used at once, by one call each.
 *
 * @param caller with the time for it
 * @param busy how many of them are used
 */
export async function fillConnector(
  { client }: Caller,
  id: string,
  slowQuery: QueryInput,
  busy: () => Promise<number>,
): Promise<void> {
  const calls = Promise.allSettled(Array.from({ length: maxConnections }, () => client.query(id, slowQuery)));
  let settled = false;
  void calls.then(() => {
    settled = true;
  });
  let most = 0;
  while (!settled && most < maxConnections) {
    most = Math.max(most, await busy());
    await delay(10);
  }
  const failed = (await calls).find((call) => call.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  if (most < maxConnections) throw new Error(`${most} calls at once instead of ${maxConnections}`);
}
