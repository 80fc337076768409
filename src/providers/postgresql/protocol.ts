/** What keeps to PostgreSQL's protocol, and what it means when a server does not. */
import { Failure } from "../../failure.ts";

export const codes = {
  authentication: "R".charCodeAt(0),
  dataRow: "D".charCodeAt(0),
  errorResponse: "E".charCodeAt(0),
  noticeResponse: "N".charCodeAt(0),
  readyForQuery: "Z".charCodeAt(0),
};

/** All that a server sends before it is ready for a query, and all that it may send then. */
const whileStarting = new Set(Buffer.from("RENSKZ"));
const whenReady = new Set(Buffer.from("ACDEGHINSTZcdnst123"));

export function isExpected(code: number, ready: boolean): boolean {
  return (ready ? whenReady : whileStarting).has(code);
}

/**
 * Whether `bytes[start, end)` is the body of an error or a notice: letters, each with a
 * text that a NUL ends, and a NUL at the end. pg's parser looks for that last NUL for
 * ever, and the whole process with it.
 */
export function isFieldList(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end && bytes[at] !== 0) {
    const stop = bytes.indexOf(0, at + 1);
    if (stop < 0) return false;
    at = stop + 1;
  }
  return at < end;
}

/** Kerberos, SCM, GSSAPI and SSPI: what a server may ask for that no password answers. */
export function isOtherLogin(request: number): boolean {
  return request === 2 || (request >= 6 && request <= 9);
}

export function otherLogin(): Failure {
  return new Failure("credential_rejected", "The source asks for another way to log in than by a password.", {
    where: "credential",
    upstream: "postgresql",
    remedy: 'Let the server use "scram-sha-256" for this user in pg_hba.conf.',
  });
}

export function notPostgresql(cause?: unknown): Failure {
  return new Failure(
    "configuration_rejected",
    "What answers at the connector's host and port does not speak PostgreSQL's protocol.",
    {
      where: "connector",
      upstream: "postgresql",
      remedy: "Check `config.host` and `config.port`: the server itself or a pooler of its protocol must listen there.",
      cause,
    },
  );
}

export function protocolBroken(cause?: unknown): Failure {
  return new Failure("upstream_lost", "The source sent what PostgreSQL's protocol does not allow.", {
    where: "upstream",
    upstream: "postgresql",
    remedy: "Try again; if it goes on, look at what stands between the service and the source.",
    cause,
  });
}
