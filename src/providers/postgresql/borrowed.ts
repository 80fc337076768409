/**
 * A connection that is one call's own.
 *
 * When the call is aborted, what runs is stopped at the server. The connection goes
 * back to the pool when it has settled, and only if nothing went wrong on it.
 */
import { Failure } from "../../failure.ts";
import type { Call, ReadQuery, Settled } from "../contract.ts";
import type { ConnectionPool } from "../sql/pool.ts";
import type { Run } from "../sql/run.ts";
import type { RunCommands } from "./commands.ts";
import type { SourceConnection } from "./connection.ts";
import type { Description } from "./describing.ts";
import { classify } from "./errors.ts";
import type { Planner } from "./plan.ts";
import type { Reading, Statement } from "./reading.ts";

/** The server's own time limit is somewhat longer than ours, which tells the caller more. Milliseconds. */
const graceMs = 250;

/** What is known of the call, to say what an error means. */
interface Circumstances {
  readonly database: string;
  readonly user: string;
  readonly query?: ReadQuery;
  /** It is to change the source. */
  readonly changes?: boolean;
  readonly planner: Planner;
}

export class Borrowed {
  readonly #pool: ConnectionPool<SourceConnection>;
  readonly #connection: SourceConnection;
  readonly #call: Call;
  readonly #circumstances: Circumstances;
  readonly #abort: () => void;
  #reading: Reading | undefined;
  #returned = false;

  private constructor(
    pool: ConnectionPool<SourceConnection>,
    connection: SourceConnection,
    call: Call,
    circumstances: Circumstances,
  ) {
    this.#pool = pool;
    this.#connection = connection;
    this.#call = call;
    this.#circumstances = circumstances;
    this.#abort = () => this.#stop(call.signal.reason);
    call.signal.addEventListener("abort", this.#abort, { once: true });
  }

  static async from(
    pool: ConnectionPool<SourceConnection>,
    call: Call,
    circumstances: Circumstances,
  ): Promise<Borrowed> {
    try {
      const connection = await pool.acquire(call);
      if (call.signal.aborted) {
        pool.release(connection, true);
        throw call.signal.reason;
      }
      call.enter("source");
      return new Borrowed(pool, connection, call, circumstances);
    } catch (error) {
      throw classify(error, circumstances) ?? error;
    }
  }

  /** Runs a small statement of the service's own. */
  readonly run: Run = (text, parameters) => this.#connection.rows({ text, parameters }, this.#timeoutMs());

  /** Runs commands that change the source, in one go; throws at once when the call is over. */
  readonly command: RunCommands = (commands, options) => {
    this.#call.signal.throwIfAborted();
    this.#call.enter("source");
    return this.#connection.command(commands, options);
  };

  /** Milliseconds after which the server itself stops a statement. */
  get timeoutMs(): number {
    return this.#timeoutMs();
  }

  describe(text: string): Promise<Description> {
    return this.#connection.describe(text);
  }

  read(statement: Statement): Reading {
    this.#call.enter("source");
    const reading = this.#connection.read(statement, this.#timeoutMs());
    this.#reading = reading;
    reading.described.then(
      () => this.#call.enter("transfer"),
      () => {},
    );
    return reading;
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
    if (this.#connection.isBusy) this.#release(this.#connection.settle(), true);
    else this.#pool.release(this.#connection, true);
  }

  /** Gives the connection back and says what an error means. */
  failed(error: unknown): unknown {
    // What was given up for what the source sent still runs there.
    if (this.#reading?.givenUp && this.#connection.isBusy) this.#stop(error as Error);
    else this.giveBack();
    const { query, planner, database, user, changes = false } = this.#circumstances;
    const statement = query?.kind === "native" ? { statement: query.text } : {};
    const failure = classify(error, { database, user, changes, ...statement });
    // The catalogue is not what it was taken to be.
    if (failure?.status?.startsWith("42")) planner.forget();
    if (failure?.kind === "cancelled" && failure.status !== undefined) return stoppedBySource(failure);
    return failure ?? error;
  }

  #timeoutMs(): number {
    return Math.max(1, this.#call.deadline - performance.now()) + graceMs;
  }

  #stop(reason: Error): void {
    if (this.#returned) return;
    this.#detach();
    this.#release(this.#connection.cancel(reason), false);
  }

  /** Its place in the pool is free when the server has really stopped, and the call's permit then. */
  #release(settling: Promise<Settled>, reusable: boolean): void {
    const released = settling.then((settled) => {
      this.#pool.release(this.#connection, reusable);
      return settled;
    });
    this.#call.settling(released);
  }

  #detach(): void {
    this.#returned = true;
    this.#call.signal.removeEventListener("abort", this.#abort);
  }
}

/** Neither the caller nor its deadline stopped the statement: an administrator did, or a limit of the server's own. */
function stoppedBySource(failure: Failure): Failure {
  return new Failure("upstream_unavailable", "The source stopped the statement.", {
    where: "upstream",
    upstream: "postgresql",
    status: failure.status ?? "",
    final: true,
    remedy: "Look for a statement_timeout of the source's own for this user, or ask its administrator.",
    cause: failure,
  });
}
