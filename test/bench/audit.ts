/**
 * What the audit log costs, and how quickly it is verified.
 *
 * `added_p99_ms`: what an action waits for its intent at 1,000 actions a second, whose
 * outcomes are written as well. `verify_rows_per_s`: entries of a chain, read from
 * PostgreSQL, hashed and compared, in one process.
 */
import { createSecretKey } from "node:crypto";
import { rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { type Audit, createAudit } from "../../src/audit/audit.ts";
import { entryOf, insertEntries } from "../../src/audit/entry.ts";
import type { AuditEvent } from "../../src/audit/event.ts";
import { auditKeys } from "../../src/audit/keys.ts";
import { verifyChain } from "../../src/audit/verification.ts";
import { startEmbedded } from "../../src/store/embedded.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { enterableDirectory } from "../support/directory.ts";
import { type Bench, median, percentile } from "./support/bench.ts";

const key = createSecretKey(Buffer.from(`${"6a".repeat(31)}03`, "hex"));
const actionsPerSecond = 1_000;
const loadMs = 10_000;
/** Entries of the chain that is verified. */
const chainRows = 200_000;

function action(i: number): AuditEvent {
  return {
    organizationId: "acme",
    actor: {
      principal: `service-${i % 50}`,
      authentication: "jwt",
      requestId: crypto.randomUUID(),
      clientAddress: "10.1.2.3",
    },
    event: "action.update",
    connectorId: "0195a3f0-0000-7000-8000-00000000c0de",
    resource: "public.orders",
    details: { request_hash: "ab".repeat(32), dry_run: false },
  };
}

const bench: Bench = async ({ rounds, progress }) => {
  const directory = await enterableDirectory();
  const embedded = await startEmbedded({ directory });
  const store = await openStore({ url: embedded.url });
  const audit = createAudit({ store, key });
  try {
    progress(`${actionsPerSecond} actions a second, for ${loadMs / 1_000} s`);
    const waits = await actions(audit);
    progress(`Writing a chain of ${chainRows.toLocaleString("en")} entries`);
    await fill(store, chainRows - 2 * waits.length);
    await audit.tend();
    const rates: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      rates.push(await verify(store));
      progress(`Round ${round} of ${rounds}: ${Math.round(rates.at(-1) ?? 0).toLocaleString("en")} entries/s`);
    }
    const p99 = percentile(waits, 0.99);
    return {
      figures: { added_p99_ms: Number(p99.toFixed(2)), verify_rows_per_s: Math.round(median(rates)) },
      table: {
        columns: ["what", "median", "p99"],
        rows: [["intent, ms", median(waits).toFixed(2), p99.toFixed(2)]],
      },
    };
  } finally {
    await audit.close();
    await store.close();
    await embedded.stop();
    await rm(directory, { recursive: true, force: true });
  }
};

export default bench;

/** Actions at even times, whatever those before take. Gives the milliseconds that each waited for its intent. */
async function actions(audit: Audit): Promise<number[]> {
  const waits: number[] = [];
  const running: Promise<void>[] = [];
  const begin = performance.now();
  const total = (actionsPerSecond * loadMs) / 1_000;
  for (let i = 0; i < total; i++) {
    const due = begin + (i * 1_000) / actionsPerSecond;
    while (performance.now() < due) await delay(1);
    const start = performance.now();
    running.push(
      audit.intent(action(i), 30_000).then((intent) => {
        waits.push(performance.now() - start);
        return audit.outcome(intent, { outcome: "succeeded", rows: 1 });
      }),
    );
  }
  await Promise.all(running);
  // The first second is the warming of the code and of the pool.
  return waits.slice(actionsPerSecond);
}

/** In larger batches than the log's own, which wait for nobody. */
async function fill(store: Store, rows: number): Promise<void> {
  const atOnce = 5_000;
  for (let done = 0; done < rows; done += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, rows - done) }, (_, i) => action(i));
    const entries = some.map((event) => entryOf(event, { outcome: "succeeded" }));
    await store.withOrganization("acme", (em) => insertEntries(em, "acme", entries));
  }
}

async function verify(store: Store): Promise<number> {
  const keys = auditKeys(key);
  const begin = performance.now();
  const { verified, broken } = await verifyChain("acme", {
    ...{ store: store.audit, kept: [], onProgress: () => {} },
    publicKeys: new Map([[keys.id, keys.public]]),
  });
  if (broken !== undefined) throw new Error(broken.problem);
  return verified / ((performance.now() - begin) / 1_000);
}
