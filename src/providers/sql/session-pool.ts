/** The connections of a session with one database server. */

import { ConnectionPool } from "../connections/pool.ts";
import type { SessionContext } from "../contract.ts";
import type { Lendable } from "./borrowed.ts";

/** Milliseconds after which an unused connection is closed. */
const idleMs = 30_000;

/** What the pool asks of a connection. */
interface Pooled extends Lendable {
  readonly isOpen: boolean;
  answers(signal: AbortSignal): Promise<boolean>;
  close(): void;
}

export interface PooledSource<Connection> {
  readonly host: string;
  open(signal: AbortSignal): Promise<Connection>;
  /** @throws Failure when the connection's user may do more than the policy lets one */
  refuseRisky(connection: Connection, signal: AbortSignal): Promise<void>;
}

export function sessionPool<Connection extends Pooled>(
  source: PooledSource<Connection>,
  { maxConnections, places, refuseRiskyPrivileges = false }: SessionContext,
): ConnectionPool<Connection> {
  return new ConnectionPool<Connection>({
    ...{ max: maxConnections, idleMs, places, host: source.host },
    async open(signal) {
      const connection = await source.open(signal);
      return refuseRiskyPrivileges ? unlessRisky(source, connection, signal) : connection;
    },
    close: (connection) => connection.close(),
    isOpen: (connection) => connection.isOpen,
    check: (connection, signal) => connection.answers(signal),
  });
}

async function unlessRisky<Connection extends Pooled>(
  { refuseRisky }: PooledSource<Connection>,
  connection: Connection,
  signal: AbortSignal,
): Promise<Connection> {
  try {
    await refuseRisky(connection, signal);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}
