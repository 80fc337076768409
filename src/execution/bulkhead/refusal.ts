/** A call that can't even wait: which limit refuses it, and when another try makes sense. */
import { Failure } from "../../failure.ts";
import { type Connector, hasRoom, type Level } from "./levels.ts";
import { doneAfterMs } from "./pace.ts";

/** Calls that may wait at once for each permit of an organization. */
const linePerPermit = 2;

/** Milliseconds of the hint at least and at most, and of a permit while none has come back yet. */
const retryAfter = { least: 10, most: 5_000, heldMs: 100 };

/** How a limit's owner is called, and what makes room. */
const owners = {
  connector: {
    name: "The connector",
    remedy: "Try again after the given time, send fewer calls at once, or raise the policy's max_concurrency.",
  },
  organization: {
    name: "The organization",
    remedy: "Try again after the given time, or send fewer calls at once through its connectors.",
  },
  service: {
    name: "The service",
    remedy: "Try again after the given time; if it goes on, the operator must add replicas.",
  },
} as const satisfies Record<Level["limit"], { readonly name: string; readonly remedy: string }>;

/**
 * The level that refuses a call which would have to wait, or undefined when it may.
 *
 * A connector's line holds `most`, and all lines of an organization twice its permits. The
 * service has no line of its own: the noisy would shut the quiet out of it. A call that
 * would not be done in time had better hear so at once.
 *
 * @param leftMs Milliseconds until the call's deadline.
 */
export function refusing(connector: Connector, most: number, leftMs: number): Level | undefined {
  const { organization } = connector;
  // What is to be raised is the limit that the line stands at, not the line.
  if (connector.waiting >= most) {
    return [connector, organization].find((level) => !hasRoom(level)) ?? organization.service;
  }
  if (organization.waiting >= organization.permits * linePerPermit) return organization;
  const tooLate = connector.waiting > 0 && doneAfterMs(connector.pace, connector.waiting) > leftMs;
  return tooLate && !hasRoom(connector) ? connector : undefined;
}

/** What the caller gets whom a level refuses. */
export function bulkheadFull(level: Level): Failure {
  const { limit } = level;
  const { name, remedy } = owners[limit];
  // How busy the whole replica is would tell one organization of the others.
  const own = limit !== "service";
  const line = own ? ` (${level.permits}), and ${level.waiting} more wait` : "";
  return new Failure("bulkhead_full", `${name} has as many calls running as it may${line}.`, {
    where: "bulkhead",
    remedy,
    retryAfterMs: roomAfterMs(level),
    metadata: own ? { limit, permits: String(level.permits), waiting: String(level.waiting) } : { limit },
  });
}

/** Milliseconds until those who wait have run, by how long permits were held of late. */
function roomAfterMs({ heldMs, waiting, permits }: Level): number {
  const estimate = Math.ceil(((heldMs || retryAfter.heldMs) * (waiting + 1)) / permits);
  return Math.min(retryAfter.most, Math.max(retryAfter.least, estimate));
}
