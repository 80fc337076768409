/**
 * One read-only statement on one connection, its rows packed as they arrive.
 *
 * The connection waits in a read-only transaction, so that a statement it knows costs
 * one round trip. When the last row has come, and the caller goes on, the transaction is
 * rolled back and the next one begun; after a statement of a caller's own, which may have
 * locked, set or made what a rollback leaves, the whole session is reset instead.
 */
import { batchBytes, type PackedBatch, PackedWriter } from "../../rows/packed.ts";
import { areUtf8Together, fieldNotUtf8 } from "../../rows/utf8.ts";
import { Columns, columnCount, type Outcome, outcome } from "./answers.ts";
import { createRowPacker, type RowPacker } from "./cells.ts";
import type { Column } from "./column.ts";
import { notUtf8 } from "./malformed.ts";
import { encodeExecute, type Parameter } from "./parameters.ts";
import { fieldsDiffer, isEndOfFile, parametersDiffer } from "./protocol.ts";
import type { SessionState } from "./state.ts";
import type { Answer } from "./wire.ts";

export interface Statement {
  readonly text: string;
  /** Null is NULL. */
  readonly parameters: readonly Parameter[];
  /** Rows after which no more are wanted; absent for all. */
  readonly maxRows?: number | undefined;
  /** It is the caller's own, who may have left traces in the session. */
  readonly native?: boolean;
  /** It is one of several in a transaction that its caller ends. */
  readonly within?: boolean;
  /** How many columns its rows must have; absent when the source may say. */
  readonly columns?: number;
  /** What its text says is for the service itself, which makes do with one that is not UTF-8. */
  readonly lenient?: boolean;
}

/** A batch is handed on when it is this old, in milliseconds, however few rows it has. */
const flushMs = 20;
/** Full batches that may wait for the reader before the socket is paused. */
const readyBatches = 1;

export class Reading implements Answer<true> {
  /** Settles when the source has begun to answer: with the result's columns, or with its error. */
  readonly described: Promise<readonly Column[]>;
  /** Settles when the server has ended the statement. Never fails. */
  readonly settled: Promise<void>;
  /** The statement failed, or was cut short: the connection must not be used again. */
  broken = false;

  readonly #state: SessionState;
  readonly #statement: Statement;
  readonly #describe = Promise.withResolvers<readonly Column[]>();
  readonly #writer = new PackedWriter();
  readonly #ready: PackedBatch[] = [];
  #waiting: PromiseWithResolvers<PackedBatch | undefined> | undefined;
  #flushTimer: NodeJS.Timeout | undefined;
  #columns: Columns | undefined;
  #pack: RowPacker | undefined;
  #rows = 0;
  #outcome: Outcome | undefined;
  #finished = false;
  /** The server has said that there are no more rows. */
  #ended = false;
  #discarding = false;
  #error: Error | undefined;

  /** @param timeoutMs After this many milliseconds, or somewhat more, the server itself stops the statement. */
  constructor(state: SessionState, statement: Statement, timeoutMs: number) {
    this.#state = state;
    this.#statement = statement;
    this.described = this.#describe.promise;
    this.described.catch(() => {}); // Whoever reads batches gets the error, too.
    this.settled = this.#run(timeoutMs);
  }

  /** All rows that were wanted have come. */
  get finished(): boolean {
    return this.#finished;
  }

  /** As many rows have come as were wanted, and the statement may have more. */
  get cut(): boolean {
    return this.#finished && !this.#ended;
  }

  /** What came of a statement without rows; known when it has settled. */
  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  /** Nothing that still comes is wanted, though the server may not know. */
  get givenUp(): boolean {
    return this.#discarding;
  }

  /** The next batch, or undefined after the last one. */
  next(): Promise<PackedBatch | undefined> {
    const batch = this.#ready.shift();
    if (batch !== undefined) {
      if (this.#ready.length < readyBatches) this.#state.wire.socket.resume();
      return Promise.resolve(batch);
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#finished) return Promise.resolve(undefined);
    this.#state.wire.socket.resume();
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  /**
   * Reads on without keeping anything: a server that waits for its reader does not
   * end what it is told to end.
   *
   * @param error What a waiting reader is told.
   */
  discard(error: Error): void {
    this.#ready.length = 0;
    this.#giveUp(error);
  }

  async #run(timeoutMs: number): Promise<void> {
    const { text, parameters, native = false, within = false, maxRows } = this.#statement;
    const state = this.#state;
    try {
      await state.tidied;
      await state.limit(timeoutMs, native ? maxRows : undefined);
      const prepared = await state.statements.prepare(text);
      // Their types and values would be taken for each other's.
      if (prepared.parameters !== parameters.length) throw parametersDiffer();
      // It was given up before it ran.
      if (this.#error !== undefined) throw this.#error;
      await state.wire.ask(encodeExecute(prepared.id, parameters), this);
      if (!this.broken && !within) state.tidy(native);
    } catch (error) {
      this.broken = true;
      this.#flush();
      this.#fail(error as Error);
    }
  }

  packet(bytes: Buffer, start: number, end: number): true | undefined {
    if (this.#pack !== undefined) {
      if (!isEndOfFile(bytes, start, end)) return this.#row(this.#pack, bytes, start, end);
      this.#flush();
      this.#ended = true;
      this.#finish();
      return true;
    }
    if (this.#columns === undefined)
      return this.#begin(columnCount(bytes, start, end), () => outcome.packet(bytes, start, end));
    if (this.#columns.packet(bytes, start, end)) {
      this.#pack = createRowPacker(this.#columns.list);
      this.#describe.resolve(this.#columns.list);
    }
    return undefined;
  }

  endOfChunk(): void {
    if (this.#discarding || this.#finished) return;
    if (this.#ready.length > readyBatches) this.#state.wire.socket.pause();
    if (this.#writer.rows > 0) this.#flushTimer ??= setTimeout(() => this.#flush(), flushMs);
  }

  #begin(count: number, ended: () => Outcome | undefined): true | undefined {
    if (count !== (this.#statement.columns ?? count)) throw fieldsDiffer();
    this.#columns = new Columns(count, this.#state);
    if (count > 0) return undefined;
    this.#outcome = ended(); // A statement without a result.
    this.#describe.resolve([]);
    this.#ended = true;
    this.#finish();
    return true;
  }

  #row(pack: RowPacker, bytes: Buffer, start: number, end: number): undefined {
    if (this.#discarding || this.#finished) return;
    pack(bytes, start, end, this.#writer);
    if (++this.#rows === this.#statement.maxRows) {
      this.#flush();
      this.#finish();
    } else if (this.#writer.size >= batchBytes) {
      this.#flush();
    }
  }

  #giveUp(error: Error): void {
    this.broken = true;
    this.#discarding = true;
    this.#fail(error);
    this.#state.wire.socket.resume();
  }

  #flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    const batch = this.#writer.take();
    if (batch === undefined || this.#discarding) return;
    if (this.#statement.lenient || areUtf8Together(batch)) this.#handOn(batch);
    else this.#giveUp(notUtf8(this.#fieldNotUtf8(batch)));
  }

  #fieldNotUtf8(batch: PackedBatch): string | undefined {
    const { list = [] } = this.#columns ?? {};
    return list[fieldNotUtf8(batch, list.length)]?.name;
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
