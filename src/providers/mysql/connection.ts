/** One connection to a MySQL or MariaDB server: opened, read from, cancelled, closed. */
import { orAborted } from "../../abort.ts";
import type { Dial } from "../../egress/dial.ts";
import { textRows } from "../../rows/page.ts";
import type { Settled } from "../contract.ts";
import { type Activity, ended, stopped } from "../sql/activity.ts";
import { done, type Outcome, outcome } from "./answers.ts";
import type { Server, Version } from "./functions.ts";
import { createKiller, type Identity, type Killer, readIdentity } from "./killing.ts";
import { type Greeted, type Login, logIn, openWire } from "./login.ts";
import { Reading, type Statement } from "./reading.ts";
import { commit, ping, quit, rollback } from "./session-commands.ts";
import { SessionState } from "./state.ts";

export class SourceConnection {
  readonly server: Server;
  readonly #state: SessionState;
  readonly #createKiller: () => Killer;
  #activity: Activity | undefined;
  #open = true;

  private constructor(state: SessionState, server: Server, createKiller: () => Killer) {
    this.server = server;
    this.#state = state;
    this.#createKiller = createKiller;
  }

  /** @throws What the socket, its encryption or the server's authentication fails with. */
  static async open(login: Login, password: string, dial: Dial, signal: AbortSignal): Promise<SourceConnection> {
    const greeted = await openWire(login, dial, signal);
    return SourceConnection.authenticate(greeted, login, password, dial, signal);
  }

  /** As `open`, on a connection that is open already. */
  static async authenticate(
    greeted: Greeted,
    login: Login,
    password: string,
    dial: Dial,
    signal: AbortSignal,
  ): Promise<SourceConnection> {
    const loggedIn = await logIn(greeted, login, password, signal);
    const state = new SessionState(loggedIn);
    const identity = await prepared(state, signal);
    const server = { isMariaDb: /mariadb/i.test(identity.version), version: numbersOf(identity.version) };
    return new SourceConnection(state, server, () => createKiller(identity, login, password, dial));
  }

  get isOpen(): boolean {
    return this.#open && this.#state.wire.isOpen;
  }

  /** The server is not ready for the next statement yet. */
  get isBusy(): boolean {
    return this.#activity !== undefined;
  }

  /** `TLSv1.3` for example; empty without encryption. */
  get tls(): string {
    return this.#state.wire.tls;
  }

  /** Sends a statement. One at a time: the next after `settled`. */
  read(statement: Statement, timeoutMs: number): Reading {
    return this.#begin(new Reading(this.#state, statement, timeoutMs));
  }

  /** Begins a transaction that may write: what is read from now on with `within` belongs to it. */
  beginWriting(timeoutMs: number): Promise<void> {
    return this.#begin(new Asking(this.#state.beginWriting(timeoutMs))).answer;
  }

  /** Keeps what the transaction has changed. Whoever gives up meanwhile still learns how it ended. */
  commit(): Promise<Outcome> {
    return this.#begin(new Asking(this.#ending(commit), true)).answer;
  }

  /** Undoes what the transaction has changed. */
  rollback(): Promise<Outcome> {
    return this.#begin(new Asking(this.#ending(rollback))).answer;
  }

  /** All rows of a small result as text. What is not UTF-8 becomes U+FFFD: a comment may be so, and the rest is good. */
  async rows(statement: Statement, timeoutMs: number): Promise<(string | null)[][]> {
    const reading = this.read({ ...statement, lenient: true }, timeoutMs);
    const columns = await reading.described;
    const rows: (string | null)[][] = [];
    for (let batch = await reading.next(); batch !== undefined; batch = await reading.next()) {
      rows.push(...textRows(batch, columns.length));
    }
    await reading.settled;
    return rows;
  }

  /** Whether the server answers before the signal aborts: one round trip without a statement. Never fails. */
  async answers(signal: AbortSignal): Promise<boolean> {
    const asking = new Asking(this.#state.tidied.then(() => this.#state.wire.ask(ping, done)));
    this.#begin(asking);
    try {
      await orAborted(asking.answer, signal);
      await asking.settled;
      return this.isOpen;
    } catch {
      return false;
    }
  }

  /**
   * Stops what runs, and waits until the server has heard it *and* has answered the
   * connection that told it to: the number of this one must not be another's meanwhile.
   * The connection is closed then. Never fails.
   *
   * @param reason What whoever waits for rows is told.
   * @returns `lost` when the server gave no sign that the statement has ended.
   */
  async cancel(reason: Error): Promise<Settled> {
    const activity = this.#activity;
    let settled: Settled = "answered";
    if (activity !== undefined) {
      this.#open = false;
      // What is stopped while it is kept may be kept or not: it ends by itself, soon.
      if (activity instanceof Asking && activity.decisive) {
        settled = await this.settle();
        this.close();
        return settled;
      }
      const killer = this.#createKiller();
      const request = (signal: AbortSignal) => this.#unlessKilled(killer, signal);
      settled = await stopped(activity, reason, { request, heard: () => this.#state.wire.isOpen });
      killer.close();
    }
    this.close();
    return settled;
  }

  /**
   * Waits until nothing runs any more, and cuts a connection that does not come to that.
   * Never fails.
   *
   * @returns `lost` when the server gave no sign that what ran has ended.
   */
  async settle(): Promise<Settled> {
    if (this.#activity === undefined) return "answered";
    const settled = await ended(this.#activity, () => this.#state.wire.isOpen);
    if (settled === "lost") this.close();
    return settled;
  }

  /** Closes the connection at once. */
  close(): void {
    this.#open = false;
    const { wire } = this.#state;
    if (this.isBusy || !wire.isOpen) wire.destroy();
    else wire.end(quit);
  }

  /** A server that can't be told to stop is left, so that it hears of it when it sends the next row. */
  async #unlessKilled(killer: Killer, signal: AbortSignal): Promise<void> {
    try {
      await killer.kill(signal);
    } catch (error) {
      this.#state.wire.destroy();
      throw error;
    }
  }

  /** What triggers have left in the session must not meet the next call, and this one need not wait for that. */
  async #ending(command: Buffer): Promise<Outcome> {
    const ended = await this.#state.wire.ask(command, outcome);
    this.#state.tidy(true);
    return ended;
  }

  #begin<T extends Activity>(activity: T): T {
    this.#activity = activity;
    void activity.settled.then(() => {
      if (this.#activity === activity) this.#activity = undefined;
      if (activity.broken) this.#open = false;
    });
    return activity;
  }
}

/** `8.0.mysql_aurora.3.08` has no more than two. */
function numbersOf(version: string): Version {
  const [, major = "0", minor = "0", patch = "0"] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  return [Number(major), Number(minor), Number(patch)];
}

/** Settings, and who this is. A connection that nobody waits for any more is closed. */
async function prepared(state: SessionState, signal: AbortSignal): Promise<Identity> {
  const { wire } = state;
  const abort = () => wire.destroy(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    const identity = await readIdentity(state);
    await state.begin();
    return identity;
  } catch (error) {
    wire.destroy();
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** A command without rows. */
class Asking<T> implements Activity {
  readonly answer: Promise<T>;
  readonly settled: Promise<void>;
  broken = false;
  /** What it does can't be taken back. */
  readonly decisive: boolean;
  readonly #given = Promise.withResolvers<T>();

  constructor(asked: Promise<T>, decisive = false) {
    this.decisive = decisive;
    this.answer = this.#given.promise;
    this.answer.catch(() => {}); // Whoever asked gets the error, too.
    this.settled = asked.then(
      (answer) => this.#given.resolve(answer),
      (error: Error) => this.discard(error),
    );
  }

  discard(error: Error): void {
    this.broken = true;
    this.#given.reject(error);
  }
}
