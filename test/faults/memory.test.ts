/** Faults again and again: what is kept of each of them is nothing. */
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mysqlKind } from "../support/mysql-kind.ts";
import { postgresqlKind } from "../support/postgresql-kind.ts";
import type { SourceKind } from "../support/source-kind.ts";
import { scaled } from "../torture/scale.ts";
import { openApiBackend, openApiStage } from "./api-stage.ts";
import { type Moment, networkFaults } from "./faults.ts";
import { runScenario, type Scenario, type Stage } from "./scenario.ts";
import { openBackend, openSourceStage } from "./source-stage.ts";

/** A service and a source. */
interface Pair {
  openStage(scenario: Scenario): Promise<Stage>;
  close(): Promise<void>;
}

const database = (kind: SourceKind) => ({
  id: kind.id,
  async open(): Promise<Pair> {
    const fresh = await kind.freshDatabase();
    const backend = await openBackend(kind, fresh.url);
    return {
      openStage: (scenario) => openSourceStage(backend, scenario),
      async close() {
        await backend.close();
        await fresh.drop();
      },
    };
  },
});

const api = {
  id: "rest",
  async open(): Promise<Pair> {
    const backend = await openApiBackend();
    return {
      openStage: (scenario) => openApiStage(backend, scenario, { calls: "queries" }),
      close: backend.close,
    };
  },
};

const sources = scaled({
  test: [database(postgresqlKind)],
  torture: [database(postgresqlKind), database(mysqlKind), api],
});
const rounds = scaled({ test: 3, torture: 20 });
const lanes = 4;
const mostBytes = 4_000_000;
/** Those that end at once. */
const faults = networkFaults.filter(({ name }) => ["down", "reset", "limit"].includes(name));
const moments: readonly Moment[] = ["connect", "idle", "mid_query", "mid_result"];

/** Every fault at every moment, each with a connector and a proxy of its own. */
async function round(pair: Pair): Promise<void> {
  const scenarios = faults
    .flatMap((fault) => moments.map((moment) => ({ fault, moment, deadlineMs: 1_000, besideMs: 1_000 })))
    .values();
  const lane = async () => {
    for (const scenario of scenarios) {
      const stage = await pair.openStage(scenario);
      try {
        await runScenario(stage, scenario, {});
      } finally {
        await stage.close();
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

describe.each(sources)("at a source of $id", ({ open }) => {
  let pair: Pair;

  beforeAll(async () => {
    pair = await open();
  });
  afterAll(() => pair.close());

  test("the memory of the service does not grow with every fault", { timeout: 300_000 }, async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    // What hangs on something that is finalized goes by a later collection than that.
    const heap = async () => {
      for (let times = 0; times < 5; times++) {
        collectGarbage();
        await setImmediate();
      }
      return process.memoryUsage().heapUsed;
    };
    // What is compiled and kept once is not what is looked for.
    await round(pair);
    await round(pair);
    const before = await heap();
    for (let number = 0; number < rounds; number++) await round(pair);
    const grown = (await heap()) - before;
    console.log(`${rounds} rounds of ${faults.length * moments.length} faults: the heap grew by ${grown} bytes`);
    expect(grown).toBeLessThan(mostBytes);
  });
});
