/**
 * Figures of one connector's history, added up from those of its minutes, hours or days,
 * which the database keeps as records come in.
 */
import type { EntityManager } from "@mikro-orm/postgresql";

export interface HistoryStats {
  readonly calls: number;
  /** Failed calls by the kind of failure. */
  readonly errors: Readonly<Record<string, number>>;
  /**
   * Milliseconds that so many of a hundred calls took at most, failed ones included, and at
   * most 5 % too many; undefined without calls.
   */
  readonly latency: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined;
  readonly rows: bigint;
  readonly bytes: bigint;
  readonly cacheHits: number;
}

/** Counts the calls that began at or after `since`, or in the same minute, hour or day as that: the longer ago, the coarser. */
export async function statsSince(
  em: EntityManager,
  organizationId: string,
  connectorId: string,
  since: Date,
): Promise<HistoryStats> {
  const seconds = levelFor(Date.now() - since.getTime());
  const parts = await em.execute<Part[]>(aggregation, [organizationId, connectorId, seconds, seconds, since]);
  const sum = (count: (part: Part) => string) => parts.reduce((all, part) => all + BigInt(count(part)), 0n);
  const errors: Record<string, number> = {};
  for (const { reason, calls } of parts) {
    if (reason !== "") errors[reason] = (errors[reason] ?? 0) + Number(calls);
  }
  return {
    calls: Number(sum(({ calls }) => calls)),
    errors,
    latency: latencyOf(parts),
    rows: sum(({ rows }) => rows),
    bytes: sum(({ bytes }) => bytes),
    cacheHits: Number(sum(({ cache_hits }) => cache_hits)),
  };
}

/** Calls that took about the same and ended alike. */
interface Part {
  readonly bucket: number;
  readonly reason: string;
  readonly calls: string;
  readonly rows: string;
  readonly bytes: string;
  readonly cache_hits: string;
}

const hourMs = 3_600_000;

/** The seconds of the parts that a window is added up from. */
function levelFor(windowMs: number): 60 | 3_600 | 86_400 {
  if (windowMs <= 1.5 * hourMs) return 60;
  return windowMs <= 7.5 * 24 * hourMs ? 3_600 : 86_400;
}

const aggregation = `
  SELECT bucket, reason, sum(calls)::text AS calls, sum(rows)::text AS rows, sum(bytes)::text AS bytes,
    sum(cache_hits)::text AS cache_hits
  FROM call_rollup
  WHERE organization_id = ? AND connector_id = ? AND seconds = ?
    AND start_time >= date_bin(make_interval(secs => ?), ?::timestamptz, 'epoch')
  GROUP BY bucket, reason
  ORDER BY bucket`;

/** The longest time of a bucket's calls, in milliseconds: as the migration that makes the table says. */
const longestOf = (bucket: number) => 0.01 * 1.05 ** bucket;

function latencyOf(parts: readonly Part[]): HistoryStats["latency"] {
  const all = parts.reduce((sum, { calls }) => sum + Number(calls), 0);
  if (all === 0) return undefined;
  const percentile = (part: number) => {
    let below = 0;
    const found = parts.find(({ calls }) => {
      below += Number(calls);
      return below >= all * part;
    });
    return longestOf(found?.bucket ?? 0);
  };
  return { p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99) };
}
