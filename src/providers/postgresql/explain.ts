/** What PostgreSQL's planner expects of a statement. */
import type { SourcePlan } from "../sql/page.ts";

/**
 * Reads the answer of EXPLAIN (FORMAT JSON): one cell, a list of one object whose
 * `Plan` has the root's `Plan Rows` and `Total Cost`.
 *
 * @see https://www.postgresql.org/docs/18/sql-explain.html
 */
export function readPlan(json: string): SourcePlan {
  const plan = JSON.parse(json) as { Plan?: { "Plan Rows"?: number; "Total Cost"?: number } }[];
  const root = plan[0]?.Plan;
  return { plan, estimatedRows: root?.["Plan Rows"], estimatedCost: root?.["Total Cost"] };
}
