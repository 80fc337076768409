/** What a session at the server is at the moment: its settings, its limits, its statements. */
import { type Agreed, done } from "./answers.ts";
import type { LoggedIn } from "./login.ts";
import { PreparedStatements } from "./preparing.ts";
import {
  type Limits,
  limiting,
  nextTransaction,
  preparations,
  reset,
  secondsFor,
  writingPreparations,
} from "./session-commands.ts";
import type { SourceWire } from "./wire.ts";

export class SessionState implements Agreed {
  readonly wire: SourceWire;
  readonly isMariaDb: boolean;
  readonly extendedMetadata: boolean;
  readonly statements: PreparedStatements;
  /** What the server was told last; undefined for its own. */
  #limits: Limits | undefined;
  #tidied = Promise.resolve();

  constructor({ wire, isMariaDb, extendedMetadata }: LoggedIn) {
    this.wire = wire;
    this.isMariaDb = isMariaDb;
    this.extendedMetadata = extendedMetadata;
    this.statements = new PreparedStatements(wire, this);
  }

  /** Makes a new session one that statements may run in. */
  async begin(): Promise<void> {
    for (const command of preparations(this.isMariaDb)) await this.wire.ask(command, done);
  }

  /** Settles when nothing is left of the statement before. Never fails. */
  get tidied(): Promise<void> {
    return this.#tidied;
  }

  /**
   * After a statement, while its caller has gone on: what it read may change, and what it
   * locked is free. After one of a caller's own nothing is left of variables, locks,
   * tables and statements. A connection that can't be tidied is closed.
   */
  tidy(native: boolean): void {
    const tidying = native ? this.#renew() : this.wire.ask(nextTransaction, done);
    this.#tidied = tidying.then(
      () => {},
      (error: Error) => this.wire.destroy(error),
    );
  }

  /** Begins a transaction that may write, in a session that has nothing of what was before. */
  async beginWriting(timeoutMs: number): Promise<void> {
    await this.#tidied;
    await this.#reset();
    for (const command of writingPreparations(this.isMariaDb)) await this.wire.ask(command, done);
    await this.limit(timeoutMs);
  }

  async #renew(): Promise<void> {
    await this.#reset();
    await this.begin();
  }

  async #reset(): Promise<void> {
    this.statements.clear();
    this.#limits = undefined;
    await this.wire.ask(reset, done);
  }

  /** @param rows A statement without a LIMIT of its own gives no more. */
  async limit(timeoutMs: number, rows?: number): Promise<void> {
    const seconds = secondsFor(timeoutMs);
    if (this.#limits?.seconds === seconds && this.#limits.rows === rows) return;
    await this.wire.ask(limiting({ seconds, rows }, this.isMariaDb), done);
    this.#limits = { seconds, rows };
  }
}
