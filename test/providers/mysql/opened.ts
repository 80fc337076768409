/** Connections of the provider's own with a real server, without the service around them. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { inject, onTestFinished } from "vitest";
import { SourceConnection } from "../../../src/providers/mysql/connection.ts";
import type { Login } from "../../../src/providers/mysql/login.ts";
import type { Reading } from "../../../src/providers/mysql/reading.ts";
import { textRows } from "../../../src/rows/page.ts";

/** Milliseconds that a statement of a test may take. */
export const timeoutMs = 20_000;

export async function dial({ host, port }: { host: string; port: number }): Promise<Socket> {
  const socket = connect(port, host).setNoDelay();
  await once(socket, "connect");
  return socket;
}

/** What a database's URL says of how to log in, and the password. */
export function loginOf(databaseUrl: string): readonly [login: Login, password: string] {
  const { hostname: host, port, pathname, username, password } = new URL(databaseUrl);
  const database = decodeURIComponent(pathname.slice(1));
  const login = { host, port: Number(port), tls: "disable", database, user: decodeURIComponent(username) } as const;
  return [login, decodeURIComponent(password)];
}

/**
 * A connection that is closed when the test ends.
 *
 * @param databaseUrl Default: as the administrator of the run's server
 * @param kills how the connection is dialled that stops a statement
 * @param reads how the connection itself is
 */
export async function open(
  databaseUrl = inject("mariadbUrl"),
  kills: typeof dial = dial,
  reads: typeof dial = dial,
): Promise<SourceConnection> {
  const [login, password] = loginOf(databaseUrl);
  let dialled = 0;
  const either: typeof dial = (target) => (dialled++ === 0 ? reads(target) : kills(target));
  const connection = await SourceConnection.open(login, password, either, AbortSignal.timeout(timeoutMs));
  onTestFinished(() => connection.close());
  return connection;
}

/** All rows, and the error that ended them. */
export async function rest(reading: Reading): Promise<{ rows: (string | null)[][]; error: unknown }> {
  const rows: (string | null)[][] = [];
  try {
    const columns = await reading.described;
    for (let batch = await reading.next(); batch !== undefined; batch = await reading.next()) {
      rows.push(...textRows(batch, columns.length));
    }
    return { rows, error: undefined };
  } catch (error) {
    return { rows, error };
  } finally {
    await reading.settled;
  }
}
