/**
 * A connection that is one call's own.
 *
 * When the call is aborted, what runs is stopped at the server. The connection goes
 * back to the pool when it has settled, and only if nothing went wrong on it.
 */
import { Failure } from "../../failure.ts";
import type { ConnectionPool } from "../connections/pool.ts";
import type { Call, Settled } from "../contract.ts";
import type { Batches } from "./page.ts";
import type { Row, Run } from "./run.ts";

/** The server's own time limit is somewhat longer than ours, which tells the caller more. Milliseconds. */
const graceMs = 250;

/** What a call needs of a connection, whatever it reads from it. */
export interface Lendable {
  /** The server is not ready for the next statement yet. */
  readonly isBusy: boolean;
  /** All rows of a small statement of the service's own. */
  rows(statement: { readonly text: string; readonly parameters: Row }, timeoutMs: number): Promise<readonly Row[]>;
  /** Stops what runs and closes the connection. Never fails. */
  cancel(reason: Error): Promise<Settled>;
  /** Waits until nothing runs any more. Never fails. */
  settle(): Promise<Settled>;
}

/** A statement that runs. */
export interface Running extends Batches {
  /** Settles when the source has begun to answer. */
  readonly described: Promise<unknown>;
  /** All rows have come. */
  readonly finished: boolean;
  /** Nothing that still comes is wanted, though the server may not know. */
  readonly givenUp: boolean;
}

/** Says what an error means to the call; undefined when it is none of the source's. */
export type MeaningOf = (error: unknown) => Failure | undefined;

export class Borrowed<Connection extends Lendable> {
  readonly connection: Connection;
  readonly #pool: ConnectionPool<Connection>;
  readonly #call: Call;
  readonly #meaningOf: MeaningOf;
  readonly #abort: () => void;
  #running: Running | undefined;
  /** What the connection was left with: what it failed with, or undefined. */
  #left: Promise<Error | undefined> | undefined;
  #returned = false;

  private constructor(pool: ConnectionPool<Connection>, connection: Connection, call: Call, meaningOf: MeaningOf) {
    this.#pool = pool;
    this.connection = connection;
    this.#call = call;
    this.#meaningOf = meaningOf;
    this.#abort = () => this.#stop(call.signal.reason);
    call.signal.addEventListener("abort", this.#abort, { once: true });
  }

  static async from<Connection extends Lendable>(
    pool: ConnectionPool<Connection>,
    call: Call,
    meaningOf: MeaningOf,
  ): Promise<Borrowed<Connection>> {
    try {
      const connection = await pool.acquire(call);
      if (call.signal.aborted) {
        pool.release(connection, true);
        throw call.signal.reason;
      }
      call.enter("source");
      return new Borrowed(pool, connection, call, meaningOf);
    } catch (error) {
      throw meaningOf(error) ?? error;
    }
  }

  /** Milliseconds after which the server itself stops a statement. */
  get timeoutMs(): number {
    return Math.max(1, this.#call.deadline - performance.now()) + graceMs;
  }

  /** Runs a small statement of the service's own. */
  readonly run: Run = (text, parameters) => this.connection.rows({ text, parameters }, this.timeoutMs);

  /** Asks the source for what changes it; throws at once when the call is over. */
  changes<T>(ask: (connection: Connection) => T): T {
    this.#call.signal.throwIfAborted();
    this.#call.enter("source");
    return ask(this.connection);
  }

  /**
   * Leaves the connection with work that its next call waits for, and this one does not: nothing
   * that becomes of it is told, as the call has its answer. Without it no other call gets the connection.
   */
  leaves(work: (connection: Connection) => Promise<unknown>): void {
    // One that the call has lost is closed.
    if (this.#returned) return;
    this.#left = work(this.connection).then(
      () => undefined,
      (error: Error) => error,
    );
  }

  /** Asks the source for the rows that the call is about. */
  reads<Statement extends Running>(begin: (connection: Connection, timeoutMs: number) => Statement): Statement {
    this.#call.enter("source");
    const running = begin(this.connection, this.timeoutMs);
    this.#running = running;
    running.described.then(
      () => this.#call.enter("transfer"),
      () => {},
    );
    return running;
  }

  /** Does the work, says what its errors mean, and gives the connection back. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work();
      this.giveBack();
      return result;
    } catch (error) {
      throw this.failed(error);
    }
  }

  /** Whoever reads wants no more of it: the statement is stopped. */
  abandon(): void {
    this.#stop(new Failure("cancelled", "The reader wants no more rows.", { where: "caller" }));
  }

  /** Gives the connection back as soon as nothing runs on it; the pool closes one that is broken. */
  giveBack(): void {
    if (this.#returned) return;
    this.#detach();
    if (this.connection.isBusy || this.#left !== undefined) this.#release(this.#settled(), true);
    else this.#pool.release(this.connection, true);
  }

  /** Gives the connection back and says what an error means. */
  failed(error: unknown): unknown {
    // What was given up for what the source sent still runs there.
    if (this.#running?.givenUp && this.connection.isBusy) this.#stop(error as Error);
    else this.giveBack();
    return this.#meaningOf(error) ?? error;
  }

  /** Nothing runs any more; a connection whose work was not done is closed. */
  async #settled(): Promise<Settled> {
    const settled = await this.connection.settle();
    // A lost one is closed, whatever it was left with.
    const error = settled === "lost" ? undefined : await this.#left;
    return error === undefined ? settled : this.connection.cancel(error);
  }

  #stop(reason: Error): void {
    if (this.#returned) return;
    this.#detach();
    this.#release(this.connection.cancel(reason), false);
  }

  /** Its place in the pool is free when the server has really stopped, and the call's permit then. */
  #release(settling: Promise<Settled>, reusable: boolean): void {
    const released = settling.then((settled) => {
      this.#pool.release(this.connection, reusable);
      return settled;
    });
    this.#call.settling(released);
  }

  #detach(): void {
    this.#returned = true;
    this.#call.signal.removeEventListener("abort", this.#abort);
  }
}

/**
 * Neither the caller nor its deadline stopped the statement: an administrator did, or a
 * limit of the server's own.
 *
 * @param failure an error of the source that says that the statement was cancelled
 */
export function stoppedBySource({ upstream = "", status = "", cause }: Failure, limit: string): Failure {
  return new Failure("upstream_unavailable", "The source stopped the statement.", {
    ...{ where: "upstream", upstream, status, final: true, cause },
    remedy: `Look for a ${limit} of the source's own for this user, or ask its administrator.`,
  });
}

/** The batches of a stream, whose connection goes back when they have ended or nobody wants more of them. */
export async function* batchesOf<Connection extends Lendable>(borrowed: Borrowed<Connection>, running: Running) {
  try {
    for (let batch = await running.next(); batch !== undefined; batch = await running.next()) yield batch;
  } catch (error) {
    throw borrowed.failed(error);
  } finally {
    if (running.finished) borrowed.giveBack();
    else borrowed.abandon();
  }
}
