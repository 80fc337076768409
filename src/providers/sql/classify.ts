/**
 * From an error of a database to the failure that it means.
 *
 * A server's own text is never passed on: it may hold values.
 */
import { Failure, type FailureOptions } from "../../failure.ts";
import { type ErrorContext, lost, type Meaning } from "./meaning.ts";
import { networkMeaning } from "./network-errors.ts";

/** How one provider tells its errors. */
export interface ErrorSource {
  /** The provider's id. */
  readonly upstream: string;
  /** The failure that an answer of the server means; undefined when the error is none. */
  answer(cause: Error): Failure | undefined;
  /** What an error of the driver means; undefined when it is none. */
  driver?(cause: Error): Meaning | undefined;
}

/**
 * The failure that an error means, or undefined when it is none of the server's, the
 * driver's or the network's. A `Failure` in, the same one out.
 */
export function classifyFor(source: ErrorSource, cause: unknown): Failure | undefined {
  if (cause instanceof Failure) return cause;
  if (!(cause instanceof Error)) return undefined;
  const answer = source.answer(cause);
  if (answer !== undefined) return answer;
  if (cause instanceof AggregateError) {
    const [first] = cause.errors.map((error) => classifyFor(source, error)).filter((failure) => failure !== undefined);
    if (first !== undefined) return first;
  }
  const meaning = connectionMeaning(cause) ?? source.driver?.(cause);
  return meaning === undefined ? undefined : failureOf(source.upstream, meaning, cause);
}

const unreadable: Meaning = {
  ...lost,
  message: "What the source says of its own tables can't be read.",
  remedy: "Try again; if it goes on, look at what stands between the service and the source.",
};

function connectionMeaning(cause: Error): Meaning | undefined {
  // Nothing but what a source says of itself is parsed while it is asked.
  if (cause instanceof SyntaxError) return unreadable;
  return "code" in cause && typeof cause.code === "string" ? networkMeaning(cause.code) : undefined;
}

export function failureOf(upstream: string, meaning: Meaning, cause: Error, more: FailureOptions = {}): Failure {
  const { kind, where, message, remedy } = meaning;
  return new Failure(kind, message, { where, remedy, upstream, ...more, cause });
}

/**
 * The failure that a server's answer to a statement means. It points to the caller's own
 * statement when that was refused.
 *
 * @param place where in it, as the end of a sentence; empty when the server does not say
 */
export function answerFailure(
  upstream: string,
  meaning: Meaning,
  cause: Error,
  { place, context, ...options }: FailureOptions & { readonly place: string; readonly context: ErrorContext },
): Failure {
  if (meaning.kind !== "statement_rejected" || context.statement === undefined) {
    return failureOf(upstream, meaning, cause, options);
  }
  const message = place === "" ? meaning.message : `${meaning.message.replace(/\.$/, "")}, ${place}.`;
  const fields = [{ field: "query.native.text", description: message }];
  return failureOf(upstream, { ...meaning, message }, cause, { ...options, fields });
}
