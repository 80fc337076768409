/** What the tests know of a kind of database that connectors lead to, besides how the service reads it. */
import type { Socket } from "node:net";
import type { Certificate } from "./certificate.ts";
import type { FreshDatabase } from "./postgres.ts";

/** Cells as the server writes them. */
export type TextRow = readonly (string | null)[];

/** Statements beside the service. */
export interface SourceClient {
  /** Runs statements, on any of a few connections, and gives the last one's rows. */
  run(text: string): Promise<readonly TextRow[]>;
  close(): Promise<void>;
}

/** A server that a test may freeze and kill. */
export interface OwnServer {
  /** As the administrator. */
  readonly url: string;
  readonly port: number;
  /** SIGKILL, SIGSTOP or SIGCONT; the killed one is gone afterwards. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts a killed server again, on its data and on its port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface SourceKind {
  /** The provider's id. */
  readonly id: "postgresql" | "mysql";
  /** An empty database in the run's server; its URL is the administrator's. */
  freshDatabase(): Promise<FreshDatabase>;
  ownServer(): Promise<OwnServer>;
  /** Connects when it is first used, and anew when the server was lost. */
  client(url: string): SourceClient;
  /** Makes a user who may read everything in the client's database, and whose password is the user's name. */
  createReader(admin: SourceClient, user: string): Promise<void>;
  dropReader(admin: SourceClient, user: string): Promise<void>;
  /** A user's connections, and those of them that run a statement or, where the server tells, have a transaction open. */
  connections(admin: SourceClient, user: string): Promise<{ readonly open: number; readonly busy: number }>;
  /** The texts of the statements of the user's that run. */
  running(admin: SourceClient, user: string): Promise<readonly string[]>;
  /** Whether a statement of the user's is asleep. */
  isAsleep(admin: SourceClient, user: string): Promise<boolean>;
  /** The server as it is behind a proxy that ends TLS: passes on what was encrypted. */
  endTls(socket: Socket, port: number, certificate: Certificate): void;
  /**
   * Makes these, as statements:
   *
   * - `known`: a table of rows with an `id` from 1 and a `text`, the id's MD5 in hexadecimal;
   * - `slow_answer`: a view of one row whose `answer` is 42 after 0.4 s;
   * - `asleep`: a view of one row, of which nobody lives to see the end;
   * - `trickle`: a view of rows as those of `known`, with the text eight times, about one a millisecond.
   *
   * The views' last field is `pause`, for which they take so long.
   */
  slowResources(rows: { readonly known: number; readonly trickle: number }): string;
  /** Makes a table, as statements: of thousands of rows with an `id` from 1, its key, and a `text` of so many characters. */
  bigTable(name: string, thousands: number, characters: number): string;
  /** An expression that takes so long for every row: for views, as callers may not say it everywhere. */
  pause(seconds: number): string;
}
