/**
 * Very many calls, cancelled at any moment of their lives, while others run on the
 * same few connections. A cancel request that comes too late would meet one of them.
 */
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConnectorError } from "../../src/client/index.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { scaled } from "../torture/scale.ts";
import { type Source, serviceWithSource, until } from "./source.ts";

const cancels = scaled({ test: 200, torture: 1_000 });
const lanes = 8;
const bystanders = 4;
const mostConnections = 6;
const ours = "application_name = 'connector-service' AND datname = current_database()";

let source: Source;
let watcher: pg.Client;

beforeAll(async () => {
  source = await serviceWithSource(
    `CREATE TABLE big AS SELECT i AS id, repeat('x', 50) AS text FROM generate_series(1, 20000) i;
     ALTER TABLE big ADD PRIMARY KEY (id); ANALYZE big`,
    { MAX_CONNECTIONS_PER_CONNECTOR: String(mostConnections) },
  );
  watcher = new pg.Client({ connectionString: source.url });
  await watcher.connect();
});

afterAll(async () => {
  await watcher.end();
  await source.stop();
});

/** Calls of each sort; every one runs for some ten milliseconds at least. */
const victims = [
  // Before the first row.
  async (mark: string, signal: AbortSignal) => {
    const native = `SELECT '${mark}' AS mark, pg_sleep(30)`;
    await source.client.query(source.connectorId, { native }, { signal });
  },
  // In the middle of very many rows.
  async (mark: string, signal: AbortSignal) => {
    const native = `SELECT '${mark}' AS mark, a.* FROM big a, generate_series(1, 1000)`;
    for await (const _ of source.client.stream(source.connectorId, { native }, { signal }).batches());
  },
  // Near the end: the whole takes about as long as it lives.
  async (mark: string, signal: AbortSignal) => {
    const native = `SELECT '${mark}' AS mark, a.* FROM big a`;
    for await (const _ of source.client.stream(source.connectorId, { native }, { signal }).batches());
  },
  // While it is planned, described and begun.
  async (_: string, signal: AbortSignal) => {
    await source.client.query(source.connectorId, { resource: "big", where: { id: 7 } }, { signal });
  },
];

/** On the clock of the process' own time, when statements were last asked for and seen running, by their marks. */
class Watch {
  readonly now = stopwatch();
  readonly #seen = new Map<string, number>();
  #stopped = false;
  readonly #running = this.#poll();

  lastSeen(mark: string): number {
    return this.#seen.get(mark) ?? 0;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #poll(): Promise<void> {
    while (!this.#stopped) {
      const askedMs = this.now();
      const { rows } = await watcher.query<{ mark: string }>(
        `SELECT substring(query FROM 'victim-\\d+-') AS mark FROM pg_stat_activity
         WHERE ${ours} AND state <> 'idle' AND query ~ 'victim-\\d+-'`,
      );
      for (const { mark } of rows) this.#seen.set(mark, askedMs);
      await delay(2);
    }
  }
}

test(`${cancels} cancels at any moment stop their own statements in time, and no other`, {
  timeout: 120_000,
}, async () => {
  const watch = new Watch();
  const latencies: number[] = [];
  let stopped = false;
  let answered = 0;

  const bystander = async (lane: number) => {
    for (let i = 0; !stopped; i++) {
      const text = `bystander ${lane}.${i}`;
      const native = `SELECT '${text}' AS text, sum(i)::int4 AS sum FROM generate_series(1, 3000) i`;
      const { rows } = await source.client.query(source.connectorId, { native });
      expect(rows.map((row) => row.toArray())).toEqual([[text, 4_501_500]]);
      let ids = 0;
      const stream = source.client.stream<{ id: number }>(source.connectorId, { resource: "big", limit: 2_000 });
      for await (const _ of stream) ids++;
      expect(ids).toBe(2_000);
      answered += 2;
    }
  };

  const numbers = Array.from({ length: cancels }, (_, number) => number).values();
  const lane = async () => {
    for (const number of numbers) {
      const mark = `victim-${number}-`;
      const controller = new AbortController();
      const victim = victims[number % victims.length];
      const ended = victim?.(mark, controller.signal).catch((error: unknown) => error);
      await delay(Math.random() * 60);
      const cancelledAt = watch.now();
      controller.abort();
      const error = await ended;
      // Some were faster than their cancel.
      if (error !== undefined) expect(error).toMatchObject({ name: ConnectorError.name, code: 1 });
      await delay(100);
      latencies.push(Math.max(0, watch.lastSeen(mark) - cancelledAt));
    }
  };

  const others = Array.from({ length: bystanders }, (_, i) => bystander(i));
  await Promise.race([Promise.all(Array.from({ length: lanes }, lane)), Promise.all(others)]);
  stopped = true;
  await Promise.all(others);
  await until(source, `SELECT count(*) FROM pg_stat_activity WHERE ${ours} AND state <> 'idle'`, "0");
  await watch.stop();

  latencies.sort((a, b) => a - b);
  const p99 = latencies[Math.floor(latencies.length * 0.99) - 1] as number;
  console.log(`cancels: ${latencies.length}, p99 ${p99.toFixed(0)} ms, others answered: ${answered}`);
  expect(latencies).toHaveLength(cancels);
  expect(p99).toBeLessThanOrEqual(250);
  expect(answered).toBeGreaterThanOrEqual(2 * bystanders);
});

test("every connection is there for the next calls, and no more of them than before", async () => {
  const slow = Array.from({ length: mostConnections }, (_, i) =>
    source.client.query(source.connectorId, { native: `SELECT ${i} AS x, pg_sleep(0.3)` }),
  );
  await until(
    source,
    `SELECT count(*) FROM pg_stat_activity WHERE ${ours} AND state = 'active'`,
    String(mostConnections),
  );
  expect((await Promise.all(slow)).map(({ rows }) => rows[0]?.x)).toEqual([0, 1, 2, 3, 4, 5]);
  const [[connections] = []] = await source.run(`SELECT count(*) FROM pg_stat_activity WHERE ${ours}`);
  expect(Number(connections)).toBe(mostConnections);
});
