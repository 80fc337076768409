/** What keeps to PostgreSQL's protocol, and what it means when a server does not. */
import { Failure } from "../../failure.ts";

export const codes = {
  authentication: "R".charCodeAt(0),
  dataRow: "D".charCodeAt(0),
  readyForQuery: "Z".charCodeAt(0),
};

/** All that a server sends before it is ready for a query, and all that it may send then to us. */
const whileStarting = new Set(Buffer.from("RENSKZ"));
const whenReady = new Set(Buffer.from("ACDEINSTZnst12"));

/** Looks at the letter of a message that is still to come. What is asked by us knows no other ones. */
export function isExpected(code: number, ready: boolean): boolean {
  return (ready ? whenReady : whileStarting).has(code);
}

/** Whether `bytes[start, end)` is the body of one kind of message, to its last byte. */
type BodyCheck = (bytes: Buffer, start: number, end: number) => boolean;

const ofSize =
  (size: number): BodyCheck =>
  (_bytes, start, end) =>
    end - start === size;

/** Some bytes, and texts each of which a NUL ends. */
const texts =
  (count: number, before = 0): BodyCheck =>
  (bytes, start, end) => {
    let at = start + before;
    for (let i = 0; i < count; i++) {
      const stop = at < end ? bytes.indexOf(0, at) : -1;
      if (stop < 0) return false;
      at = stop + 1;
    }
    return at === end;
  };

/**
 * The body of an error or a notice: letters, each with a text that a NUL ends, and a NUL
 * at the end. pg's parser looks for that last NUL for ever, and the whole process with it.
 */
const fieldList: BodyCheck = (bytes, start, end) => {
  let at = start;
  while (at < end && bytes[at] !== 0) {
    const stop = bytes.indexOf(0, at + 1);
    if (stop < 0) return false;
    at = stop + 1;
  }
  return at === end - 1;
};

/** What follows each field's name in a RowDescription. */
const fieldBytes = 18;

const rowDescription: BodyCheck = (bytes, start, end) => {
  if (end - start < 2) return false;
  let at = start + 2;
  for (let left = bytes.readUInt16BE(start); left > 0; left--) {
    const stop = at < end ? bytes.indexOf(0, at) : -1;
    if (stop < 0) return false;
    at = stop + 1 + fieldBytes;
  }
  return at === end;
};

const parameterDescription: BodyCheck = (bytes, start, end) =>
  end - start >= 2 && end - start === 2 + 4 * bytes.readUInt16BE(start);

const transactionState: BodyCheck = (bytes, start, end) =>
  end - start === 1 && "ITE".includes(String.fromCharCode(bytes[start] as number));

/** How long the requests are whose length is known: welcome, clear text, MD5 with its salt. */
const requestSizes: Readonly<Record<number, number>> = { 0: 4, 3: 4, 5: 8 };

const request: BodyCheck = (bytes, start, end) => {
  const size = end - start;
  return size >= 4 && size === (requestSizes[bytes.readInt32BE(start)] ?? size);
};

const bodyChecks = new Map<number, BodyCheck>(
  Object.entries({
    R: request,
    K: ofSize(8),
    S: texts(2),
    N: fieldList,
    E: fieldList,
    A: texts(2, 4),
    Z: transactionState,
    T: rowDescription,
    t: parameterDescription,
    C: texts(1),
    1: ofSize(0),
    2: ofSize(0),
    I: ofSize(0),
    n: ofSize(0),
    s: ofSize(0),
    // Nobody reads it unless it is the caller's, who looks at it himself.
    D: () => true,
  }).map(([letter, check]) => [letter.charCodeAt(0), check]),
);

/**
 * Whether a message is what its letter promises: pg's parser reads on behind the end of one
 * that is too short, and passes over what one has too much.
 */
export function isWellFormed(code: number, bytes: Buffer, start: number, end: number): boolean {
  return bodyChecks.get(code)?.(bytes, start, end) ?? false;
}

/** What a server may ask for, or say, after what; -1 is before it has said anything. */
const requestsAfter: Readonly<Record<number, readonly number[]>> = {
  [-1]: [0, 3, 5, 10],
  3: [0],
  5: [0],
  10: [11],
  11: [12],
  12: [0],
};

/** Whether one step of a login may follow another: 0 lets in, 3 and 5 want a password, 10 to 12 are SCRAM's three. */
export function mayFollow(request: number, before: number): boolean {
  return requestsAfter[before]?.includes(request) ?? false;
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

export function malformedRow(): Failure {
  return new Failure("upstream_lost", "The source sent a row that is not as long as it says.", {
    where: "upstream",
    upstream: "postgresql",
    remedy: "Check that the connector's host and port are those of a PostgreSQL server.",
  });
}

/** A statement's rows have not the columns that it was planned with. */
export function fieldsDiffer(): Failure {
  return new Failure("upstream_lost", "The source gave a result with other fields than it has described.", {
    where: "upstream",
    upstream: "postgresql",
    remedy: "Try again: what the query reads may just have been changed.",
  });
}

/** A database in the encoding SQL_ASCII holds, and gives, whatever bytes it was once sent. */
export function notUtf8(field = "?"): Failure {
  return new Failure("configuration_rejected", `The source's text in the field \`${field}\` is not UTF-8.`, {
    where: "upstream",
    upstream: "postgresql",
    remedy:
      "Move the database to the encoding UTF8, or read the field as bytes in a native statement: convert_to(…, getdatabaseencoding()).",
    metadata: { field },
  });
}
