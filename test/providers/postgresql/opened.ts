/** A session of the provider's own with a real database, without the service around it. */
import { connect } from "node:net";
import { createPlaces } from "../../../src/execution/session/places.ts";
import type { Session } from "../../../src/providers/contract.ts";
import { openSession } from "../../../src/providers/postgresql/session.ts";

export interface Habits {
  readonly functions?: readonly string[];
  readonly refuseRiskyPrivileges?: boolean;
  readonly maxConnections?: number;
}

export function openedSession(databaseUrl: string, habits: Habits = {}): Required<Session> {
  const { hostname: host, port, pathname, username, password } = new URL(databaseUrl);
  const { functions, refuseRiskyPrivileges = false, maxConnections = 4 } = habits;
  const login = { host, port: Number(port), database: decodeURIComponent(pathname.slice(1)), user: username };
  const dial = async (target: { host: string; port: number }) => {
    const socket = connect(target.port, target.host).setNoDelay();
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return socket;
  };
  const places = createPlaces({ perHost: 100, all: 100 });
  const context = { dial, maxConnections, places, refuseRiskyPrivileges };
  const session = openSession({ ...login, tls: "disable", functions }, decodeURIComponent(password), context);
  return session as Required<Session>;
}
