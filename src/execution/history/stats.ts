/** Figures of one connector's history. */
import type { EntityManager } from "@mikro-orm/postgresql";

export interface HistoryStats {
  readonly calls: number;
  /** Failed calls by the kind of failure. */
  readonly errors: Readonly<Record<string, number>>;
  /** Milliseconds that so many of a hundred calls took at most, failed ones included; undefined without calls. */
  readonly latency: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined;
  readonly rows: bigint;
  readonly bytes: bigint;
  readonly cacheHits: number;
}

/** Counts the calls that began at or after `since`, one by one: it takes longer the more there are. */
export async function statsSince(
  em: EntityManager,
  organizationId: string,
  connectorId: string,
  since: Date,
): Promise<HistoryStats> {
  const [row] = await em.execute<[Row]>(aggregation, [organizationId, connectorId, since]);
  const { p50, p95, p99 } = row;
  return {
    calls: Number(row.calls),
    errors: row.errors ?? {},
    latency: p50 === null || p95 === null || p99 === null ? undefined : { p50, p95, p99 },
    rows: BigInt(row.rows),
    bytes: BigInt(row.bytes),
    cacheHits: Number(row.cache_hits),
  };
}

interface Row {
  readonly calls: string;
  readonly errors: Readonly<Record<string, number>> | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly rows: string;
  readonly bytes: string;
  readonly cache_hits: string;
}

// The figures of all calls and the counts of each reason are those of one snapshot.
const aggregation = `
  WITH call AS MATERIALIZED (
    SELECT reason, rows, bytes, cached, total_ms FROM query_record
    WHERE organization_id = ? AND connector_id = ? AND create_time >= ?
  ), error AS (
    SELECT reason, count(*) AS calls FROM call WHERE reason <> '' GROUP BY reason
  )
  SELECT count(*)::text AS calls,
         (SELECT json_object_agg(reason, calls) FROM error) AS errors,
         percentile_disc(0.5) WITHIN GROUP (ORDER BY total_ms)::float8 AS p50,
         percentile_disc(0.95) WITHIN GROUP (ORDER BY total_ms)::float8 AS p95,
         percentile_disc(0.99) WITHIN GROUP (ORDER BY total_ms)::float8 AS p99,
         coalesce(sum(rows), 0)::text AS rows,
         coalesce(sum(bytes), 0)::text AS bytes,
         count(*) FILTER (WHERE cached)::text AS cache_hits
  FROM call`;
