/**
 * What errors of PostgreSQL, of its driver and of the socket mean to a caller.
 *
 * The server's own text is never passed on: it may hold values.
 *
 * @see https://www.postgresql.org/docs/18/errcodes-appendix.html
 */
import { DatabaseError } from "pg-protocol";
import { Failure, type FailureKind, type FailureOptions, type FailurePlace } from "../../failure.ts";

/** What the caller knows about the failed call; none of it is a secret. */
export interface ErrorContext {
  /** The configured database. */
  readonly database?: string;
  /** The configured user. */
  readonly user?: string;
  /** The caller's own native statement, as it was sent. */
  readonly statement?: string;
}

interface Meaning {
  readonly kind: FailureKind;
  readonly where: FailurePlace;
  readonly message: string;
  readonly remedy: string;
}

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
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : "";
  const meaning = socketMeaning(code) ?? driverMeaning(cause.message);
  return meaning === undefined ? undefined : failureOf(meaning, cause);
}

function classifyAnswer(cause: DatabaseError, context: ErrorContext): Failure {
  const status = cause.code ?? "";
  const meaning = answerMeaning(cause, status, context);
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

/** Where in the caller's own statement: the server counts characters from 1. */
function placeOf(position: string | undefined, statement = ""): string {
  const at = Number(position);
  if (!Number.isInteger(at) || at < 1) return "";
  const rest = [...statement].slice(at - 1, at + 63).join("");
  const token = /^(?:[\p{L}_$][\p{L}\p{N}_$.]*|"[^"]*"|\d+|\S)/u.exec(rest)?.[0];
  return token === undefined ? `at character ${at}` : `at character ${at}, \`${token}\``;
}

function answerMeaning(cause: DatabaseError, status: string, context: ErrorContext): Meaning {
  const named = byStatus[status] ?? byClass[status.slice(0, 2)];
  if (named !== undefined) return typeof named === "function" ? named(context, cause) : named;
  const serious = cause.severity === "FATAL" || cause.severity === "PANIC";
  return serious
    ? lost
    : rejected("The source refused the statement.", "Check the statement against the source's schema.");
}

const rejected = (message: string, remedy: string): Meaning => ({
  kind: "statement_rejected",
  where: "upstream",
  message,
  remedy,
});

const unavailable = (message: string, remedy = "Try again later."): Meaning => ({
  kind: "upstream_unavailable",
  where: "upstream",
  message,
  remedy,
});

const lost: Meaning = {
  kind: "upstream_lost",
  where: "upstream",
  message: "The source closed the connection.",
  remedy: "Try again; if it goes on, look at the source's own log.",
};

const credentialRejected = ({ user }: ErrorContext): Meaning => ({
  kind: "credential_rejected",
  where: "credential",
  message: `The source rejected the stored credential${user === undefined ? "" : ` of the user \`${user}\``}.`,
  remedy: "Store the right credential with UpdateConnector, and check that the source lets this user in from here.",
});

const unknownDatabase = ({ database }: ErrorContext): Meaning => ({
  kind: "configuration_rejected",
  where: "connector",
  message: database === undefined ? "The source has no such database." : `The source has no database \`${database}\`.`,
  remedy: "Change `config.database` with UpdateConnector; capitals count.",
});

const notAuthorized = (context: ErrorContext, cause: DatabaseError): Meaning =>
  // The server's rules for who may come from where and how also answer so.
  cause.routine === "ClientAuthentication" ? noEntry(context) : credentialRejected(context);

const noEntry = ({ user }: ErrorContext): Meaning => ({
  kind: "credential_rejected",
  where: "credential",
  message: `The source has no rule that lets the user${user === undefined ? "" : ` \`${user}\``} in from here in this way.`,
  remedy: "Add a line to the source's pg_hba.conf, or change whether the connector uses TLS.",
});

const denied: Meaning = {
  kind: "upstream_permission_denied",
  where: "upstream",
  message: "The connector's user may not do this at the source.",
  remedy: "Grant the user what it needs (GRANT SELECT ON …), or use a connector with another user.",
};

const resourceGone: Meaning = {
  kind: "unknown_resource",
  where: "request",
  message: "The query names a resource that the source does not have.",
  remedy: "Read GetSchema with `refresh`; the source may have changed.",
};

const fieldGone: Meaning = {
  ...resourceGone,
  kind: "unknown_field",
  message: "The query names a field that the source does not have.",
};

/** A native statement is its writer's own affair; otherwise the source has changed. */
const gone =
  (meaning: Meaning, message: string) =>
  ({ statement }: ErrorContext): Meaning =>
    statement === undefined
      ? meaning
      : rejected(message, "Name what GetSchema shows; identifiers with capitals need double quotes.");

type Entry = Meaning | ((context: ErrorContext, cause: DatabaseError) => Meaning);

const byStatus: Readonly<Record<string, Entry>> = {
  "28P01": credentialRejected,
  "28000": notAuthorized,
  "3D000": unknownDatabase,
  "42P01": gone(resourceGone, "The statement names a table that is not there"),
  "3F000": gone(resourceGone, "The statement names a schema that is not there"),
  "42703": gone(fieldGone, "The statement names a column that is not there"),
  "42883": rejected(
    "The statement calls a function or operator that is not there for these types.",
    "Cast the arguments.",
  ),
  "42601": rejected("The statement has a syntax error.", "Correct the statement."),
  "42P02": rejected("The statement has a parameter without a value.", "Give a value for each of `$1`, `$2`, …"),
  "42P18": rejected("The type of a parameter can't be told.", "Cast it: `$1::int`."),
  "42501": denied,
  "25006": rejected("The statement would change data, and a query is read-only.", "Use Execute to change data."),
  "53300": unavailable("The source has no connection left.", "Try again later, or raise the source's max_connections."),
  "53400": unavailable("The source's configuration does not allow it now."),
  "54000": rejected("The statement goes beyond a limit of the source.", "Make it smaller."),
  "54001": rejected("The statement is nested too deeply for the source.", "Nest it less."),
  "57014": {
    kind: "cancelled",
    where: "upstream",
    message: "The statement was cancelled at the source.",
    remedy: "Try again, with a longer deadline if it was too short.",
  },
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

const byClass: Readonly<Record<string, Entry>> = {
  "08": lost,
  "22": rejected(
    "A value does not fit the type that it is used with, or a computation has no result.",
    "Check the values and casts; a division by zero and a text that is no number are the usual ones.",
  ),
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

const unreachable = (message: string, remedy: string): Meaning => ({
  kind: "upstream_unreachable",
  where: "upstream",
  message,
  remedy,
});

const tlsFailed = (message: string, remedy: string): Meaning => ({
  kind: "tls_failed",
  where: "upstream",
  message,
  remedy,
});

const wrongIssuer = tlsFailed(
  "The source's certificate is not signed by an authority that the connector trusts.",
  "Give the authority's certificate in the connector's configuration.",
);

const socketMeanings: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: unreachable(
    "Nothing listens at the connector's host and port.",
    "Check `config.host` and `config.port`, and that the source is running.",
  ),
  ENOTFOUND: unreachable("The connector's host has no address.", "Check `config.host`."),
  EAI_AGAIN: unreachable("The connector's host could not be resolved now.", "Try again; check `config.host`."),
  ETIMEDOUT: unreachable(
    "The source did not answer in time.",
    "Check `config.host`, and that its firewall lets the service in.",
  ),
  EHOSTUNREACH: unreachable("No route leads to the source.", "Check `config.host` and the network."),
  ENETUNREACH: unreachable("No route leads to the source's network.", "Check `config.host` and the network."),
  ECONNRESET: lost,
  EPIPE: lost,
  ECONNABORTED: lost,
  CERT_HAS_EXPIRED: tlsFailed("The source's certificate has expired.", "Renew it at the source."),
  CERT_NOT_YET_VALID: tlsFailed("The source's certificate is not valid yet.", "Check the clocks, or wait."),
  CERT_REVOKED: tlsFailed("The source's certificate has been revoked.", "Renew it at the source."),
  ERR_TLS_CERT_ALTNAME_INVALID: tlsFailed(
    "The source's certificate is for another name.",
    "Use the name in the certificate as `config.host`.",
  ),
  DEPTH_ZERO_SELF_SIGNED_CERT: wrongIssuer,
  SELF_SIGNED_CERT_IN_CHAIN: wrongIssuer,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: wrongIssuer,
  UNABLE_TO_GET_ISSUER_CERT: wrongIssuer,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: wrongIssuer,
};

function socketMeaning(code: string): Meaning | undefined {
  const known = socketMeanings[code];
  if (known !== undefined) return known;
  if (/^(?:ERR_SSL_|ERR_TLS_|EPROTO$|CERT_|UNABLE_TO_)/.test(code)) {
    return tlsFailed(
      "No encrypted connection to the source could be agreed on.",
      "Check the TLS settings of both sides.",
    );
  }
  return undefined;
}

/** The driver has no codes of its own: its texts, as of pg 8.23, are all there is. */
const driverMessages: readonly (readonly [RegExp, Meaning])[] = [
  [
    /^The server does not support SSL connections$/,
    tlsFailed(
      "The source does not offer encryption.",
      "Turn TLS on at the source, or change the connector's TLS mode.",
    ),
  ],
  [
    /^There was an error establishing an SSL connection$/,
    tlsFailed("The source refused to encrypt the connection.", "Look at the source's own log."),
  ],
  [/^Connection terminated/, lost],
  [/^Client (?:has encountered a connection error|was closed) and is not queryable$/, lost],
  [/^timeout expired$/, socketMeanings.ETIMEDOUT as Meaning],
  [
    /^SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be/,
    { ...credentialRejected({}), message: "The source asks for a password and the stored credential has none." },
  ],
  [
    /^SASL: /,
    {
      ...credentialRejected({}),
      message:
        "The source could not prove that it knows the credential, or asks for a way to log in that is not supported.",
    },
  ],
];

function driverMeaning(message: string): Meaning | undefined {
  return driverMessages.find(([form]) => form.test(message))?.[1];
}
