/** The commands that make a session what it has to be, before and between statements. */
import { sessionSettings } from "./dialect.ts";
import { command, commands } from "./protocol.ts";

const settings: Readonly<Record<string, string>> = {
  ...sessionSettings,
  time_zone: "'+00:00'",
  autocommit: "1",
  sql_auto_is_null: "0",
  sql_big_selects: "1",
};

/** MariaDB ends by itself what waits in a transaction; ours waits for the next statement and holds nothing. */
const idleSettings: Readonly<Record<string, string>> = {
  idle_transaction_timeout: "0",
  idle_readonly_transaction_timeout: "0",
};

const query = (text: string) => command(commands.query, text);

const listOf = (values: Readonly<Record<string, string>>) =>
  Object.entries(values)
    .map(([name, value]) => `${name} = ${value}`)
    .join(", ");

/**
 * The commands that make a new session, or one that was reset, ready: its settings, no
 * writing, and a transaction that allows none, which stays what it is when a function
 * of the database's own changes the session's settings.
 */
export function preparations(isMariaDb: boolean): readonly Buffer[] {
  return [settle(isMariaDb), query("SET SESSION TRANSACTION READ ONLY"), query("START TRANSACTION READ ONLY")];
}

/**
 * As `preparations`, for a transaction that may write: unless the server says of itself
 * that a transaction is to be READ ONLY, which whoever has set it so meant.
 */
export function writingPreparations(isMariaDb: boolean): readonly Buffer[] {
  return [settle(isMariaDb), query("START TRANSACTION")];
}

function settle(isMariaDb: boolean): Buffer {
  return query(`SET NAMES utf8mb4, ${listOf(isMariaDb ? { ...settings, ...idleSettings } : settings)}`);
}

export const commit = query("COMMIT");
export const rollback = query("ROLLBACK");

/** Ends the transaction, and its locks on tables, and begins the next, which allows no writing either. */
export const nextTransaction = query("ROLLBACK AND CHAIN");

export const reset = command(commands.reset);
export const ping = command(commands.ping);
export const quit = command(commands.quit);

/** How long a statement may take, and how many rows it may give. */
export interface Limits {
  /** Whole seconds. */
  readonly seconds: number;
  /** Absent for any number. */
  readonly rows: number | undefined;
}

/** Milliseconds, rounded up to a power of two of a second: a warm connection seldom needs to be told another. */
export function secondsFor(timeoutMs: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(timeoutMs / 1_000)));
}

/** Seconds for which a server waits at least for a reader that takes nothing. */
const leastWriteSeconds = 60;

/** Who reads slowly has as long as the statement. */
export function limiting({ seconds, rows }: Limits, isMariaDb: boolean): Buffer {
  return query(
    `SET SESSION ${listOf({
      ...(isMariaDb ? { max_statement_time: `${seconds}` } : { max_execution_time: `${seconds * 1_000}` }),
      net_write_timeout: `${Math.max(leastWriteSeconds, seconds)}`,
      sql_select_limit: rows === undefined ? "DEFAULT" : `${rows}`,
    })}`,
  );
}
