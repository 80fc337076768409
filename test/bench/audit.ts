/**
 * What the audit log and the history cost, and how quickly the log is verified.
 *
 * `added_p99_ms`: how much longer the p99 of an action's time is with the log than without,
 * its intent and its outcome both waited for. `disk_p99_ms`: the same of a log that is a bare
 * file, which no log on this disk can undercut: where the disk itself stalls, both are long. The
 * three take turns. `verify_rows_per_s`: entries of a chain that one process verifies.
 * `history_us`: CPU of this process for the record of a query.
 *
 * The database is the built-in PostgreSQL with its own settings: what is committed is on
 * the disk. As one that has been running for a while it has files for its write-ahead log to go
 * on in. Every round checks what it has moved.
 */
import { createSecretKey } from "node:crypto";
import { rm } from "node:fs/promises";
import pg from "pg";
import { createAudit } from "../../src/audit/audit.ts";
import { startEmbedded } from "../../src/store/embedded.ts";
import { openStore, type Store } from "../../src/store/store.ts";
import { diskDirectory } from "../support/directory.ts";
import { actionsPerTurn, openActions, p99 } from "./audit/actions.ts";
import { openBareLog } from "./audit/bare.ts";
import { fill, type Verified, verify } from "./audit/chain.ts";
import { type HistoryCase, historyCases, openHistory } from "./audit/history.ts";
import { type Bench, type BenchOptions, median } from "./support/bench.ts";

const key = createSecretKey(Buffer.from(`${"6a".repeat(31)}03`, "hex"));
/** Entries of the chain that is verified. */
const chainRows = 400_000;
/** Files of the write-ahead log: more than the actions fill. */
const logFiles = 6;

const bench: Bench = async (options) => {
  await using cleanup = new AsyncDisposableStack();
  const directory = await diskDirectory();
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const embedded = await startEmbedded({ directory, log: options.progress });
  cleanup.defer(() => embedded.stop());
  const store = await openStore({ url: embedded.url });
  cleanup.defer(() => store.close());
  await makeLogFiles(embedded.url);
  const actions = await measureActions(store, directory, options);
  const history = await measureHistory(store, options);
  const verified = await measureVerification(store, actions.entries, options);
  const added = (ms: readonly number[]) => median(ms.map((each, round) => each - (actions.without[round] ?? 0)));
  const rate = median(verified.map(({ rowsPerSecond }) => rowsPerSecond));
  const over = (name: HistoryCase) => median(history[name].map((us, round) => us - (history.untold[round] ?? 0)));
  return {
    figures: {
      ...{
        added_p99_ms: round2(added(actions.with)),
        verify_rows_per_s: Math.round(rate),
        history_us: round2(over("query")),
      },
      ...{ native_history_us: round2(over("native")), disk_p99_ms: round2(added(actions.bare)) },
    },
    table: {
      columns: ["what", "median of the rounds"],
      rows: [
        ["an action without the audit log, p99", `${median(actions.without).toFixed(2)} ms`],
        ["an action with it, p99", `${median(actions.with).toFixed(2)} ms`],
        ["an action with a bare file in its place, p99", `${median(actions.bare).toFixed(2)} ms`],
        ...Object.entries(historyCases).map(([name, what]) => {
          return [`${what}, CPU`, `${median(history[name as HistoryCase]).toFixed(2)} µs`];
        }),
        ["entries verified in a second", Math.round(rate).toLocaleString("en")],
        ["CPU of the verifying process", `${median(verified.map(({ cpuUs }) => cpuUs)).toFixed(2)} µs an entry`],
      ],
    },
  };
};

export default bench;

const round2 = (value: number) => Math.round(value * 100) / 100;

/** A file is made when there is none from before, which takes as long as to write all of it. */
async function makeLogFiles(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (let i = 0; i < logFiles; i++) {
    await client.query("SELECT pg_logical_emit_message(false, 'bench', '')");
    await client.query("SELECT pg_switch_wal()");
  }
  await client.query("CHECKPOINT");
  await client.end();
}

/** The p99 of each round in milliseconds, and how many entries there are now. */
async function measureActions(store: Store, directory: string, { rounds, progress }: BenchOptions) {
  const audit = createAudit({ store, key });
  const bare = await openBareLog(directory);
  const actions = openActions();
  const measured = { without: [] as number[], bare: [] as number[], with: [] as number[] };
  await actions.turn(audit);
  for (let round = 1; round <= rounds; round++) {
    const without = p99(await actions.turn(undefined));
    const onDisk = p99(await actions.turn(bare));
    const added = p99(await actions.turn(audit));
    measured.without.push(without);
    measured.bare.push(onDisk);
    measured.with.push(added);
    const [one, two, three] = [without, onDisk, added].map((ms) => ms.toFixed(2));
    progress(`Actions ${round} of ${rounds}: p99 ${one} ms without, ${two} with a bare file, ${three} with the log.`);
  }
  await bare.close();
  const expected = (3 * rounds + 1) * actionsPerTurn;
  if (actions.done.all !== expected) throw new Error(`Of ${expected} actions ${actions.done.all} were done.`);
  await audit.tend();
  await audit.close();
  const entries = 2 * actions.done.audited;
  await verify(store, key, entries);
  return { ...measured, entries };
}

async function measureHistory(store: Store, { rounds, progress }: BenchOptions) {
  progress("Warming up the history.");
  const history = await openHistory(store);
  const measured: Record<HistoryCase, number[]> = { untold: [], query: [], native: [] };
  for (let round = 1; round <= rounds; round++) {
    for (const name of Object.keys(historyCases) as HistoryCase[]) measured[name].push(await history.turn(name));
    progress(`History ${round} of ${rounds}: ${measured.query.at(-1)?.toFixed(2)} µs of CPU for a query's record.`);
  }
  await history.close();
  return measured;
}

/** @param entries That there are already */
async function measureVerification(store: Store, entries: number, { rounds, progress }: BenchOptions) {
  const missing = Math.max(0, chainRows - entries);
  progress(`Writing ${missing.toLocaleString("en")} more entries.`);
  await fill(store, missing);
  const audit = createAudit({ store, key });
  await audit.tend();
  await audit.close();
  const measured: Verified[] = [];
  for (let round = 1; round <= rounds; round++) {
    const one = await verify(store, key, entries + missing);
    measured.push(one);
    progress(`Verification ${round} of ${rounds}: ${Math.round(one.rowsPerSecond).toLocaleString("en")} entries/s.`);
  }
  return measured;
}
