/**
 * One read-only statement on one connection, its rows packed as they arrive.
 *
 * It is sent in one go, so that a query costs one round trip: begin a read-only
 * transaction, set what shapes the text of values, the statement, roll back. The
 * rollback leaves nothing behind of what the statement may have set; locks of the whole
 * session, which only a caller's own statement can take, are given up apart. A stream is asked
 * for in steps instead, and rolled back when its last row has come.
 */
import type { FieldDef, Submittable } from "pg";
import { type DatabaseError, serialize } from "pg-protocol";
import { batchBytes, type PackedBatch, PackedWriter } from "../../rows/packed.ts";
import { areUtf8Together, fieldNotUtf8 } from "../../rows/utf8.ts";
import { reading } from "./conversation.ts";
import { packRow } from "./data-row.ts";
import { fieldsDiffer, notUtf8, protocolBroken } from "./protocol.ts";
import { Steps } from "./steps.ts";
import { begin, ownCommand, rollback, sync, unlock } from "./transaction.ts";
import type { RowSink, WireConnection } from "./wire.ts";

export interface Statement {
  readonly text: string;
  /** In the text form of their types; null is NULL. */
  readonly parameters: readonly (string | null)[];
  /** Rows after which the server stops; absent for all. */
  readonly maxRows?: number | undefined;
  /** Rows come when the statement has them, and not when the server's buffer is full; without `maxRows`. */
  readonly stepwise?: boolean;
  /** It is the caller's own, who may have locked what a rollback does not unlock. */
  readonly native?: boolean;
  /** It may leave in the session what neither a rollback nor a release of locks takes back. */
  readonly leavesTraces?: boolean | undefined;
  /** How many columns its rows must have; absent when the source may say. */
  readonly columns?: number;
  /** What its text says is for the service itself, which makes do with one that is not UTF-8. */
  readonly lenient?: boolean;
}

/** A batch is handed on when it is this old, in milliseconds, however few rows it has. */
const flushMs = 20;
/** Full batches that may wait for the reader before the socket is paused. */
const readyBatches = 1;

export class Reading implements Submittable, RowSink {
  /** Settles when the source has begun to answer: with the result's fields, or with its error. */
  readonly described: Promise<readonly FieldDef[]>;
  /** Settles when the connection is ready for the next statement. Never fails. */
  readonly settled: Promise<void>;
  /** The statement failed, was cut short or has left traces: the connection must not be used again. */
  broken: boolean;

  readonly #statement: Statement;
  readonly #timeoutMs: number;
  readonly #describe = Promise.withResolvers<readonly FieldDef[]>();
  readonly #settle = Promise.withResolvers<void>();
  readonly #writer = new PackedWriter();
  readonly #ready: PackedBatch[] = [];
  readonly #steps: Steps | undefined;
  #waiting: PromiseWithResolvers<PackedBatch | undefined> | undefined;
  #connection: WireConnection | undefined;
  #flushTimer: NodeJS.Timeout | undefined;
  #fields: readonly FieldDef[] | undefined;
  #columns = 0;
  /** A cell begins in the middle of a character, which does not show when the cells are looked at as one text. */
  #cut = false;
  #commands = 0;
  #rolledBack = false;
  #finished = false;
  #discarding = false;
  #error: Error | undefined;

  /** @param timeoutMs After this many milliseconds the server itself stops the statement. */
  constructor(statement: Statement, timeoutMs: number) {
    this.#statement = statement;
    this.broken = statement.leavesTraces ?? false;
    this.#steps = statement.stepwise ? new Steps() : undefined;
    this.#timeoutMs = Math.max(1, Math.ceil(timeoutMs));
    this.described = this.#describe.promise;
    this.described.catch(() => {}); // Whoever reads batches gets the error, too.
    this.settled = this.#settle.promise;
  }

  /** All rows have come. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Nothing that still comes is wanted, though the server may not know. */
  get givenUp(): boolean {
    return this.#discarding;
  }

  /** The next batch, or undefined after the last one. */
  next(): Promise<PackedBatch | undefined> {
    const batch = this.#ready.shift();
    if (batch !== undefined) {
      if (this.#ready.length < readyBatches) this.#connection?.socket.resume();
      return Promise.resolve(batch);
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#finished) return Promise.resolve(undefined);
    this.#connection?.socket.resume();
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  /**
   * Reads on without keeping anything: a server that waits for its reader does not
   * hear a cancel request.
   *
   * @param error What a waiting reader is told.
   */
  discard(error: Error): void {
    this.#ready.length = 0;
    this.#giveUp(error);
  }

  // What follows is called by pg.

  submit(connection: unknown): undefined {
    const wire = connection as WireConnection;
    this.#connection = wire;
    wire.expect(reading(this.#statement));
    // pg forgets a failed query before the server is ready again.
    const settle = () => {
      wire.off("readyForQuery", settle).off("end", settle);
      this.#settle.resolve();
    };
    wire.on("readyForQuery", settle).on("end", settle);
    const { text, parameters, maxRows = 0 } = this.#statement;
    wire.socket.write(
      Buffer.concat([
        begin,
        serialize.bind({ values: [String(this.#timeoutMs)] }),
        serialize.execute({}),
        ...(this.#steps === undefined ? [] : [serialize.flush()]),
        serialize.parse({ text }),
        serialize.bind({ values: [...parameters] }),
        serialize.describe({ type: "P", name: "" }),
        this.#steps?.begin() ?? serialize.execute({ rows: maxRows }),
      ]),
    );
    if (this.#steps === undefined) this.#rollBack();
  }

  handleRowDescription({ fields }: { fields: FieldDef[] }): void {
    const expected = this.#statement.columns ?? fields.length;
    if (fields.length !== expected) throw fieldsDiffer();
    if (fields.some(({ format }) => format !== "text")) throw protocolBroken();
    this.#fields = fields;
    this.#columns = fields.length;
    (this.#connection as WireConnection).sink = this;
    this.#describe.resolve(fields);
  }

  row(chunk: Buffer, start: number, end: number): void {
    if (this.#discarding) return;
    const writer = this.#writer;
    if (packRow(writer, this.#columns, chunk, start, end)) this.#cut = true;
    if (writer.size >= batchBytes) this.#flush();
  }

  endOfChunk(): void {
    if (this.#discarding || this.#finished) return;
    if (this.#ready.length > readyBatches) {
      this.#connection?.socket.pause();
      this.#steps?.held();
    }
    if (this.#writer.rows > 0) this.#flushTimer ??= setTimeout(() => this.#flush(), flushMs);
  }

  handleCommandComplete(): void {
    const command = this.#commands++;
    if (command === ownCommand - 1) this.#steps?.answered();
    if (command !== ownCommand) return;
    if (this.#fields === undefined && this.#statement.columns) throw fieldsDiffer();
    this.#rollBack();
    (this.#connection as WireConnection).sink = undefined;
    this.#describe.resolve([]); // A statement without a result, when nothing described one.
    this.#flush();
    this.#finish();
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete();
  }

  /** The server stopped at `maxRows`, or at the end of a step. */
  handlePortalSuspended(): void {
    if (this.#steps === undefined) this.handleCommandComplete();
    else if (!this.#rolledBack) this.#connection?.socket.write(this.#steps.next());
  }

  handleReadyForQuery(): void {
    // Only a statement that was given up has no end of its own.
    if (!this.#finished && this.#error === undefined) this.#giveUp(protocolBroken());
    this.#finish();
  }

  handleError(error: DatabaseError | Error): void {
    const connection = this.#connection;
    this.broken = true;
    if (connection === undefined) this.#settle.resolve();
    else connection.sink = undefined;
    this.#flush();
    this.#fail(error);
    this.#rollBack();
  }

  #giveUp(error: Error): void {
    this.broken = true;
    this.#discarding = true;
    this.#fail(error);
    this.#connection?.socket.resume();
    this.#rollBack();
  }

  #isUtf8(batch: PackedBatch): boolean {
    return this.#statement.lenient === true || (!this.#cut && areUtf8Together(batch));
  }

  /** Ends the transaction, or what an error has left of it; the server is ready for the next then. */
  #rollBack(): void {
    const socket = this.#connection?.socket;
    if (this.#rolledBack || socket === undefined || socket.destroyed) return;
    this.#rolledBack = true;
    socket.write(Buffer.concat(this.#statement.native ? [rollback, unlock, sync] : [rollback, sync]));
  }

  #flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    const batch = this.#writer.take();
    if (batch === undefined || this.#discarding) return;
    if (this.#isUtf8(batch)) this.#handOn(batch);
    else this.#giveUp(notUtf8(this.#fields?.[fieldNotUtf8(batch, this.#columns)]?.name));
  }

  #handOn(batch: PackedBatch): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#ready.push(batch);
    else waiting.resolve(batch);
  }

  #finish(): void {
    this.#finished = true;
    this.#waiting?.resolve(undefined);
    this.#waiting = undefined;
  }

  #fail(error: Error): void {
    clearTimeout(this.#flushTimer);
    this.#error ??= error;
    this.#describe.reject(this.#error);
    this.#waiting?.reject(this.#error);
    this.#waiting = undefined;
  }
}
