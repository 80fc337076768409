/** What a server says of its plan. */
import type { SourcePlan } from "../sql/page.ts";

/** A node of the plan with its estimates, by the names that MySQL, or MariaDB, gives them. */
interface Node {
  readonly estimated_rows?: unknown;
  readonly estimated_total_cost?: unknown;
  readonly cost_info?: { readonly query_cost?: unknown };
  readonly cost?: unknown;
  readonly rows?: unknown;
  readonly rows_produced_per_join?: unknown;
}

/** @param json the answer to EXPLAIN FORMAT=JSON, in either of the forms that MySQL has for it */
export function readPlan(json: string): SourcePlan {
  const plan = parsed(json) ?? parsed(repaired(json));
  if (plan === undefined) return {};
  const root = plan.query_block ?? plan.query_plan ?? {};
  return {
    plan: [plan],
    ...estimate("estimatedRows", root.estimated_rows ?? resultRows(root)),
    ...estimate("estimatedCost", root.cost_info?.query_cost ?? root.estimated_total_cost ?? root.cost),
  };
}

function parsed(json: string): { readonly query_block?: Node; readonly query_plan?: Node } | undefined {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** MariaDB writes each text in a line of its own, with the quotes in it as they are. */
function repaired(json: string): string {
  return json.replace(/^(\s*"\w+": )"(.*)"(,?)$/gm, (_, name, text, comma) => `${name}${JSON.stringify(text)}${comma}`);
}

function estimate(name: "estimatedRows" | "estimatedCost", told: unknown): SourcePlan {
  const value = Number(told ?? Number.NaN);
  return Number.isFinite(value) ? { [name]: value } : {};
}

/** MySQL tells what each join has given so far; MariaDB only what is read of each table. */
function resultRows(root: Node): unknown {
  const joined: unknown[] = [];
  const read: unknown[] = [];
  JSON.stringify(root, (_key, node: Node | null) => {
    if (node?.rows_produced_per_join !== undefined) joined.push(node.rows_produced_per_join);
    if (node?.rows !== undefined) read.push(node.rows);
    return node;
  });
  return joined.length > 0 ? joined.at(-1) : read.length === 1 ? read[0] : undefined;
}
