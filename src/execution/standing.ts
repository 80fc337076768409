/** What all calls through a connector have in common, as long as it stays as it is. */
import type { AttemptEnded, Subject } from "../observability/observation.ts";
import type { ConnectorRow } from "../store/entities/connector.ts";
import type { Listeners } from "./call.ts";
import type { ConnectorLimits } from "./limits.ts";

export interface Standing {
  readonly subject: Subject;
  readonly type: AttemptEnded["type"];
  readonly limits: ConnectorLimits;
  /** Who hears of its calls. */
  readonly listeners: Listeners;
}

/** Gives a connector's standing: made once for one that is frozen, as it can't change, and is shared by its calls. */
export function standings(make: (connector: ConnectorRow) => Standing): (connector: ConnectorRow) => Standing {
  const known = new WeakMap<ConnectorRow, Standing>();
  return (connector) => {
    const found = known.get(connector);
    if (found !== undefined) return found;
    const made = make(connector);
    if (Object.isFrozen(connector)) known.set(connector, made);
    return made;
  };
}
