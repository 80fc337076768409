/** What is sent around a statement, as bytes: the same each time. */
import { serialize } from "pg-protocol";

/** The form of values that the contract promises and takes, and how long a statement may take. */
const settings = Object.entries({
  DateStyle: "'ISO, YMD'",
  TimeZone: "'UTC'",
  IntervalStyle: "'iso_8601'",
  bytea_output: "'hex'",
  extra_float_digits: "'1'",
  xmloption: "'content'",
  array_nulls: "'on'",
  quote_all_identifiers: "'off'",
  // A database that does not know its encoding gives its bytes: what is not UTF-8 among them, we find and name.
  client_encoding: `CASE pg_catalog.current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END`,
  statement_timeout: "$1",
  // A stream whose reader is slow waits between two steps.
  idle_in_transaction_session_timeout: "$1",
}).map(([name, value]) => `pg_catalog.set_config('${name}', ${value}, true)`);

/** Sets them all, for one transaction. Its parameter is the time limit, in milliseconds. */
export const settingsText = `SELECT ${settings.join(", ")}`;

export const begin = Buffer.concat([
  serialize.parse({ text: "BEGIN TRANSACTION READ ONLY" }),
  serialize.bind({}),
  serialize.execute({}),
  serialize.parse({ text: settingsText }),
]);
export const rollback = Buffer.concat([
  serialize.parse({ text: "ROLLBACK" }),
  serialize.bind({}),
  serialize.execute({}),
]);
export const unlock = Buffer.concat([
  serialize.parse({ text: "SELECT pg_catalog.pg_advisory_unlock_all()" }),
  serialize.bind({}),
  serialize.execute({}),
]);
export const sync = serialize.sync();
/** Which of the commands above is the caller's, from 0. */
export const ownCommand = 2;
