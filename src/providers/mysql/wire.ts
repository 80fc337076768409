/**
 * Packets on a socket: cut out of what arrives, counted, and handed to whoever has asked.
 *
 * The methods to log in by are mysql2's; the packets do not go through it: it makes
 * JavaScript values of what is only passed on, goes on with packets that are out of
 * order, and takes what was sent before TLS for the server's.
 *
 * Source: MySQL, "MySQL Packets".
 */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { Failure } from "../../failure.ts";
import { SourceSocket } from "../sql/socket.ts";
import { answers, closedByServer, notMysql, protocolBroken, readError, rowTooLarge } from "./protocol.ts";

/** Takes the packets that answer a command. */
export interface Answer<T> {
  /**
   * `bytes[start, end)` is a packet without its header, and good until this returns. It is
   * no error: that ends every answer.
   *
   * @returns What the answer is, when this was its last packet.
   */
  packet(bytes: Buffer, start: number, end: number): T | undefined;
  /** All that has arrived was handed over. */
  endOfChunk?(): void;
}

/** An answer that is waited for. */
interface Asked {
  readonly answer: Answer<unknown>;
  readonly resolve: (answered: never) => void;
  readonly reject: (error: Error) => void;
}

const headerSize = 4;
/** A packet of this size goes on in the next. */
const fullPacket = 0xff_ffff;
/** What a server says before it has let us in is short. */
const maxStartingBytes = 64 * 1024;
const maxMebibytes = 64;
/** A row larger than this is refused before it is kept. */
const maxMessageBytes = maxMebibytes * 1024 * 1024;
const keptPartialBytes = 256 * 1024;

export class SourceWire {
  #source: SourceSocket;
  #asked: Asked | undefined;
  /** A packet that has not come to its end, from its header on. */
  #partial = Buffer.allocUnsafe(0);
  #partialSize = 0;
  /** The packets before of a message that is larger than one. */
  #parts: Buffer[] = [];
  #partsSize = 0;
  /** The number that the next packet must have, the server's or ours. */
  #sequence = 0;
  #ready = false;
  #lost: Error | undefined;

  /** @param source a socket on which nothing was said yet */
  constructor(source: SourceSocket) {
    this.#source = source;
    this.#listen();
  }

  get socket(): Socket | TLSSocket {
    return this.#source.socket;
  }

  get isOpen(): boolean {
    return this.#lost === undefined && !this.socket.destroyed;
  }

  /** `TLSv1.3` for example; empty without encryption. */
  get tls(): string {
    const { socket } = this;
    return "getProtocol" in socket ? (socket.getProtocol() ?? "") : "";
  }

  /** The server has let us in: from now on it may send what is large. */
  ready(): void {
    this.#ready = true;
  }

  /**
   * Sends a command and takes what answers it. One at a time.
   *
   * @throws ServerError when the server refuses, a Failure when it breaks the protocol,
   *   the socket's own error when it is lost
   */
  ask<T>(command: Buffer, answer: Answer<T>): Promise<T> {
    this.#sequence = 0;
    return this.exchange(command, answer);
  }

  /** As `ask`, in a conversation whose packets are numbered on. @param message Absent only to listen. */
  exchange<T>(message: Buffer | undefined, answer: Answer<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#lost !== undefined) return reject(this.#lost);
      this.#asked = { answer, resolve, reject };
      if (message !== undefined) this.send(message);
    });
  }

  /** Sends a command that nothing answers, while nothing else is under way. */
  tell(command: Buffer): void {
    this.#sequence = 0;
    this.send(command);
  }

  /** Sends one message in as many packets as it takes, numbered on. */
  send(message: Buffer): void {
    if (!this.isOpen) return;
    const packets: Buffer[] = [];
    for (let at = 0; ; at += fullPacket) {
      const part = message.subarray(at, at + fullPacket);
      const header = Buffer.allocUnsafe(headerSize);
      header.writeUIntLE(part.length, 0, 3);
      header[3] = this.#nextNumber();
      packets.push(header, part);
      if (part.length < fullPacket) break;
    }
    this.socket.write(Buffer.concat(packets));
  }

  /**
   * Goes on on an encrypted socket. What came behind the greeting and before the
   * encryption, somebody in between has put there.
   *
   * @throws Failure `tls_failed` then, else what `encrypted` fails with
   */
  async encrypt(encrypted: (plain: Socket) => Promise<TLSSocket>): Promise<void> {
    const plain = this.socket;
    if (this.#partialSize > 0 || this.#lost !== undefined) throw injected();
    plain.pause().removeAllListeners("data").removeAllListeners("error").removeAllListeners("close");
    // The encrypted one tells of what happens to it.
    plain.on("error", () => {});
    this.#source = new SourceSocket(await encrypted(plain));
    this.#listen();
  }

  /** Says good-bye and ends the connection. */
  end(goodbye: Buffer): void {
    this.tell(goodbye);
    this.#lost ??= closedByServer();
    this.socket.destroySoon();
  }

  /** Ends the connection at once. @param error What whoever waits is told. */
  destroy(error: Error = closedByServer()): void {
    this.#fail(error);
    this.socket.destroy();
  }

  #listen(): void {
    this.socket.on("error", (error) => this.#fail(error)).on("close", () => this.#fail(closedByServer()));
    this.#source.receive((chunk) => this.#receive(chunk));
  }

  #fail(error: Error): void {
    this.#lost ??= error;
    const asked = this.#asked;
    this.#asked = undefined;
    asked?.reject(error);
  }

  #nextNumber(): number {
    const number = this.#sequence;
    this.#sequence = (number + 1) & 0xff;
    return number;
  }

  #receive(chunk: Buffer): void {
    if (this.#lost !== undefined) return;
    try {
      let at = 0;
      if (this.#partialSize > 0) at = this.#complete(chunk);
      if (this.#partialSize === 0) this.#packets(chunk, at, chunk.length);
      this.#asked?.answer.endOfChunk?.();
    } catch (error) {
      // What reads beyond the end of a packet throws a RangeError.
      this.destroy(error instanceof RangeError ? this.#violation(error) : (error as Error));
    }
  }

  /** Hands over every whole packet and keeps the rest. */
  #packets(chunk: Buffer, from: number, to: number): void {
    let at = from;
    while (at + headerSize <= to) {
      const end = at + headerSize + this.#checkedSize(chunk, at);
      if (end > to) break;
      this.#packet(chunk, at, end);
      if (this.#lost !== undefined) return;
      at = end;
    }
    if (at < to) this.#keep(chunk, at, to);
  }

  #packet(bytes: Buffer, at: number, end: number): void {
    const start = at + headerSize;
    this.#checkNumber(bytes, at, end);
    const isFull = end - start === fullPacket;
    if (isFull || this.#parts.length > 0) this.#part(bytes, start, end, isFull);
    else this.#message(bytes, start, end);
  }

  #part(bytes: Buffer, start: number, end: number, goesOn: boolean): void {
    this.#parts.push(Buffer.from(bytes.subarray(start, end)));
    this.#partsSize += end - start;
    if (goesOn) return;
    const whole = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partsSize = 0;
    this.#message(whole, 0, whole.length);
  }

  /** A message out of order may be one that was never ours; only its last word a server says unasked. */
  #checkNumber(bytes: Buffer, at: number, end: number): void {
    const isError = end > at + headerSize && bytes[at + headerSize] === answers.error;
    if (this.#asked === undefined) throw isError ? closedByServer() : this.#violation();
    const number = bytes[at + 3];
    if (number === this.#nextNumber()) return;
    throw isError && number === 0 ? closedByServer() : this.#violation();
  }

  #message(bytes: Buffer, start: number, end: number): void {
    const asked = this.#asked as Asked;
    if (bytes[start] === answers.error && end > start) {
      this.#asked = undefined;
      asked.reject(readError(bytes, start, end));
      return;
    }
    const answered = asked.answer.packet(bytes, start, end);
    if (answered === undefined) return;
    this.#asked = undefined;
    asked.resolve(answered as never);
  }

  /** Adds to the kept part of a packet until it is whole; says where the chunk goes on. */
  #complete(chunk: Buffer): number {
    let at = 0;
    if (this.#partialSize < headerSize) {
      at = Math.min(headerSize - this.#partialSize, chunk.length);
      this.#keep(chunk, 0, at);
      if (this.#partialSize < headerSize) return at;
    }
    const size = headerSize + this.#checkedSize(this.#partial, 0);
    const end = Math.min(at + size - this.#partialSize, chunk.length);
    this.#reserve(size);
    this.#keep(chunk, at, end);
    if (this.#partialSize === size) {
      const whole = this.#partial;
      this.#partialSize = 0;
      // A large row's memory is not kept for the next one.
      if (whole.length > keptPartialBytes) this.#partial = Buffer.allocUnsafe(0);
      this.#packet(whole, 0, size);
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

  #checkedSize(bytes: Buffer, at: number): number {
    const size = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
    if (this.#partsSize + size <= (this.#ready ? maxMessageBytes : maxStartingBytes)) return size;
    throw this.#ready ? rowTooLarge(maxMebibytes) : this.#violation();
  }

  #violation(cause?: unknown): Failure {
    return this.#ready ? protocolBroken(cause) : notMysql(cause);
  }
}

function injected(): Failure {
  return new Failure("tls_failed", "The server sent data before the TLS handshake.", {
    where: "upstream",
    upstream: "mysql",
    remedy: "Check what stands between the service and the database.",
  });
}
