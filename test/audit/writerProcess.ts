/**
 * A process that tells the audit log of actions as fast as it can, until it is killed. Says
 * the id of each intent in a line of its own when it is told that it is committed.
 */
import { writeSync } from "node:fs";
import { openStore } from "../../src/store/store.ts";
import { action, auditOf } from "./events.ts";

const [url = ""] = process.argv.slice(2);
const store = await openStore({ url, poolSize: 4 });
const audit = auditOf(store, { graceMs: 0 });
for (let i = 0; i < 50; i++) void act(i);

async function act(i: number): Promise<void> {
  for (;;) {
    const intent = await audit.intent(action(`t${i}`), 0);
    writeSync(1, `${intent.entry.id}\n`);
    // Of every other one the outcome is told as well.
    if (i % 2 === 0) await audit.outcome(intent, { outcome: "succeeded" });
  }
}
