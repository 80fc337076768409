/** One connection to a PostgreSQL server: opened, read from, cancelled, closed. */
import { TLSSocket } from "node:tls";
import pg from "pg";
import { serialize } from "pg-protocol";
import { orAborted } from "../../abort.ts";
import type { Dial } from "../../egress/dial.ts";
import { Failure } from "../../failure.ts";
import { textRows } from "../../rows/page.ts";
import type { Settled } from "../contract.ts";
import { type Activity, ended, stopped } from "../sql/activity.ts";
import type { Endpoint, SourceSocket } from "../sql/socket.ts";
import { type Answer, type Command, Commands, type CommandsOptions } from "./commands.ts";
import { Describing, type Description } from "./describing.ts";
import { classify } from "./errors.ts";
import { notPostgresql } from "./protocol.ts";
import { Reading, type Statement } from "./reading.ts";
import { openSocket } from "./socket.ts";
import { WireConnection } from "./wire.ts";

export interface Login extends Endpoint {
  readonly database: string;
  readonly user: string;
}

const saferLogin =
  "Let the server store the user's password for SCRAM: set password_encryption to 'scram-sha-256', set the password again, and ask for \"scram-sha-256\" in pg_hba.conf.";

/** What pg's types leave out. */
interface ClientInternals {
  processID: number;
  secretKey: number;
  _handleAuthMD5Password(message: unknown): void;
}

/** pg speaks the protocol's start-up and authentication; connecting and reading are ours. */
class ProtocolClient extends pg.Client {
  /**
   * All that the server is told at the start; pg would add what PGOPTIONS and the like
   * say in the service's own environment.
   */
  protected getStartupConf(): Record<string, string> {
    return {
      user: this.user ?? "",
      database: this.database ?? "",
      application_name: "connector-service",
      // A statement is checked, described and run by the same rules of what a backslash is.
      standard_conforming_strings: "on",
    };
  }

  /** pg sends the password in clear text to whoever asks for it; we do not. */
  protected _handleAuthCleartextPassword(): void {
    this.#refuse("The server asks for the password in clear text, which is refused.", saferLogin);
  }

  /**
   * MD5 of the password tells it to whoever tries enough passwords, and logs in by itself
   * whoever has read it in the server's tables. Only a server that has shown who it is
   * gets it.
   */
  protected _handleAuthMD5Password(message: unknown): void {
    if (this.connection.stream instanceof TLSSocket) {
      (pg.Client.prototype as unknown as ClientInternals)._handleAuthMD5Password.call(this, message);
    } else {
      this.#refuse(
        "The server asks for an MD5 of the password without TLS, which is refused.",
        `${saferLogin} Or set "tls" to "verify_full" in the connector.`,
      );
    }
  }

  #refuse(message: string, remedy: string): void {
    const options = { where: "credential", upstream: "postgresql", remedy } as const;
    this.connection.emit("error", new Failure("credential_rejected", message, options));
  }
}

export class SourceConnection {
  readonly #client: ProtocolClient;
  readonly #wire: WireConnection;
  readonly #cancelSocket: (signal: AbortSignal) => Promise<SourceSocket>;
  #activity: Activity | undefined;
  #open = true;
  /** The server has said how what runs, or ran last, has ended. */
  #heard = false;

  private constructor(
    client: ProtocolClient,
    wire: WireConnection,
    cancelSocket: (signal: AbortSignal) => Promise<SourceSocket>,
  ) {
    this.#client = client;
    this.#wire = wire;
    this.#cancelSocket = cancelSocket;
    const lost = () => {
      this.#open = false;
    };
    // Whoever reads is told by pg; an idle connection that is lost is found by `isOpen`.
    client.on("error", lost).on("end", lost);
    const heard = () => {
      this.#heard = true;
    };
    wire.on("readyForQuery", heard).on("errorMessage", heard);
  }

  /** @throws What the socket, its encryption or the server's authentication fails with. */
  static async open(login: Login, password: string, dial: Dial, signal: AbortSignal): Promise<SourceConnection> {
    const socket = await openSocket(login, dial, signal);
    return SourceConnection.authenticate(socket, login, password, dial, signal);
  }

  /** As `open`, on a socket that is connected already. */
  static async authenticate(
    source: SourceSocket,
    login: Login,
    password: string,
    dial: Dial,
    signal: AbortSignal,
  ): Promise<SourceConnection> {
    const { socket } = source;
    const wire = new WireConnection(source);
    const { host, port, user, database } = login;
    const client = new ProtocolClient({
      connection: wire,
      ...{ host, port, user, database, password },
      ssl: false, // The socket is encrypted already, if it should be.
    } as pg.ClientConfig);
    const abort = () => socket.destroy(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      client.on("error", () => {}); // `connect` fails with it, too.
      await client.connect();
      return new SourceConnection(client, wire, (signal) => openSocket(login, dial, signal));
    } catch (error) {
      socket.destroy();
      signal.throwIfAborted();
      // What says things in no order that logs anybody in ends in whatever pg makes of it.
      throw classify(error) === undefined ? notPostgresql(error) : error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  get isOpen(): boolean {
    return this.#open && !this.#wire.socket.destroyed;
  }

  /** The server is not ready for the next statement yet. */
  get isBusy(): boolean {
    return this.#activity !== undefined;
  }

  /** `TLSv1.3` for example; empty without encryption. */
  get tls(): string {
    const socket = this.#wire.socket as Partial<TLSSocket>;
    return socket.getProtocol?.() ?? "";
  }

  /** Sends a statement. One at a time: the next after `settled`. */
  read(statement: Statement, timeoutMs: number): Reading {
    return this.#begin(new Reading(statement, timeoutMs));
  }

  /** Runs commands in one go; those after one that fails are not run. */
  command(commands: readonly Command[], options?: CommandsOptions): Promise<readonly Answer[]> {
    return this.#begin(new Commands(commands, options)).answers;
  }

  /** What a statement takes and gives. */
  describe(text: string): Promise<Description> {
    return this.#begin(new Describing(text)).answer;
  }

  /** All rows of a small result as text. What is not UTF-8 becomes U+FFFD: a comment may be so, and the rest is good. */
  async rows(statement: Statement, timeoutMs: number): Promise<(string | null)[][]> {
    const reading = this.read({ ...statement, lenient: true }, timeoutMs);
    const fields = await reading.described;
    const rows: (string | null)[][] = [];
    for (let batch = await reading.next(); batch !== undefined; batch = await reading.next()) {
      rows.push(...textRows(batch, fields.length));
    }
    await reading.settled;
    return rows;
  }

  /** Whether the server answers before the signal aborts: one round trip without a statement. Never fails. */
  async answers(signal: AbortSignal): Promise<boolean> {
    const asking = this.#begin(new Describing(""));
    try {
      await orAborted(asking.answer, signal);
      await asking.settled;
      return this.isOpen;
    } catch {
      return false;
    }
  }

  /**
   * Stops what runs, and waits until the server has heard it *and* the request's own
   * socket is closed: a cancel request that is still on its way must not meet
   * another statement. The connection is closed then. Never fails.
   *
   * @param reason What whoever waits for rows is told.
   * @returns `lost` when the server gave no sign that the statement has ended.
   */
  async cancel(reason: Error): Promise<Settled> {
    const activity = this.#activity;
    let settled: Settled = "answered";
    if (activity !== undefined) {
      this.#open = false;
      const request = (signal: AbortSignal) => this.#requestCancel(signal);
      settled = await stopped(activity, reason, { request, heard: () => this.#heard });
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
    const settled = await ended(this.#activity, () => this.#heard);
    if (settled === "lost") this.close();
    return settled;
  }

  /** Closes the connection at once. */
  close(): void {
    this.#open = false;
    if (this.#wire.socket.destroyed) return;
    this.#client.end().catch(() => {});
    this.#wire.socket.destroySoon();
  }

  #begin<T extends Activity & pg.Submittable>(activity: T): T {
    this.#activity = activity;
    this.#heard = false;
    void activity.settled.then(() => {
      if (this.#activity === activity) this.#activity = undefined;
      if (activity.broken) this.#open = false;
    });
    return this.#client.query(activity);
  }

  async #requestCancel(signal: AbortSignal): Promise<void> {
    const source = await this.#cancelSocket(signal);
    const { socket } = source;
    const { processID, secretKey } = this.#client as unknown as ClientInternals;
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.on("error", () => {}).once("close", () => resolve());
    signal.addEventListener("abort", () => socket.destroy(), { once: true });
    source.receive(() => {}); // The server answers by closing; who does not read sees no end.
    socket.end(serialize.cancel(processID, secretKey));
    await promise;
  }
}
