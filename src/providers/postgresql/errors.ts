/**
 * What errors of PostgreSQL, of its driver and of the socket mean to a caller.
 *
 * The server's own text is never passed on: it may hold values.
 */
import { DatabaseError } from "pg-protocol";
import { Failure, type FailureOptions } from "../../failure.ts";
import { connectionMeaning } from "./connection-errors.ts";
import { answerMeaning, type ErrorContext, type Meaning } from "./sqlstate.ts";

/**
 * The failure that an error means, or undefined when it is none of PostgreSQL's, the
 * driver's or the network's. A `Failure` in, the same one out.
 */
export function classify(cause: unknown, context: ErrorContext = {}): Failure | undefined {
  if (cause instanceof Failure) return cause;
  if (cause instanceof DatabaseError) return classifyAnswer(cause, context);
  if (!(cause instanceof Error)) return undefined;
  if (cause instanceof AggregateError) {
    const [first] = cause.errors.map((error) => classify(error, context)).filter((failure) => failure !== undefined);
    if (first !== undefined) return first;
  }
  const meaning = connectionMeaning(cause);
  return meaning === undefined ? undefined : failureOf(meaning, cause);
}

function classifyAnswer(cause: DatabaseError, context: ErrorContext): Failure {
  const status = cause.code ?? "";
  const meaning = answerMeaning(cause, context);
  const rejected = meaning.kind === "statement_rejected" && context.statement !== undefined;
  const place = rejected ? placeOf(cause.position, context.statement) : "";
  const message = place === "" ? meaning.message : `${meaning.message.replace(/\.$/, "")}, ${place}.`;
  return failureOf({ ...meaning, message }, cause, {
    status,
    ...(rejected ? { fields: [{ field: "query.native.text", description: message }] } : {}),
  });
}

function failureOf({ kind, where, message, remedy }: Meaning, cause: Error, more: FailureOptions = {}): Failure {
  return new Failure(kind, message, { where, remedy, upstream: "postgresql", ...more, cause });
}

/**
 * Where in the caller's own statement: the server counts characters from 1. A name
 * that stands there is quoted; a literal is not, since it is a value.
 */
function placeOf(position: string | undefined, statement = ""): string {
  const at = Number(position);
  if (!Number.isInteger(at) || at < 1) return "";
  const rest = [...statement].slice(at - 1, at + 63).join("");
  const [name] = /^(?:[\p{L}_][\p{L}\p{N}_$.]*|"[^"]+"|\$\d+)/u.exec(rest) ?? [];
  return name === undefined ? `at character ${at}` : `at character ${at}, \`${name}\``;
}
