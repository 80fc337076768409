/** How actions end, whatever the database. */
import { Failure } from "../../failure.ts";
import type { ActionResult } from "../contract/action.ts";
import type { ActionStatement, CompiledAction } from "./action.ts";
import type { Row } from "./run.ts";

/** Says how many rows an action would touch, and what it would send. */
export async function rehearse(
  { statements, count, givenRows }: Pick<CompiledAction, "statements" | "count" | "givenRows">,
  read: (statement: ActionStatement) => Promise<readonly Row[]>,
): Promise<ActionResult> {
  const [[counted] = []] = count === undefined ? [] : await read(count);
  const affectedRows = count === undefined ? givenRows : Number(counted);
  return { affectedRows, fields: [], batches: [], statement: statements[0].text };
}

/** The source was told to keep a change, and has not said whether it has. */
export function outcomeUnknown(upstream: string, cause: unknown): Failure {
  return new Failure("outcome_unknown", "The source was lost while it kept the change: whether it has is not known.", {
    where: "upstream",
    upstream,
    remedy: "Look at the source before the action is sent again.",
    cause,
  });
}
