/** Faults again and again: what is kept of each of them is nothing. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mysqlKind } from "../support/mysql-kind.ts";
import type { FreshDatabase } from "../support/postgres.ts";
import { postgresqlKind } from "../support/postgresql-kind.ts";
import { scaled } from "../torture/scale.ts";
import { type Moment, networkFaults } from "./faults.ts";
import { runScenario } from "./scenario.ts";
import { type Backend, openBackend, openSourceStage } from "./source-stage.ts";

const kinds = scaled({ test: [postgresqlKind], torture: [postgresqlKind, mysqlKind] });
const rounds = scaled({ test: 3, torture: 20 });
const lanes = 4;
const mostBytes = 4_000_000;
/** Those that end at once. */
const faults = networkFaults.filter(({ name }) => ["down", "reset", "limit"].includes(name));
const moments: readonly Moment[] = ["connect", "idle", "mid_query", "mid_result"];

/** Every fault at every moment, each with a connector and a proxy of its own. */
async function round(backend: Backend): Promise<void> {
  const scenarios = faults
    .flatMap((fault) => moments.map((moment) => ({ fault, moment, deadlineMs: 1_000, besideMs: 1_000 })))
    .values();
  const lane = async () => {
    for (const scenario of scenarios) {
      const stage = await openSourceStage(backend, scenario);
      try {
        await runScenario(stage, scenario, {});
      } finally {
        await stage.close();
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

describe.each(kinds)("at a source of $id", (kind) => {
  let database: FreshDatabase;
  let backend: Backend;

  beforeAll(async () => {
    database = await kind.freshDatabase();
    backend = await openBackend(kind, database.url);
  });
  afterAll(async () => {
    await backend.close();
    await database.drop();
  });

  test("the memory of the service does not grow with every fault", { timeout: 300_000 }, async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    const heap = () => {
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    // What is compiled and kept once is not what is looked for.
    await round(backend);
    await round(backend);
    const before = heap();
    for (let number = 0; number < rounds; number++) await round(backend);
    const grown = heap() - before;
    console.log(`${rounds} rounds of ${faults.length * moments.length} faults: the heap grew by ${grown} bytes`);
    expect(grown).toBeLessThan(mostBytes);
  });
});
