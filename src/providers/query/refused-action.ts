/** Actions that are refused for what they would touch, whatever the source. */
import { Failure } from "../../failure.ts";

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
