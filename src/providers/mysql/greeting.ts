/**
 * The first words of both sides.
 *
 * Source: MySQL, "Protocol::HandshakeV10" and "Protocol::HandshakeResponse41"; MariaDB,
 * "Connecting".
 */
import { writeLength, writtenSize } from "./length.ts";
import { capabilities, extendedMetadata, notMysql } from "./protocol.ts";
import type { Answer } from "./wire.ts";

export interface Greeting {
  /** As the server says it: `8.4.3`, `5.5.5-10.11.9-MariaDB`. */
  readonly version: string;
  readonly capabilities: number;
  readonly isMariaDb: boolean;
  /** MariaDB's own capabilities; 0 for others. */
  readonly more: number;
  /** What the password is mixed with. */
  readonly scramble: Buffer;
  /** The method to log in that the server would like. */
  readonly method: string;
}

const protocolVersion = 10;
/** Bytes of the fields behind the version whose place is fixed. */
const fixedBytes = 31;
const scrambleBytes = 20;

/** What a server must know for us to speak with it: all since MySQL 5.5 do. */
const needed =
  capabilities.protocol41 | capabilities.secureConnection | capabilities.pluginAuth | capabilities.connectWithDatabase;

export const greeting: Answer<Greeting> = {
  packet(bytes, start, end) {
    const stop = bytes.indexOf(0, start);
    if (bytes[start] !== protocolVersion || stop < 0 || end - stop - 1 < fixedBytes) throw notMysql();
    const version = bytes.toString("latin1", start + 1, stop);
    const at = stop + 1;
    const low = bytes.readUInt16LE(at + 13);
    const high = bytes.readUInt16LE(at + 18);
    const offered = (low | (high << 16)) >>> 0;
    if ((offered & needed) !== needed) throw notMysql();
    const rest = at + fixedBytes;
    const restSize = Math.max(13, (bytes[at + 20] as number) - 8);
    const nameEnd = bytes.indexOf(0, rest + restSize);
    if (rest + restSize > end || nameEnd < 0 || nameEnd > end) throw notMysql();
    // A MariaDB says that it is none of MySQL's by a capability that it has not.
    const isMariaDb = (offered & capabilities.longPassword) === 0 || /mariadb/i.test(version);
    return {
      version,
      isMariaDb,
      capabilities: offered,
      more: (offered & capabilities.longPassword) === 0 ? bytes.readUInt32LE(at + 27) : 0,
      scramble: Buffer.concat([bytes.subarray(at + 4, at + 12), bytes.subarray(rest, rest + scrambleBytes - 8)]),
      method: bytes.toString("latin1", rest + restSize, nameEnd),
    };
  },
};

/** utf8mb4_general_ci, which every server has. */
const collation = 45;
const reserved = 19;

/** Whether a server tells what its own types are: `uuid`, `inet6`, `json`. */
export function tellsMetadata({ more }: Pick<Greeting, "more">): boolean {
  return (more & extendedMetadata) !== 0;
}

/**
 * What both sides can do, and we use: no files of ours, no second statement in one, no second
 * result. An update counts the rows that it has found, whether it changed them or not.
 */
function agreed(greeting: Greeting, encrypted: boolean): number {
  const { longPassword, foundRows, longFlag, transactions, pluginAuthLength, connectAttributes, tls } = capabilities;
  const own = tellsMetadata(greeting) ? 0 : longPassword;
  const wanted = needed | foundRows | longFlag | transactions | pluginAuthLength | connectAttributes | own;
  return ((wanted & (greeting.capabilities | longPassword)) | (encrypted ? tls : 0)) >>> 0;
}

/** How both of our first messages begin; the first one, which asks for TLS, is nothing but this. */
export function opening(greeting: Greeting, encrypted: boolean): Buffer {
  const head = Buffer.alloc(4 + 4 + 1 + reserved + 4);
  head.writeUInt32LE(agreed(greeting, encrypted), 0);
  head.writeUInt32LE(maxPacket, 4);
  head[8] = collation;
  if (tellsMetadata(greeting)) head.writeUInt32LE(extendedMetadata, 9 + reserved);
  return head;
}

/** What a server may expect us to take as one message: more than any row that we do. */
const maxPacket = 0x4000_0000;

/** All that the server is told of the program. */
const attributes: readonly (readonly [string, string])[] = [["program_name", "connector-service"]];

/** Who wants in, and what proves it by the given method. */
export function response(
  greeting: Greeting,
  encrypted: boolean,
  { user, database, method, proof }: { user: string; database: string; method: string; proof: Buffer },
): Buffer {
  const shared = agreed(greeting, encrypted);
  const said = attributes.flat().map((text) => sized(Buffer.from(text)));
  return Buffer.concat([
    opening(greeting, encrypted),
    Buffer.from(`${user}\0`),
    shared & capabilities.pluginAuthLength ? sized(proof) : Buffer.concat([Buffer.from([proof.length]), proof]),
    Buffer.from(`${database}\0${method}\0`),
    shared & capabilities.connectAttributes ? sized(Buffer.concat(said)) : Buffer.alloc(0),
  ]);
}

function sized(bytes: Buffer): Buffer {
  const length = Buffer.alloc(writtenSize(bytes.length));
  writeLength(length, 0, bytes.length);
  return Buffer.concat([length, bytes]);
}
