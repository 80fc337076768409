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

/** The cap that the caller has set is exceeded; the provider sees to it that nothing was changed. */
export function tooManyAffected(affected: number, cap: number): Failure {
  const message = `The action would touch ${affected} rows, more than \`max_affected_rows\` allows (${cap}). Nothing was changed.`;
  return new Failure("too_many_affected", message, {
    where: "request",
    remedy: "Narrow the filter, or raise `max_affected_rows`.",
    metadata: { affected_rows: String(affected) },
  });
}

/** More is to be given back than an answer holds; the provider sees to it that nothing was changed. */
export function tooMuchReturned(): Failure {
  return new Failure("too_large", "The rows to be returned are more than an answer may hold. Nothing was changed.", {
    where: "service",
    remedy: "Name fewer fields in `returning`, or change fewer rows at once.",
  });
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
