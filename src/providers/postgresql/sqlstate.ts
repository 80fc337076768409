/**
 * What PostgreSQL's answers mean, by SQLSTATE or by its class.
 *
 * @see https://www.postgresql.org/docs/18/errcodes-appendix.html
 */
import type { DatabaseError } from "pg-protocol";
import {
  constraints,
  credentialRejected,
  denied,
  type Entry,
  type ErrorContext,
  fieldGone,
  lost,
  type Meaning,
  noEntry,
  ours,
  rejected,
  resourceGone,
  stopped,
  unavailable,
  unfitValue,
  unknownDatabase,
  wouldChange,
} from "../sql/meaning.ts";

export function answerMeaning(cause: DatabaseError, context: ErrorContext): Meaning {
  const status = cause.code ?? "";
  const named = byStatus[status] ?? byClass[status.slice(0, 2)];
  if (named !== undefined) return typeof named === "function" ? named(context, cause) : named;
  const serious = cause.severity === "FATAL" || cause.severity === "PANIC";
  return serious
    ? lost
    : rejected("The source refused the statement.", "Check the statement against the source's schema.");
}

const notAuthorized = (context: ErrorContext, cause: DatabaseError): Meaning =>
  // The server's rules for who may come from where and how also answer so.
  cause.routine === "ClientAuthentication"
    ? noEntry(context, "Add a line to the source's pg_hba.conf, or change whether the connector uses TLS.")
    : credentialRejected(context);

const gone = (meaning: Meaning, message: string) =>
  ours(meaning, rejected(message, "Name what GetSchema shows; identifiers with capitals need double quotes."));

const notInEncoding = rejected(
  "Text that the statement reads or makes is not valid in its encoding, or can't be written in UTF-8.",
  "Read such text as bytes: convert_to(…, getdatabaseencoding()).",
);

const byStatus: Readonly<Record<string, Entry<DatabaseError>>> = {
  "28P01": credentialRejected,
  "28000": notAuthorized,
  "3D000": unknownDatabase,
  "42P01": gone(resourceGone, "The statement names a table that is not there."),
  "3F000": gone(resourceGone, "The statement names a schema that is not there."),
  "42703": gone(fieldGone, "The statement names a column that is not there."),
  "42883": rejected(
    "The statement calls a function or operator that is not there for these types.",
    "Cast the arguments.",
  ),
  "42601": rejected("The statement has a syntax error.", "Correct the statement."),
  "42P02": rejected("The statement has a parameter without a value.", "Give a value for each of `$1`, `$2`, …"),
  "42P18": rejected("The type of a parameter can't be told.", "Cast it: `$1::int`."),
  "42501": denied,
  "22021": notInEncoding,
  "22P05": notInEncoding,
  "25006": wouldChange,
  "23502": constraints.notNull,
  "23503": constraints.reference,
  "23505": constraints.unique,
  "428C9": rejected("A field was given a value that the source makes itself.", "Leave the field out."),
  "53300": unavailable("The source has no connection left.", "Try again later, or raise the source's max_connections."),
  "53400": unavailable("The source's configuration does not allow it now."),
  "54000": rejected("The statement goes beyond a limit of the source.", "Make it smaller."),
  "54001": rejected("The statement is nested too deeply for the source.", "Nest it less."),
  "57014": stopped,
  "57P01": { ...lost, message: "The source ended the connection: it is shutting down, or an administrator did." },
  "57P02": { ...lost, message: "The source crashed and is recovering." },
  "57P03": unavailable("The source is starting, stopping or recovering."),
  "57P04": { ...unknownDatabase({}), message: "The source's database was dropped." },
  "57P05": { ...lost, message: "The source ended the connection because it was idle." },
  "0A000": rejected("The statement asks for what the source can't do.", "Write it in another way."),
  "40001": unavailable("The source could not run it beside other transactions.", "Try again."),
  "40P01": unavailable("The source ended it to resolve a deadlock.", "Try again."),
  "55P03": unavailable("What it reads is locked at the source.", "Try again later."),
};

const byClass: Readonly<Record<string, Entry<DatabaseError>>> = {
  "23": constraints.check,
  "08": lost,
  "22": unfitValue,
  "25": rejected(
    "The statement does not fit the read-only transaction that it runs in.",
    "Use Execute to change data.",
  ),
  "28": notAuthorized,
  "42": rejected("The source refused the statement as wrong.", "Correct the statement."),
  "53": unavailable("The source is out of memory, disk space or another resource."),
  "54": rejected("The statement goes beyond a limit of the source.", "Make it smaller."),
  "58": unavailable("The source has a problem with its own system.", "Look at the source's own log."),
  XX: unavailable("The source has an internal error.", "Look at the source's own log."),
};
