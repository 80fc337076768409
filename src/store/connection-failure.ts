/** What is wrong with the service's own database, said without its password. */
import { Failure } from "../failure.ts";
import { cannotConnect } from "./pool.ts";

/** A PostgreSQL URL that names a database. @throws Failure "configuration_rejected", which does not repeat it */
export function checkUrl(url: string): void {
  const parsed = URL.parse(url);
  if (parsed !== null && /^postgres(ql)?:$/.test(parsed.protocol) && parsed.pathname.length > 1) return;
  throw new Failure("configuration_rejected", "DATABASE_URL is not the URL of a PostgreSQL database.", {
    where: "service",
    remedy: "Write it as postgres://user:password@host:5432/database, with special characters percent-encoded.",
  });
}

/** Turns the driver's error into one for whoever starts the service. */
export function connectionFailure(url: string, cause: unknown): Failure {
  const { hostname, port, username, pathname } = new URL(url);
  const place = `${hostname || "the local socket"}:${port || 5432}`;
  const user = decodeURIComponent(username);
  const database = decodeURIComponent(pathname.slice(1));
  const code = codeOf(cause) ?? "no answer";
  const failure = (message: string, remedy: string): Failure =>
    new Failure("configuration_rejected", message, { where: "service", remedy, status: code, cause });
  switch (code) {
    case "28P01":
    case "28000":
      return failure(
        `The database at ${place} refuses the user "${user}".`,
        "Correct the user or the password in DATABASE_URL.",
      );
    case "3D000":
      return failure(`There is no database "${database}" at ${place}.`, "Create it, or name another in DATABASE_URL.");
    case "42501":
      return failure(
        `The user "${user}" may not do what the service's schema needs in "${database}" at ${place}.`,
        "Let the user own the database, or what an earlier user of the service has made in it.",
      );
    default:
      return failure(
        `The database at ${place} can't be used (${code}).`,
        "See that it runs and that this host reaches it, or correct DATABASE_URL.",
      );
  }
}

/**
 * The failure for a caller when the database could not be reached, was lost, or has no
 * room, or can only be read; undefined when the error is any other: a statement's, or a fault of ours.
 *
 * @param asked Whether all statements had been sent, so that only the commit's fate is unknown.
 */
export function unavailable(cause: unknown, asked: boolean): Failure | undefined {
  if (!isConnections(cause)) return undefined;
  const late = lateStates.has(codeOf(cause) ?? "");
  const message = late
    ? "The service's own database did not answer in time."
    : "The service can't reach its own database now.";
  const retry = "Try again in a moment: another replica may answer.";
  return new Failure("service_unavailable", message, {
    where: "service",
    remedy: asked ? `${retry} A change may have been made all the same.` : retry,
    retryAfterMs,
    cause,
  });
}

const retryAfterMs = 1_000;

/**
 * SQLSTATEs of the connection, by class or whole: lost (08), not let in (28), the database
 * not there (3D000), no room (53), a standby that can only be read (25006), and ended by an administrator, a crash, a start, a
 * takeover or a time limit.
 * @see https://www.postgresql.org/docs/18/errcodes-appendix.html
 */
const connectionState = /^(?:08...|28...|3D000|53...|57014|57P0[1-5]|25P0[34]|25006)$/;
/** The time limits of a statement and of a transaction. */
const lateStates: ReadonlySet<string> = new Set(["57014", "25P03", "25P04", "ETIMEDOUT"]);

/** Codes of sockets and of the look-up of names, and those of TLS. */
const socketCode =
  /^(?:E(?:CONN(?:REFUSED|RESET|ABORTED)|PIPE|TIMEDOUT|(?:HOST|NET)(?:UNREACH|DOWN)|NETRESET|NOTFOUND|AI_AGAIN|ADDRNOTAVAIL|PROTO|MFILE|NFILE)|ERR_(?:SSL|TLS)_\w+|CERT_\w+|UNABLE_TO_\w+|(?:DEPTH_ZERO_)?SELF_SIGNED_\w+)$/;

/** The driver has no codes of its own: its texts, as of pg 8.23, are all there is. */
const driverMessage =
  /^(?:Connection terminated|timeout expired$|timeout exceeded when trying to connect$|Client (?:has encountered a connection error|was closed) and is not queryable$|Received unexpected |received invalid response: |The server does not support SSL connections$|There was an error establishing an SSL connection$|SASL: )/;

function isConnections(cause: unknown): boolean {
  const code = codeOf(cause);
  if (code !== undefined) return connectionState.test(code) || socketCode.test(code);
  for (let error = cause; error instanceof Error; error = error.cause) {
    if (error.message === cannotConnect || driverMessage.test(error.message)) return true;
  }
  return false;
}

/** The SQLSTATE or the system's code of an error, or of what caused it. */
function codeOf(cause: unknown): string | undefined {
  for (let error = cause; error instanceof Error; error = error.cause) {
    if ("code" in error && typeof error.code === "string") return error.code;
    const [first] = error instanceof AggregateError ? error.errors : [];
    if (first !== undefined) return codeOf(first);
  }
  return undefined;
}
