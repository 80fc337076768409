import { fromBinary, type Message } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import {
  Format,
  type StreamHeader,
  StreamHeaderSchema,
  type StreamTrailer,
  StreamTrailerSchema,
} from "../gen/connector/v1/stream_pb.js";
import type { Cells } from "./decode/cells.ts";
import { type Part, partOf } from "./decode/message.ts";
import { PackedCells } from "./decode/packed.ts";
import { ValueCells } from "./decode/values.ts";
import { ConnectorError, incompleteStream, unreadable } from "./error.ts";
import { type Row, RowShape, type UntypedFields } from "./row.ts";

/** Starts the call; its messages are undecoded (see decode/message.ts). */
export type OpenStream = (signal: AbortSignal) => Promise<AsyncIterable<Message>>;

/** Some rows of a stream, as they came. */
export class RowBatch<T extends object = UntypedFields> implements Iterable<Row<T>> {
  /** What the batch took on its way, before compression. */
  readonly bytes: number;
  readonly #shape: RowShape;
  readonly #cells: Cells;

  constructor(shape: RowShape, cells: Cells, bytes: number) {
    this.#shape = shape;
    this.#cells = cells;
    this.bytes = bytes;
  }

  get length(): number {
    return this.#cells.rows;
  }

  /** The row at a place, from 0. Throws a RangeError when there is none. */
  row(index: number): Row<T> {
    if (!(index >= 0 && index < this.length)) throw new RangeError(`The batch has no row ${index}.`);
    return this.#shape.row<T>(this.#cells, index);
  }

  *[Symbol.iterator](): Generator<Row<T>, undefined> {
    for (let index = 0; index < this.#cells.rows; index++) yield this.#shape.row<T>(this.#cells, index);
    return undefined;
  }
}

/**
 * The rows of one query, to be read once.
 *
 *     for await (const row of client.stream(id, { resource: "cities" })) console.log(row.name);
 *
 * The call starts when something is read of it, the header included. Leaving the loop
 * early cancels it, and so stops the statement at the source. A loop that ends without
 * an error has seen every row (unless the trailer says `truncated`); every error is a
 * ConnectorError, one in the middle comes after the rows already read.
 */
export class RowStream<T extends object = UntypedFields> implements AsyncIterable<Row<T>> {
  readonly #open: OpenStream;
  readonly #signal: AbortSignal | undefined;
  readonly #controller = new AbortController();
  readonly #trailer = Promise.withResolvers<StreamTrailer>();
  #header: Promise<StreamHeader> | undefined;
  #messages: AsyncIterator<Message> | undefined;
  #shape: RowShape | undefined;
  #taken = false;

  /** `signal` is the caller's own, which `open` knows too; it explains errors. */
  constructor(open: OpenStream, signal?: AbortSignal) {
    this.#open = open;
    this.#signal = signal;
    // Whoever reads the rows gets the error; the trailer need not be asked for.
    this.#trailer.promise.catch(() => undefined);
  }

  /** What the rows look like. */
  get header(): Promise<StreamHeader> {
    this.#header ??= this.#begin();
    return this.#header;
  }

  /** What the stream amounted to; settles when the last row has been read, or with the error of the stream. */
  get trailer(): Promise<StreamTrailer> {
    return this.#trailer.promise;
  }

  /** Ends the call and stops the statement at the source; without effect when the stream has ended. */
  cancel(): void {
    this.#controller.abort();
    // Only lets go of the transport's own resources; the abort is what ends the call.
    this.#messages?.return?.().catch(() => undefined);
    this.#trailer.reject(
      new ConnectorError("The stream was cancelled by its reader.", Code.Canceled, { reason: "CANCELLED" }),
    );
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  [Symbol.asyncIterator](): AsyncIterator<Row<T>, undefined> {
    const batches = this.batches()[Symbol.asyncIterator]();
    return new RowIterator(batches);
  }

  /** The rows batch by batch: the fastest way to read very many. */
  batches(): AsyncIterable<RowBatch<T>> {
    return { [Symbol.asyncIterator]: () => this.#iterate() };
  }

  async *#iterate(): AsyncGenerator<RowBatch<T>, undefined> {
    if (this.#taken) throw new TypeError("The rows of a stream can be read once only.");
    this.#taken = true;
    await this.header;
    try {
      for (;;) {
        const batch = await this.#nextBatch();
        if (batch === undefined) return undefined;
        yield batch;
      }
    } finally {
      this.cancel();
    }
  }

  async #begin(): Promise<StreamHeader> {
    try {
      this.#messages = (await this.#open(this.#controller.signal))[Symbol.asyncIterator]();
      const part = await this.#nextPart();
      if (part === undefined) throw incompleteStream();
      if (part.name !== "header") throw unreadable("it does not begin with a header");
      const header = fromBinary(StreamHeaderSchema, part.bytes.subarray(part.at));
      if (header.format !== Format.PACKED && header.format !== Format.VALUES) throw unreadable("its format is unknown");
      this.#shape = new RowShape(header.fields);
      return header;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** The next batch, or undefined after the trailer. */
  async #nextBatch(): Promise<RowBatch<T> | undefined> {
    try {
      const part = await this.#nextPart();
      if (part === undefined) throw incompleteStream();
      const shape = this.#shape as RowShape;
      const { name, bytes, at } = part;
      const size = bytes.length - at;
      if (name === "packed") return new RowBatch<T>(shape, new PackedCells(bytes, at, shape.columns), size);
      if (name === "values") return new RowBatch<T>(shape, new ValueCells(bytes, at, shape.columns), size);
      if (name !== "trailer") throw unreadable(`it has a ${name} in the middle`);
      const trailer = fromBinary(StreamTrailerSchema, bytes.subarray(at));
      // The status comes after the trailer, and may still be an error.
      if ((await this.#nextPart()) !== undefined) throw unreadable("it goes on after its trailer");
      this.#trailer.resolve(trailer);
      return undefined;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async #nextPart(): Promise<Part | undefined> {
    const messages = this.#messages as AsyncIterator<Message>;
    for (;;) {
      const { done, value } = await messages.next();
      if (done) return undefined;
      const part = partOf(value);
      // A part that a newer service has added and that this client has not asked for.
      if (part !== undefined) return part;
    }
  }

  #failed(error: unknown): ConnectorError {
    const failure = error instanceof RangeError ? unreadable(error) : ConnectorError.from(error, this.#signal);
    this.#trailer.reject(failure);
    this.#controller.abort();
    return failure;
  }
}

/** Hands out the rows of batches one by one; as a generator it would take twice the time. */
class RowIterator<T extends object> implements AsyncIterator<Row<T>, undefined> {
  readonly #batches: AsyncIterator<RowBatch<T>, undefined>;
  #batch: RowBatch<T> | undefined;
  #at = 0;

  constructor(batches: AsyncIterator<RowBatch<T>, undefined>) {
    this.#batches = batches;
  }

  next(): Promise<IteratorResult<Row<T>, undefined>> {
    const batch = this.#batch;
    if (batch !== undefined && this.#at < batch.length) {
      return Promise.resolve({ done: false, value: batch.row(this.#at++) });
    }
    return this.#fill();
  }

  async return(): Promise<IteratorResult<Row<T>, undefined>> {
    this.#batch = undefined;
    await this.#batches.return?.();
    return { done: true, value: undefined };
  }

  async #fill(): Promise<IteratorResult<Row<T>, undefined>> {
    this.#batch = undefined;
    for (;;) {
      const next = await this.#batches.next();
      if (next.done) return next;
      if (next.value.length === 0) continue;
      this.#batch = next.value;
      this.#at = 1;
      return { done: false, value: next.value.row(0) };
    }
  }
}
