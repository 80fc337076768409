/**
 * How long a cancelled call's statement lives on at the database.
 *
 * Calls of three sorts are cancelled at random moments while other calls run on the
 * same connector. Another connection watches pg_stat_activity: the latency is the
 * time from the cancel until the statement is seen for the last time.
 */
import pg from "pg";
import { ConnectorError } from "../../../src/client/error.ts";
import { type ConnectorClient, createConnectorClient } from "../../../src/client/index.ts";
import type { Target } from "./cases.ts";
import { tableName } from "./shape.ts";

const lanes = 4;
const bystanders = 3;
/** A call is cancelled up to so long after its start. */
const latestCancelMs = 150;
/** So long a statement is watched after its cancel. */
const watchMs = 500;
const pollMs = 2;

export interface CancelReport {
  /** Milliseconds of each cancel. */
  readonly latencies: readonly number[];
  /** Statements of others that ran meanwhile; every one gave its right answer. */
  readonly unharmed: number;
}

/** Throws an Error when a statement outlives its watch, or when another one is harmed. */
export async function cancelLatencies(
  target: Target,
  cancels: number,
  progress: (done: number) => void,
): Promise<CancelReport> {
  const client = createConnectorClient(target.service);
  const watcher = new Watcher(target.databaseUrl);
  await watcher.start();
  const others = startBystanders(client, target);
  const latencies: number[] = [];
  try {
    const numbers = Array.from({ length: cancels }, (_, number) => number).values();
    const lane = async () => {
      for (const number of numbers) {
        latencies.push(await cancelOne(client, target, watcher, number));
        if (latencies.length % 50 === 0) progress(latencies.length);
      }
    };
    await Promise.race([Promise.all(Array.from({ length: lanes }, lane)), others.failed]);
    return { latencies, unharmed: await others.stop() };
  } finally {
    await others.stop().catch(() => undefined);
    await watcher.stop();
    client.close();
  }
}

async function cancelOne(client: ConnectorClient, target: Target, watcher: Watcher, number: number): Promise<number> {
  const marker = `cancel-${process.pid}-${number}-`;
  const controller = new AbortController();
  const running = begin(client, target, marker, number, controller.signal);
  const ended = running.then(
    () => new Error(`The call ${marker} ended before it was cancelled.`),
    (error: unknown) => error,
  );
  await delay(Math.random() * latestCancelMs);
  const cancelledAt = performance.now();
  controller.abort();
  const error = await ended;
  if (!(error instanceof ConnectorError && error.reason !== "INTERNAL")) throw error;
  await delay(watchMs);
  const lastSeen = watcher.lastSeen(marker);
  if (performance.now() - lastSeen < watchMs / 4) throw new Error(`The statement ${marker} outlives its cancel.`);
  return Math.max(0, lastSeen - cancelledAt);
}

/** Starts a call that runs until it is cancelled: one that streams, one that isn't read, one that waits. */
async function begin(
  client: ConnectorClient,
  { service }: Target,
  marker: string,
  number: number,
  signal: AbortSignal,
) {
  const endless = `SELECT '${marker}' AS marker, t.* FROM ${tableName} AS t, generate_series(1, 1000)`;
  switch (number % 3) {
    case 0:
      for await (const _ of client.stream(service.connectorId, { native: endless }, { signal }).batches());
      return;
    case 1: {
      const stream = client.stream(service.connectorId, { native: endless }, { signal });
      await stream.header;
      await new Promise((_, reject) => {
        if (signal.aborted) reject(ConnectorError.from(signal.reason));
        signal.addEventListener("abort", () => reject(ConnectorError.from(signal.reason)));
      });
      return;
    }
    default:
      await client.query(service.connectorId, { native: `SELECT '${marker}', pg_sleep(60)` }, { signal });
  }
}

/** Sees which marked statements are running. */
class Watcher {
  readonly #client: pg.Client;
  readonly #seen = new Map<string, number>();
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(databaseUrl: string) {
    this.#client = new pg.Client({ connectionString: databaseUrl });
  }

  async start(): Promise<void> {
    await this.#client.connect();
    this.#running = this.#watch();
  }

  /** When a marked statement was running last; 0 when it was never seen. */
  lastSeen(marker: string): number {
    return this.#seen.get(marker) ?? 0;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await this.#client.end();
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      const { rows } = await this.#client.query<{ marker: string }>(
        `SELECT substring(query FROM 'cancel-\\d+-\\d+-') AS marker FROM pg_stat_activity
         WHERE state <> 'idle' AND pid <> pg_backend_pid() AND query ~ 'cancel-\\d+-\\d+-'`,
      );
      const now = performance.now();
      for (const { marker } of rows) this.#seen.set(marker, now);
      await delay(pollMs);
    }
  }
}

/** Statements of other callers, through the service and beside it, each with an answer that is known. */
function startBystanders(client: ConnectorClient, { databaseUrl, service }: Target) {
  let stopped = false;
  let answered = 0;
  const throughService = async (lane: number) => {
    for (let i = 0; !stopped; i++) {
      const text = `bystander-${lane}-${i}`;
      const native = `SELECT '${text}' AS answer, pg_sleep(0.01)`;
      const { rows } = await client.query<{ answer: string }>(service.connectorId, { native });
      if (rows[0]?.answer !== text) throw new Error(`A bystander got ${rows[0]?.answer} for ${text}.`);
      answered++;
    }
  };
  const direct = async () => {
    const own = new pg.Client({ connectionString: databaseUrl });
    await own.connect();
    try {
      for (; !stopped; answered++) await own.query("SELECT pg_sleep(0.01)");
    } finally {
      await own.end();
    }
  };
  const all = Promise.all([direct(), ...Array.from({ length: bystanders }, (_, lane) => throughService(lane))]);
  // Only a harmed one settles this; the others end when they are told.
  const failed = new Promise<never>((_, reject) => all.catch(reject));
  failed.catch(() => undefined);
  const stop = async () => {
    stopped = true;
    await all;
    return answered;
  };
  return { failed, stop };
}

const delay = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
