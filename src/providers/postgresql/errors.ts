/**
 * What errors of PostgreSQL, of its driver and of the socket mean to a caller.
 *
 * The server's own text is never passed on: it may hold values.
 */
import { DatabaseError } from "pg-protocol";
import type { Failure } from "../../failure.ts";
import { answerFailure, classifyFor } from "../sql/classify.ts";
import type { ErrorContext } from "../sql/meaning.ts";
import { driverMeaning } from "./driver-errors.ts";
import { answerMeaning } from "./sqlstate.ts";

const upstream = "postgresql";

/**
 * The failure that an error means, or undefined when it is none of PostgreSQL's, the
 * driver's or the network's. A `Failure` in, the same one out.
 */
export function classify(cause: unknown, context: ErrorContext = {}): Failure | undefined {
  return classifyFor(
    {
      upstream,
      answer: (error) => (error instanceof DatabaseError ? classifyAnswer(error, context) : undefined),
      driver: ({ message }) => driverMeaning(message),
    },
    cause,
  );
}

function classifyAnswer(cause: DatabaseError, context: ErrorContext): Failure {
  const place = placeOf(cause.position, context.statement);
  const meaning = answerMeaning(cause, context);
  return answerFailure(upstream, meaning, cause, { status: cause.code ?? "", place, context, metadata: ruleOf(cause) });
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

/** What the source calls the rule that a change would break: names, and no values. */
function ruleOf({ code = "", constraint, column }: DatabaseError): Record<string, string> {
  if (!code.startsWith("23")) return {};
  return { ...(constraint && { constraint }), ...(column && { field: column }) };
}
