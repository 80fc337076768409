/** What of all that the rooms tell an operator reads in the log: what has gone wrong by itself, and what is right again. */
import type { Log } from "./log.ts";
import type { BreakerChanged, Observe, TokenRefreshed } from "./observation.ts";

/** Says it in words; what callers are told of, and what metrics show better, is left to those. */
export function createTelling(log: Log): Observe {
  return (observation) => {
    switch (observation.kind) {
      case "breaker_changed":
        return tellBreaker(log, observation);
      case "token_refreshed":
        return tellRefresh(log, observation);
      case "outcome_not_noted":
        return log.error(about(observation), "the store did not take what came of an action: it will count as unknown");
      case "key_used":
        if (observation.outcome !== "unknown") return;
        return log.error("nobody has the key that something sealed takes: add it to the encryption keys again");
      case "shared_state_changed":
        // What is known of the reason is told where it is found out.
        if (observation.part !== "redis") return;
        if (observation.available) return log.info("Redis can be reached: replicas share limits and kept answers");
        return log.warn("Redis can't be reached: each replica limits calls and keeps answers by itself");
      default:
    }
  };
}

const about = ({ subject: { connectorId, provider } }: Pick<BreakerChanged, "subject">) => ({ connectorId, provider });

function tellBreaker(log: Log, changed: BreakerChanged): void {
  const { from, to, reason } = changed;
  if (to === "open" && from === "closed") {
    log.warn({ ...about(changed), reason }, "a connector's source keeps failing: its breaker is open");
  } else if (to === "closed") log.info(about(changed), "a connector's breaker is closed again");
}

function tellRefresh(log: Log, refreshed: TokenRefreshed): void {
  if (refreshed.outcome === "rejected") {
    log.warn(about(refreshed), "a connector's grant was rejected: somebody has to authorize it again");
  } else if (refreshed.outcome === "failed") log.warn(about(refreshed), "a connector's tokens could not be refreshed");
}
