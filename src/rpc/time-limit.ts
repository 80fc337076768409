/** Who keeps the time of a call whose caller has given no deadline. */
import { type ContextValues, createContextKey } from "@connectrpc/connect";

const timedKey = createContextKey(false, { description: "execution keeps the call's time" });

/** From now on execution does, by the connector's own limit, which may be longer than the service's. */
export function leaveTimeToExecution(values: ContextValues): void {
  values.set(timedKey, true);
}

export function isTimedByExecution(values: ContextValues): boolean {
  return values.get(timedKey);
}
