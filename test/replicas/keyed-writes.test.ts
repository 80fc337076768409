/** Writes with an idempotency key have one effect at most, however often, wherever and in what trouble they are called. */
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConnectorError } from "../../src/client/index.ts";
import { run } from "../service/customer.ts";
import { type FreshDatabase, freshDatabase } from "../support/postgres.ts";
import { type Replica, type Replicas, twoReplicas } from "../support/replicas.ts";
import { connectorTo } from "../support/service.ts";
import { scaled } from "../torture/scale.ts";

const writes = scaled({ test: 60, torture: 10_000 });
/** Writes under way at once, each called by several. */
const lanes = 8;
/** Of so many calls one is left by its caller at a random moment, and of so many writes one loses its connections. */
const oneIn = { left: 3, lost: 4 };
/** Milliseconds within which a call is left, or its connections are lost. */
const troubleMs = 15;

let store: FreshDatabase;
let target: FreshDatabase;
let replicas: Replicas;
let connectorId: string;

beforeAll(async () => {
  [store, target] = await Promise.all([freshDatabase(), freshDatabase()]);
  await run(target.url, "CREATE TABLE effect (note text NOT NULL)");
  replicas = await twoReplicas(store.url);
  ({ id: connectorId } = await replicas.first.client.createConnector(connectorTo(target.url)));
});

afterAll(async () => {
  await replicas.stop();
  await Promise.all([store.drop(), target.drop()]);
});

/** What the callers of one write were told in the end. */
type End = "done" | "unknown";

/** Calls until it is told what came of the write. */
async function insist({ client }: Replica, note: string): Promise<End> {
  for (;;) {
    const signal =
      Math.random() < 1 / oneIn.left ? AbortSignal.timeout(Math.ceil(Math.random() * troubleMs)) : undefined;
    try {
      await client.execute(
        connectorId,
        { create: "effect", rows: [{ note }] },
        { idempotencyKey: note, ...(signal && { signal }) },
      );
      return "done";
    } catch (error) {
      if (!(error instanceof ConnectorError)) throw error;
      if (error.reason === "OUTCOME_UNKNOWN") return "unknown";
      // Under way elsewhere, left by its caller, lost before it was sent, or refused for now.
      await delay(5 + Math.random() * 20);
    }
  }
}

async function loseConnections(): Promise<void> {
  await delay(Math.random() * troubleMs);
  await run(
    target.url,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'connector-service' AND datname = current_database()",
  );
}

test(`${writes} writes have one effect at most each, and just one where any caller was told that it was done`, {
  timeout: 60_000 + writes * 100,
}, async () => {
  const ends = new Map<string, readonly End[]>();
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < writes; i = next++) {
      const note = `write-${i}`;
      const callers = Array.from({ length: 2 + (i % 3) }, (_, n) => insist(replicas.both[n % 2] as Replica, note));
      if (i % oneIn.lost === 0) await loseConnections();
      ends.set(note, await Promise.all(callers));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));

  const effects = new Map(
    (await run(target.url, "SELECT note, count(*)::int FROM effect GROUP BY note")).map(([note, count]) => [
      String(note),
      Number(count),
    ]),
  );
  for (const [note, told] of ends) {
    const count = effects.get(note) ?? 0;
    // Whoever asks later is told the same.
    expect({ note, told: new Set(told).size }).toEqual({ note, told: 1 });
    if (told[0] === "done") expect({ note, count }).toEqual({ note, count: 1 });
    else expect(count).toBeLessThanOrEqual(1);
  }
  const unknown = [...ends.values()].filter(([end]) => end === "unknown").length;
  console.info(`${writes} keyed writes: ${effects.size} effects, 0 twice, ${unknown} whose end nobody knows`);
  expect(ends.size).toBe(writes);
});
