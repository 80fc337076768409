/** How observations are named in labels. */
import type { Timings } from "./observation.ts";

/** The reason of what succeeded: an empty label would be none. */
export const noReason = "none";
export const reasonOf = (reason: string | undefined): string => reason ?? noReason;

/** What a call waits for, and what its source takes: each part with the value of its label. */
export const queues = [
  ["rateLimit", "rate_limit"],
  ["bulkhead", "bulkhead"],
  ["pool", "pool"],
  ["backoff", "backoff"],
] as const satisfies readonly (readonly [keyof Timings, string])[];

export const runningParts = [
  ["connect", "connect"],
  ["source", "source"],
  ["transfer", "transfer"],
] as const satisfies readonly (readonly [keyof Timings, string])[];

export const callParts = [...queues, ...runningParts] as const;
