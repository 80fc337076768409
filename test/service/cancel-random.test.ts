/**
 * Very many calls, cancelled at any moment of their lives, while others run on the
 * same few connections. A cancel request that comes too late would meet one of them.
 */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConnectorError } from "../../src/client/index.ts";
import type { SourceKind } from "../support/source-kind.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { scaled } from "../torture/scale.ts";
import { kinds, type ReaderSource, serviceWithReader, untilBusy } from "./reader.ts";

const cancels = scaled({ test: 120, torture: 1_000 });
const lanes = 8;
const bystanders = 4;
const mostConnections = 6;

/** Calls of each sort; every one runs for some ten milliseconds at least. */
const victims: readonly ((source: ReaderSource, mark: string, signal: AbortSignal) => Promise<void>)[] = [
  // Before the first row.
  async ({ client, connectorId }, mark, signal) => {
    const native = `SELECT '${mark}' AS mark, pause FROM asleep`;
    await client.query(connectorId, { native }, { signal });
  },
  // In the middle of very many rows.
  async ({ client, connectorId }, mark, signal) => {
    const native = `SELECT '${mark}' AS mark, a.* FROM big a, known b`;
    for await (const _ of client.stream(connectorId, { native }, { signal }).batches());
  },
  // Near the end: the whole takes about as long as it lives.
  async ({ client, connectorId }, mark, signal) => {
    const native = `SELECT '${mark}' AS mark, a.* FROM big a`;
    for await (const _ of client.stream(connectorId, { native }, { signal }).batches());
  },
  // While it is planned, described and begun.
  async ({ client, connectorId }, _, signal) => {
    await client.query(connectorId, { resource: "big", where: { id: 7 } }, { signal });
  },
];

/** On the clock of the process' own time, when statements were last asked for and seen running, by their marks. */
class Watch {
  readonly now = stopwatch();
  readonly #kind: SourceKind;
  readonly #source: ReaderSource;
  readonly #seen = new Map<string, number>();
  readonly #running: Promise<void>;
  #stopped = false;

  constructor(kind: SourceKind, source: ReaderSource) {
    this.#kind = kind;
    this.#source = source;
    this.#running = this.#poll();
  }

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
      for (const text of await this.#kind.running(this.#source.admin, this.#source.user)) {
        const mark = /victim-\d+-/.exec(text)?.[0];
        if (mark !== undefined) this.#seen.set(mark, askedMs);
      }
      await delay(2);
    }
  }
}

/** Reads again and again what must be right, until it is told to stop; gives the number of answers. */
async function bystand({ client, connectorId }: ReaderSource, lane: number, isStopped: () => boolean): Promise<number> {
  let answered = 0;
  for (let i = 0; !isStopped(); i++) {
    const text = `bystander ${lane}.${i}`;
    const native = `SELECT '${text}' AS text, sum(id) AS sum FROM big WHERE id <= 3000`;
    const { rows } = await client.query(connectorId, { native });
    expect(rows.map((row) => row.toArray().map(String))).toEqual([[text, "4501500"]]);
    let ids = 0;
    for await (const _ of client.stream<{ id: number }>(connectorId, { resource: "big", limit: 2_000 })) ids++;
    expect(ids).toBe(2_000);
    answered += 2;
  }
  return answered;
}

describe.each(kinds)("at a source of $id", (kind) => {
  let source: ReaderSource;

  beforeAll(async () => {
    source = await serviceWithReader(
      kind,
      `${kind.bigTable("big", 20, 50)}; ${kind.slowResources({ known: 1_000, trickle: 1 })}`,
      { MAX_CONNECTIONS_PER_CONNECTOR: String(mostConnections) },
    );
  });
  afterAll(() => source.stop());

  test(`${cancels} cancels at any moment stop their own statements in time, and no other`, {
    timeout: 120_000,
  }, async () => {
    const watch = new Watch(kind, source);
    const latencies: number[] = [];
    let stopped = false;

    const numbers = Array.from({ length: cancels }, (_, number) => number).values();
    const lane = async () => {
      for (const number of numbers) {
        const mark = `victim-${number}-`;
        const controller = new AbortController();
        const victim = victims[number % victims.length];
        const ended = victim?.(source, mark, controller.signal).catch((error: unknown) => error);
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

    const others = Array.from({ length: bystanders }, (_, i) => bystand(source, i, () => stopped));
    await Promise.race([Promise.all(Array.from({ length: lanes }, lane)), Promise.all(others)]);
    stopped = true;
    const answered = (await Promise.all(others)).reduce((sum, each) => sum + each, 0);
    await untilBusy(source, 0);
    await watch.stop();

    latencies.sort((a, b) => a - b);
    const p99 = latencies[Math.floor(latencies.length * 0.99) - 1] as number;
    console.log(`${kind.id}: cancels: ${latencies.length}, p99 ${p99.toFixed(0)} ms, others answered: ${answered}`);
    expect(latencies).toHaveLength(cancels);
    expect(p99).toBeLessThanOrEqual(250);
    expect(answered).toBeGreaterThanOrEqual(2 * bystanders);
  });

  test("every connection is there for the next calls, and no more of them than before", async () => {
    const slow = Array.from({ length: mostConnections }, (_, i) =>
      source.client.query(source.connectorId, { native: `SELECT ${i} AS x, pause FROM slow_answer` }),
    );
    await untilBusy(source, mostConnections);
    expect((await Promise.all(slow)).map(({ rows }) => Number(rows[0]?.x))).toEqual([0, 1, 2, 3, 4, 5]);
    expect((await source.connections()).open).toBe(mostConnections);
  });
});
