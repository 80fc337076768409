/** What errors of a database mean to a caller, as far as it is the same for all of them. */
import type { FailureKind, FailurePlace } from "../../failure.ts";

/** What the caller knows about the failed call; none of it is a secret. */
export interface ErrorContext {
  /** The configured database. */
  readonly database?: string;
  /** The configured user. */
  readonly user?: string;
  /** The caller's own native statement. */
  readonly statement?: string;
  /** What may have been sent behind it. */
  readonly comment?: string;
  /** It was to change the source. */
  readonly changes?: boolean;
}

export interface Meaning {
  readonly kind: FailureKind;
  readonly where: FailurePlace;
  readonly message: string;
  readonly remedy: string;
}

/** What one kind of a server's answers means; the same for all of them, or by what is known. */
export type Entry<Answer> = Meaning | ((context: ErrorContext, cause: Answer) => Meaning);

export const rejected = (message: string, remedy: string): Meaning => ({
  kind: "statement_rejected",
  where: "upstream",
  message,
  remedy,
});

export const unavailable = (message: string, remedy = "Try again later."): Meaning => ({
  kind: "upstream_unavailable",
  where: "upstream",
  message,
  remedy,
});

export const lost: Meaning = {
  kind: "upstream_lost",
  where: "upstream",
  message: "The source closed the connection.",
  remedy: "Try again; if it goes on, look at the source's own log.",
};

export const stopped: Meaning = {
  kind: "cancelled",
  where: "upstream",
  message: "The statement was cancelled at the source.",
  remedy: "Try again, with a longer deadline if it was too short.",
};

export const credentialRejected = ({ user }: ErrorContext): Meaning => ({
  kind: "credential_rejected",
  where: "credential",
  message: `The source rejected the stored credential${user === undefined ? "" : ` of the user \`${user}\``}.`,
  remedy: "Store the right credential with UpdateConnector, and check that the source lets this user in from here.",
});

/** @param remedy what lets the user in at such a source */
export const noEntry = ({ user }: ErrorContext, remedy: string): Meaning => ({
  kind: "credential_rejected",
  where: "credential",
  message: `The source has no rule that lets the user${user === undefined ? "" : ` \`${user}\``} in from here in this way.`,
  remedy,
});

export const unknownDatabase = ({ database }: ErrorContext): Meaning => ({
  kind: "configuration_rejected",
  where: "connector",
  message: database === undefined ? "The source has no such database." : `The source has no database \`${database}\`.`,
  remedy: "Change `config.database` with UpdateConnector; capitals count.",
});

export const denied: Meaning = {
  kind: "upstream_permission_denied",
  where: "upstream",
  message: "The connector's user may not do this at the source.",
  remedy: "Grant the user what it needs (GRANT SELECT ON …), or use a connector with another user.",
};

export const resourceGone: Meaning = {
  kind: "unknown_resource",
  where: "request",
  message: "The query names a resource that the source does not have.",
  remedy: "Read GetSchema with `refresh`; the source may have changed.",
};

export const fieldGone: Meaning = {
  ...resourceGone,
  kind: "unknown_field",
  message: "The query names a field that the source does not have.",
};

/**
 * A native statement is its writer's own affair; otherwise the connector or the source
 * is not what it was taken to be.
 *
 * @param own what it means of a statement of the caller's own
 */
export const ours =
  (meaning: Meaning | ((context: ErrorContext) => Meaning), own: Meaning) =>
  (context: ErrorContext): Meaning => {
    if (context.statement !== undefined) return own;
    return typeof meaning === "function" ? meaning(context) : meaning;
  };

const queryWouldChange = rejected(
  "The statement would change data, and a query is read-only.",
  "Use Execute to change data.",
);

const readOnlySource: Meaning = {
  kind: "configuration_rejected",
  where: "upstream",
  message: "The source takes no changes: it is a standby, or set to be read only.",
  remedy: "Use a connector to the source's primary server.",
};

export const wouldChange = ({ changes }: ErrorContext): Meaning => (changes ? readOnlySource : queryWouldChange);

/** An action would break a rule of the source. */
export const constraintViolated = (message: string, remedy: string): Meaning => ({
  kind: "constraint_violated",
  where: "upstream",
  message,
  remedy,
});

export const constraints = {
  unique: constraintViolated(
    "There is a row with the same unique key already.",
    "Use Upsert to change that one, or give another key.",
  ),
  reference: constraintViolated(
    "A row would refer to one that is not there, or is still referred to.",
    "Make the row that it refers to first; remove those that refer to it first.",
  ),
  notNull: constraintViolated("A field that must not be null would have no value.", "Give it a value."),
  check: constraintViolated("A value breaks a rule that the source has for it.", "Look at the source's constraints."),
};

export const unfitValue = rejected(
  "A value does not fit the type that it is used with, or a computation has no result.",
  "Check the values and casts; a division by zero and a text that is no number are the usual ones.",
);
