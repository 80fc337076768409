/** Sessions and connections of the provider's own with a real database, without the service around them. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { createPlaces } from "../../../src/execution/session/places.ts";
import type { Session } from "../../../src/providers/contract.ts";
import { SourceConnection } from "../../../src/providers/postgresql/connection.ts";
import { openSession } from "../../../src/providers/postgresql/session.ts";

export interface Habits {
  readonly functions?: readonly string[];
  readonly refuseRiskyPrivileges?: boolean;
  readonly maxConnections?: number;
}

export function openedSession(databaseUrl: string, habits: Habits = {}): Required<Session> {
  const [login, password] = loginOf(databaseUrl);
  const { functions, refuseRiskyPrivileges = false, maxConnections = 4 } = habits;
  const places = createPlaces({ perHost: 100, all: 100 });
  const context = { dial, maxConnections, places, refuseRiskyPrivileges };
  return openSession({ ...login, functions }, password, context) as Required<Session>;
}

/** A connection that is closed when the test ends. */
export async function openedConnection(databaseUrl: string): Promise<SourceConnection> {
  const [login, password] = loginOf(databaseUrl);
  const connection = await SourceConnection.open(login, password, dial, AbortSignal.timeout(20_000));
  onTestFinished(() => connection.close());
  return connection;
}

function loginOf(databaseUrl: string) {
  const { hostname: host, port, pathname, username: user, password } = new URL(databaseUrl);
  const login = { host, port: Number(port), database: decodeURIComponent(pathname.slice(1)), user };
  return [{ ...login, tls: "disable" as const }, decodeURIComponent(password)] as const;
}

async function dial({ host, port }: { host: string; port: number }): Promise<Socket> {
  const socket = connect(port, host).setNoDelay();
  await once(socket, "connect");
  return socket;
}
