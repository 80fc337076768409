/** What has been used of an agent's budgets, counted by the store for all replicas, by the store's clock. */
import type { EntityManager } from "@mikro-orm/postgresql";

export type BudgetUnit = "calls" | "rows" | "bytes" | "time";

/** An amount per time: windows begin at multiples of their length since 1970. */
export interface Budget {
  readonly unit: BudgetUnit;
  /** The most there may be in a window; milliseconds of time. */
  readonly amount: number;
  readonly windowMs: number;
}

/** Whose budgets: an agent's on one connector. */
export interface Spender {
  readonly organizationId: string;
  readonly agent: string;
  readonly connectorId: string;
}

export interface Use {
  readonly unit: BudgetUnit;
  readonly windowMs: number;
  readonly amount: number;
}

export interface Used extends Use {
  /** Milliseconds until the window ends. */
  readonly leftMs: number;
}

/**
 * Rows are locked in one order, so that calls of one agent wait for each other and never in a
 * circle. One that has waited may come with the window of before: it counts in the one that is.
 */
const counting = `
  INSERT INTO grant_usage AS known (organization_id, agent, connector_id, unit, window_ms, window_start, used)
  SELECT ?, ?, ?, unit, "windowMs",
    date_bin("windowMs" * interval '1 millisecond', clock_timestamp(), 'epoch'), amount
  FROM jsonb_to_recordset(?::jsonb) AS added (unit text, "windowMs" bigint, amount bigint)
  ORDER BY unit, "windowMs"
  ON CONFLICT (organization_id, agent, connector_id, unit, window_ms) DO UPDATE SET
    used = excluded.used + CASE WHEN known.window_start < excluded.window_start THEN 0 ELSE known.used END,
    window_start = greatest(known.window_start, excluded.window_start)
  RETURNING unit, window_ms::text AS "windowMs", used::text AS amount,
    ceil(date_part('epoch', window_start + window_ms * interval '1 millisecond' - clock_timestamp()) * 1000)::text AS "leftMs"`;

/**
 * Adds to what was used, and gives what was used then, with this.
 *
 * @param em A transaction of the organization
 * @param uses One at most for each unit and window
 * @throws `ForeignKeyConstraintViolationException` when the grant has gone
 */
export async function addUses(em: EntityManager, spender: Spender, uses: readonly Use[]): Promise<readonly Used[]> {
  const { organizationId, agent, connectorId } = spender;
  const rows = await em.execute<Record<"unit" | "windowMs" | "amount" | "leftMs", string>[]>(counting, [
    ...[organizationId, agent, connectorId],
    JSON.stringify(uses),
  ]);
  return rows.map(({ unit, windowMs, amount, leftMs }) => ({
    unit: unit as BudgetUnit,
    windowMs: Number(windowMs),
    amount: Number(amount),
    leftMs: Math.max(1, Number(leftMs)),
  }));
}
