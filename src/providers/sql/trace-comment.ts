/** What tells a database which trace a statement is a part of. */
import type { Call, SessionContext } from "../contract.ts";

/**
 * The end of a statement's text, on a line of its own, since the text may end in a comment of the
 * line; empty where databases are told nothing. It is an id and changes with each call: whoever keeps
 * statements by their text does not know it again.
 *
 * @see https://google.github.io/sqlcommenter/spec/
 */
export function traceComment({ traces }: Pick<SessionContext, "traces">, { traceparent }: Call): string {
  return traces?.comments === true && traceparent !== undefined ? `\n/*traceparent='${traceparent}'*/` : "";
}

/** The same statement, with the comment at its end. */
export function commented<Statement extends { readonly text: string }>(statement: Statement, comment: string) {
  return comment === "" ? statement : { ...statement, text: statement.text + comment };
}
