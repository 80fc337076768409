import { SourceConnection } from "../../../src/providers/mysql/connection.ts";
import type { Server } from "../../../src/providers/mysql/dialect.ts";
import type { Run } from "../../../src/providers/sql/run.ts";
import { freshMysqlDatabase } from "../../support/mariadb.ts";
import { runMysql } from "../../support/mysql-client.ts";
import { dial, loginOf, timeoutMs } from "./opened.ts";

/** What a session asks the catalogue by, and statements beside it. */
export interface Database extends Reader {
  readonly url: string;
  /** The database's name. */
  readonly name: string;
  /** Runs statements without parameters as the administrator, as many as there are. */
  execute(text: string): Promise<void>;
}

export interface Reader {
  readonly connection: SourceConnection;
  readonly run: Run;
  readonly server: Server;
  /** Statements that `run` has sent. */
  statements(): number;
  close(): Promise<void>;
}

/** An empty database of its own. */
export async function openDatabase(): Promise<Database> {
  const { url, drop } = await freshMysqlDatabase();
  const reader = await connect(url);
  return {
    ...reader,
    url,
    name: new URL(url).pathname.slice(1),
    execute: async (text) => void (await runMysql(url, text)),
    async close() {
      await reader.close();
      await drop();
    },
  };
}

/** Reads as the URL's user. */
export async function connect(url: string): Promise<Reader> {
  const connection = await SourceConnection.open(...loginOf(url), dial, AbortSignal.timeout(timeoutMs));
  let statements = 0;
  return {
    connection,
    server: connection.server,
    async run(text, parameters) {
      statements++;
      return connection.rows({ text, parameters }, timeoutMs);
    },
    statements: () => statements,
    close: async () => connection.close(),
  };
}
