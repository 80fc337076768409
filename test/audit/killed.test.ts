/** What was committed outlives whoever wrote it. */
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openStore } from "../../src/store/store.ts";
import { run } from "../service/customer.ts";
import { runProgram } from "../service/process.ts";
import { freshStore } from "../support/postgres.ts";
import { scaled } from "../torture/scale.ts";
import { auditOf, verified } from "./events.ts";

const writer = fileURLToPath(new URL("writerProcess.ts", import.meta.url));

test("of a writer that is killed no confirmed intent is lost, what it left is linked, and its orphans become unknown", async () => {
  const database = await freshStore();
  const store = await openStore({ url: database.url });
  try {
    const confirmed: string[] = [];
    for (let round = 0; round < scaled({ test: 2, torture: 100 }); round++) {
      const { child, said, ended } = runProgram(writer, {}, [database.url]);
      await said(/(?:\S+\n){200}/);
      child.kill("SIGKILL");
      const { stdout } = await ended;
      confirmed.push(...stdout.split("\n").filter((line) => line.length === 36));
    }
    expect(confirmed.length).toBeGreaterThan(200);

    const audit = auditOf(store, { graceMs: 0 });
    // Its connections may hold the chain until the database has noticed.
    await expect
      .poll(async () => {
        await audit.tend();
        return run(database.url, "SELECT count(*)::int FROM audit_task");
      })
      .toEqual([[0]]);
    await audit.close();
    const stored = new Set((await run(database.url, "SELECT id FROM audit_event")).flat());
    expect(confirmed.filter((id) => !stored.has(id))).toEqual([]);
    expect(await verified(store)).toMatchObject({ sequence: BigInt(stored.size), broken: undefined });
    const ends = await run(
      database.url,
      `SELECT count(*)::int, count(*) FILTER (WHERE outcome = 'unknown')::int > 0 FROM audit_event
       WHERE outcome <> 'intended' GROUP BY entry::json ->> 'intent' HAVING count(*) <> 1`,
    );
    expect(ends).toEqual([]);
    const [[intents, outcomes]] = (await run(
      database.url,
      "SELECT count(*) FILTER (WHERE outcome = 'intended')::int, count(*) FILTER (WHERE outcome <> 'intended')::int FROM audit_event",
    )) as [[number, number]];
    expect(outcomes).toBe(intents);
  } finally {
    await store.close();
    await database.drop();
  }
});
