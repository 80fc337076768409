/**
 * How long GetStats' figures take over a history of ten million calls, and how long it would
 * take to count those calls instead.
 */
import { rm } from "node:fs/promises";
import path from "node:path";
import pg from "pg";
import { createHistory, type History } from "../../src/execution/history/history.ts";
import { startEmbedded } from "../../src/store/embedded.ts";
import { openStore } from "../../src/store/store.ts";
import { diskDirectory } from "../support/directory.ts";
import { type BenchOptions, type BenchResult, median, percentile } from "./support/bench.ts";

const records = 10_000_000;
const batches = 20;
/** One connector has half of the calls, the others share the rest. */
const connectors = 100;
const organizationId = "bench";
const hourMs = 3_600_000;
/** Milliseconds. */
const windows = { hour: hourMs, day: 24 * hourMs, week: 7 * 24 * hourMs, month: 30 * 24 * hourMs };
const callsPerRound = 100;

export default async function stats({ rounds, progress }: BenchOptions): Promise<BenchResult> {
  await using cleanup = new AsyncDisposableStack();
  const directory = await diskDirectory();
  cleanup.defer(() => rm(directory, { recursive: true, force: true }));
  const embedded = await startEmbedded({ directory: path.join(directory, "store"), log: progress });
  cleanup.defer(() => embedded.stop());
  const store = await openStore({ url: embedded.url });
  cleanup.defer(() => store.close());
  const owner = new pg.Client({ connectionString: embedded.url });
  await owner.connect();
  cleanup.defer(() => owner.end());
  await fill(owner, progress);
  const history = createHistory({ store });
  cleanup.defer(() => history.close());
  progress("Comparing the figures with the calls themselves.");
  const [scanMs, calls] = await compare(owner, history);
  const took = new Map<string, number[]>(Object.keys(windows).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let call = 0; call < callsPerRound; call++) {
      for (const [name, ms] of Object.entries(windows)) {
        const begin = performance.now();
        await history.stats(organizationId, connectorIds(call % 10), new Date(Date.now() - ms));
        took.get(name)?.push(performance.now() - begin);
      }
    }
    progress(`Round ${round + 1} of ${rounds}.`);
  }
  const all = [...took.values()].flat();
  const month = median(took.get("month") ?? []);
  const rows = [...took].map(([name, ms]) => [name, median(ms).toFixed(2), percentile(ms, 0.99).toFixed(2)]);
  return {
    figures: {
      ...{ records, stats_p99_ms: round2(percentile(all, 0.99)), stats_p50_ms: round2(median(all)) },
      ...{ counted_calls: calls, scan_vs_stats_ratio: round2(scanMs / month) },
    },
    table: {
      columns: ["window", "p50 in ms", "p99 in ms"],
      rows: [...rows, ["month, by counting its calls", scanMs.toFixed(0), ""]],
    },
  };
}

const round2 = (value: number) => Math.round(value * 100) / 100;

/** The first is the busy one. */
const connectorIds = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;

/**
 * As calls come in, an hour after the other. The indexes are made behind them and the calls are
 * counted at the end, by the statement by which the database counts each batch: to do so with
 * each batch takes several times as long.
 */
async function fill(owner: pg.Client, progress: (line: string) => void): Promise<void> {
  const each = records / batches;
  await owner.query("ALTER TABLE query_record SET UNLOGGED");
  await owner.query("SET session_replication_role = replica");
  await owner.query("SET work_mem = '256MB'");
  await owner.query("SET maintenance_work_mem = '256MB'");
  const { rows: indexes } = await owner.query<{ name: string; definition: string }>(`
    SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
    FROM pg_index WHERE indrelid = 'query_record'::regclass AND NOT indisprimary`);
  for (const { name } of indexes) await owner.query(`DROP INDEX ${name}`);
  for (let batch = 0; batch < batches; batch++) {
    await owner.query(`
      INSERT INTO query_record (id, organization_id, create_time, connector_id, principal, method, resource, reason, rows,
        bytes, attempts, breaker_state, cached, rate_limit_ms, bulkhead_ms, backoff_ms, pool_ms, connect_ms, source_ms,
        transfer_ms, total_ms)
      SELECT lpad(to_hex(${batch * each} + n), 32, '0')::uuid, '${organizationId}',
        now() - interval '30 days' * (1 - (${batch * each} + n) / ${records}.0),
        ('00000000-0000-4000-8000-' || lpad((CASE WHEN n % 2 = 0 THEN 0 ELSE n % ${connectors} END)::text, 12, '0'))::uuid,
        'bench', 'Query', 'public.place', CASE WHEN n % 50 = 0 THEN 'upstream_lost' ELSE '' END, n % 100, n % 5000, 1,
        'closed', n % 10 = 0, 0, 0, 0, 0, 0, 1, 1, exp(random() * 8)
      FROM generate_series(1, ${each}) AS n`);
    progress(`${((batch + 1) * each) / 1e6} of ${records / 1e6} million calls are in the history.`);
  }
  progress("Making the indexes, and counting the calls.");
  for (const { definition } of indexes) await owner.query(definition);
  await owner.query(await countingStatement(owner));
  await owner.query("VACUUM ANALYZE query_record");
  await owner.query("VACUUM ANALYZE call_rollup");
}

/** What the table's own trigger runs, over all of it, without the parts that it would remove at once. */
async function countingStatement(owner: pg.Client): Promise<string> {
  const { rows } = await owner.query("SELECT prosrc FROM pg_proc WHERE proname = 'call_rollup_count_fn'");
  const [statement = ""] = /INSERT INTO call_rollup[^;]+/.exec(rows[0]?.prosrc ?? "") ?? [];
  const levels = "CROSS JOIN unnest(ARRAY[60, 3600, 86400]) AS level";
  if (!statement.includes(levels)) throw new Error("The calls are counted by another statement now.");
  return statement.replaceAll("query_record_new", "query_record").replace(
    levels,
    `JOIN (VALUES (60, interval '2 hours'), (3600, interval '8 days'), (86400, interval '32 days')) AS kept (level, age)
      ON create_time > now() - age`,
  );
}

/** What counting the month's calls takes, in milliseconds, and how many there are; the figures must agree with it. */
async function compare(owner: pg.Client, history: History): Promise<[number, number]> {
  const counting = `
    SELECT count(*)::int AS calls, sum(rows)::text AS rows, count(*) FILTER (WHERE reason <> '')::int AS failed,
      percentile_disc(0.99) WITHIN GROUP (ORDER BY total_ms)::float8 AS p99
    FROM query_record WHERE organization_id = $1 AND connector_id = $2`;
  const begin = performance.now();
  const { rows } = await owner.query(counting, [organizationId, connectorIds(0)]);
  const scanMs = performance.now() - begin;
  const told = await history.stats(organizationId, connectorIds(0), new Date(Date.now() - windows.month));
  const [{ calls, rows: read, failed, p99 }] = rows as [{ calls: number; rows: string; failed: number; p99: number }];
  const p99Told = told.latency?.p99 ?? 0;
  const agree =
    told.calls === calls &&
    told.rows === BigInt(read) &&
    told.errors.upstream_lost === failed &&
    p99Told >= p99 &&
    p99Told <= p99 * 1.05;
  if (!agree) throw new Error(`The figures are not those of the calls: ${JSON.stringify(rows)}`);
  return [scanMs, calls];
}
