/** Words of MySQL's protocol, and what it means when a server does not keep to it. */
import { Failure, stackless } from "../../failure.ts";

/** The first byte of a command. */
export const commands = { quit: 0x01, query: 0x03, ping: 0x0e, prepare: 0x16, close: 0x19, reset: 0x1f } as const;

/** The first byte of an answer, where no row is expected. */
export const answers = { ok: 0x00, moreData: 0x01, localInfile: 0xfb, endOfFile: 0xfe, error: 0xff } as const;

/** What both sides can do; see "Capabilities Flags" of MySQL's protocol. */
export const capabilities = {
  longPassword: 0x1,
  foundRows: 0x2,
  longFlag: 0x4,
  connectWithDatabase: 0x8,
  protocol41: 0x200,
  tls: 0x800,
  transactions: 0x2000,
  secureConnection: 0x8000,
  pluginAuth: 0x8_0000,
  connectAttributes: 0x10_0000,
  pluginAuthLength: 0x20_0000,
} as const;

/** MariaDB's own, which it tells and is told beside the others. */
export const extendedMetadata = 0x8;

/** An end of something, which is shorter than any row that begins with the same byte. */
export function isEndOfFile(bytes: Buffer, start: number, end: number): boolean {
  return bytes[start] === answers.endOfFile && end - start < 9;
}

/** A command with a text as its body. */
export function command(code: number, text = ""): Buffer {
  const body = Buffer.allocUnsafe(1 + Buffer.byteLength(text));
  body[0] = code;
  body.write(text, 1);
  return body;
}

/** What a server answered instead of a result. The text is the server's own, for the log only. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  /** The server's number for it: 1146 for a table that is not there. */
  readonly errno: number;
  /** `42S02` for example; empty when it told none, as before a login. */
  readonly sqlState: string;

  constructor(errno: number, sqlState: string, message: string) {
    super(message);
    this.errno = errno;
    this.sqlState = sqlState;
  }
}

const stateSize = 5;

/** Reads `bytes[start, end)`, an ERR packet. */
export function readError(bytes: Buffer, start: number, end: number): ServerError {
  if (end - start < 3) throw protocolBroken();
  const errno = bytes.readUInt16LE(start + 1);
  const text = start + 3;
  const hasState = end - text > stateSize && bytes[text] === "#".charCodeAt(0);
  const sqlState = hasState ? bytes.toString("latin1", text + 1, text + 1 + stateSize) : "";
  const message = bytes.toString("utf8", hasState ? text + 1 + stateSize : text, end);
  return stackless(() => new ServerError(errno, sqlState, message));
}

/** A connection that ends without a word, as Node says it of a socket. */
export function closedByServer(): Error {
  return stackless(() => Object.assign(new Error("the connection was closed by the server"), { code: "ECONNRESET" }));
}

const upstream = "mysql";

export function notMysql(cause?: unknown): Failure {
  return new Failure(
    "configuration_rejected",
    "What answers at the connector's host and port does not speak MySQL's protocol.",
    {
      where: "connector",
      upstream,
      remedy: "Check `config.host` and `config.port`: the server itself or a proxy of its protocol must listen there.",
      cause,
    },
  );
}

export function protocolBroken(cause?: unknown): Failure {
  return new Failure("upstream_lost", "The source sent what MySQL's protocol does not allow.", {
    where: "upstream",
    upstream,
    remedy: "Try again; if it goes on, look at what stands between the service and the source.",
    cause,
  });
}

/** A statement's rows have not the columns that it was planned with. */
export function fieldsDiffer(): Failure {
  return new Failure("upstream_lost", "The source gave a result with other fields than it has described.", {
    where: "upstream",
    upstream,
    remedy: "Try again: what the query reads may just have been changed.",
  });
}

/** The server reads other parameters in a statement than were read in it here: a fault of ours. */
export function parametersDiffer(): Failure {
  return new Failure("internal", "A statement has not as many parameters at the source as it was sent with.", {
    where: "service",
    upstream,
  });
}

/** @param mebibytes how large a row may be */
export function rowTooLarge(mebibytes: number): Failure {
  return new Failure("too_large", `A row of the result is larger than ${mebibytes} MiB.`, {
    where: "upstream",
    upstream,
    remedy: "Leave the large field out of the query, or read a part of it with a native statement.",
  });
}
