/** A session of the provider's own with a real database, without the service around it. */
import { createPlaces } from "../../../src/execution/session/places.ts";
import type { Session, TracesTo } from "../../../src/providers/contract.ts";
import { openSession } from "../../../src/providers/mysql/session.ts";
import { dial, loginOf } from "./opened.ts";

export interface Habits {
  readonly functions?: readonly string[];
  readonly refuseRiskyPrivileges?: boolean;
  readonly maxConnections?: number;
  readonly traces?: TracesTo;
  /** How connections are dialled. */
  readonly dial?: typeof dial;
}

export function openedSession(databaseUrl: string, habits: Habits = {}): Required<Session> {
  const [login, password] = loginOf(databaseUrl);
  const { functions, refuseRiskyPrivileges = false, maxConnections = 4, traces } = habits;
  const places = createPlaces({ perHost: 100, all: 100 });
  const own = { dial: habits.dial ?? dial, maxConnections, places, refuseRiskyPrivileges };
  const context = traces === undefined ? own : { ...own, traces };
  return openSession({ ...login, functions }, password, context) as Required<Session>;
}
