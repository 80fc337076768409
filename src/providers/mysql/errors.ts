/**
 * What errors of MySQL, of MariaDB and of the socket mean to a caller.
 *
 * The server's own text is never passed on: it may hold values.
 */
import type { Failure } from "../../failure.ts";
import { answerFailure, classifyFor } from "../sql/classify.ts";
import type { ErrorContext } from "../sql/meaning.ts";
import { answerMeaning, type ServerAnswer } from "./error-numbers.ts";
import { placeOf } from "./error-place.ts";
import { ruleOf } from "./error-rule.ts";

const upstream = "mysql";

/** What a server says of an error before it knows who asks, or without more. */
const generalState = "HY000";

/**
 * The failure that an error means, or undefined when it is none of the server's or the
 * network's. A `Failure` in, the same one out.
 */
export function classify(cause: unknown, context: ErrorContext = {}): Failure | undefined {
  return classifyFor(
    { upstream, answer: (error) => (isAnswer(error) ? classifyAnswer(error, context) : undefined) },
    cause,
  );
}

/** An error of the system has a number, too, and no SQLSTATE. */
function isAnswer(cause: Error): cause is Error & ServerAnswer {
  return "errno" in cause && typeof cause.errno === "number" && "sqlState" in cause;
}

function classifyAnswer(cause: Error & ServerAnswer, context: ErrorContext): Failure {
  const { errno, sqlState, message } = cause;
  return answerFailure(upstream, answerMeaning(cause, context), cause, {
    status: sqlState === "" ? generalState : sqlState,
    metadata: { errno: String(errno), ...ruleOf(errno, message) },
    place: placeOf(errno, message, context),
    context,
  });
}
