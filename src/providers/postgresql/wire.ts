/**
 * pg's connection with one door more: the rows of the running query go to a sink as
 * the bytes that came from the socket, everything else to pg's own parser.
 *
 * Making JavaScript values of cells that are only passed on costs more than all
 * other work of a stream together.
 */
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import pg from "pg";
import { parse } from "pg-protocol";
import { Failure } from "../../failure.ts";
import type { SourceSocket } from "../sql/socket.ts";
import { Conversation, login, mayComeUnasked, type Script } from "./conversation.ts";
import {
  codes,
  isExpected,
  isOtherLogin,
  isWellFormed,
  mayFollow,
  notPostgresql,
  otherLogin,
  protocolBroken,
} from "./protocol.ts";

/** Takes the rows of a query; see DataRow in PostgreSQL's "Message Formats". */
export interface RowSink {
  /** `chunk[start, end)` is a DataRow's body: a count of cells, then each one's size and bytes. */
  row(chunk: Buffer, start: number, end: number): void;
  /** All that has arrived was handed over. */
  endOfChunk(): void;
}

const { authentication, dataRow, readyForQuery } = codes;
/** What a server says of a login that has succeeded. */
const welcome = 0;
const headerSize = 5;
/** What a server says before it is ready is short. libpq draws the line here, too. */
const maxStartingBytes = 64 * 1024;
/** A row larger than this is refused before it is kept. */
const maxMessageBytes = 64 * 1024 * 1024;
const keptPartialBytes = 256 * 1024;

/** What pg's own class does not declare. */
interface ConnectionInternals {
  stream: Socket;
  _connecting: boolean;
  _ending: boolean;
  _emitMessage: boolean;
}

export class WireConnection extends pg.Connection {
  /** Takes rows while it is set. */
  sink: RowSink | undefined;
  readonly #others = new EventEmitter();
  #partial = Buffer.allocUnsafe(0);
  #partialSize = 0;
  /** The server has let us in. */
  #ready = false;
  /** What the server asked for last when it wanted to know who we are. */
  #request = -1;
  /** What the server is expected to say; undefined while it is asked nothing. */
  #conversation: Conversation | undefined = new Conversation(login);
  readonly #source: SourceSocket;

  constructor(source: SourceSocket) {
    super({ stream: source.socket } as unknown as pg.ConnectionConfig);
    this.#source = source;
  }

  get socket(): Socket {
    return this.stream as Socket;
  }

  /** The socket is connected, and encrypted if it should be, before pg sees it. */
  connect(): void {
    const internals = this as unknown as ConnectionInternals;
    internals._connecting = true;
    this.socket.on("error", (error: NodeJS.ErrnoException) => {
      if (!internals._ending) this.emit("error", error);
    });
    this.socket.on("close", () => this.emit("end"));
    void parse(this.#others as unknown as NodeJS.ReadableStream, (message) => {
      this.emit(message.name === "error" ? "errorMessage" : message.name, message);
    });
    this.#source.receive((chunk) => this.#receive(chunk));
    process.nextTick(() => this.emit("connect"));
  }

  /** Something is asked that the server answers so. */
  expect(turns: Script): void {
    this.#conversation = new Conversation(turns);
  }

  #receive(chunk: Buffer): void {
    try {
      let at = 0;
      if (this.#partialSize > 0) at = this.#complete(chunk);
      if (this.#partialSize === 0) this.#messages(chunk, at);
      this.sink?.endOfChunk();
    } catch (error) {
      // pg's parser throws plain errors and RangeErrors at what it can't read.
      const ours = error instanceof Failure || error instanceof TypeError;
      this.socket.destroy(ours ? error : this.#violation(error));
    }
  }

  /** Hands over every whole message of the chunk and keeps the rest. */
  #messages(chunk: Buffer, from: number): void {
    let at = from;
    while (at + headerSize <= chunk.length) {
      const end = at + 1 + this.#checkedSize(chunk, at);
      if (end > chunk.length) break;
      if (chunk[at] === dataRow && this.sink !== undefined) this.sink.row(chunk, at + headerSize, end);
      else this.#other(chunk, at, end);
      at = end;
    }
    if (at < chunk.length) this.#keep(chunk, at, chunk.length);
  }

  /** Hands a message to pg when it keeps to the protocol: what pg makes of any other is open. */
  #other(bytes: Buffer, at: number, end: number): void {
    const code = bytes[at] as number;
    const start = at + headerSize;
    const conversation = this.#conversation;
    const inTurn = conversation === undefined ? mayComeUnasked(code) : conversation.accepts(code);
    if (!inTurn || !isWellFormed(code, bytes, start, end)) throw this.#violation();
    if (code === authentication) this.#checkRequest(bytes.readInt32BE(start));
    if (code === readyForQuery) {
      if (this.#request !== welcome) throw this.#violation();
      this.#ready = true;
      // pg asks the next while it hears of this.
      this.#conversation = undefined;
    }
    // A row that has no sink is of a command whose rows nobody wants.
    if (code !== dataRow) this.#others.emit("data", bytes.subarray(at, end));
  }

  /** Adds to the kept part of a message until it is whole; says where the chunk goes on. */
  #complete(chunk: Buffer): number {
    let at = 0;
    if (this.#partialSize < headerSize) {
      at = Math.min(headerSize - this.#partialSize, chunk.length);
      this.#keep(chunk, 0, at);
      if (this.#partialSize < headerSize) return at;
    }
    const size = 1 + this.#checkedSize(this.#partial, 0);
    const end = Math.min(at + size - this.#partialSize, chunk.length);
    this.#reserve(size);
    this.#keep(chunk, at, end);
    if (this.#partialSize === size) {
      const whole = this.#partial;
      this.#partialSize = 0;
      // A large row's memory is not kept for the next one.
      if (whole.length > keptPartialBytes) this.#partial = Buffer.allocUnsafe(0);
      this.#messages(whole.subarray(0, size), 0);
    }
    return end;
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    this.#reserve(this.#partialSize + end - start);
    chunk.copy(this.#partial, this.#partialSize, start, end);
    this.#partialSize += end - start;
  }

  #reserve(size: number): void {
    if (size <= this.#partial.length) return;
    const grown = Buffer.allocUnsafe(Math.max(size, 2 * this.#partial.length, 16_384));
    this.#partial.copy(grown, 0, 0, this.#partialSize);
    this.#partial = grown;
  }

  /** A message's size without its first byte. */
  #checkedSize(bytes: Buffer, at: number): number {
    const code = bytes[at] as number;
    const size = bytes.readUInt32BE(at + 1);
    const isRow = code === dataRow && this.#ready;
    if (size < 4 || !(isRow || isExpected(code, this.#ready))) throw this.#violation();
    if (size <= (this.#ready ? maxMessageBytes : maxStartingBytes)) return size;
    throw isRow ? rowTooLarge() : this.#violation();
  }

  #checkRequest(request: number): void {
    if (isOtherLogin(request)) throw otherLogin();
    if (!mayFollow(request, this.#request)) throw this.#violation();
    this.#request = request;
  }

  #violation(cause?: unknown): Failure {
    return this.#ready ? protocolBroken(cause) : notPostgresql(cause);
  }
}

function rowTooLarge(): Failure {
  return new Failure("too_large", `A row of the result is larger than ${maxMessageBytes / 1024 / 1024} MiB.`, {
    where: "upstream",
    upstream: "postgresql",
    remedy: "Leave the large field out of the query, or read a part of it with a native statement.",
  });
}
