/**
 * The way of a call to its source. Its order is read here:
 *
 *     deadline → rate limit → (action: claim and intent) → retry { breaker → bulkhead → attempt: session → provider } → outcome
 *
 * A kept answer and a schema that is known need no source: `execution.ts` looks for them first.
 */
import type { AttemptEnded, Observe, Subject } from "../observability/observation.ts";
import type { ConnectorRow } from "../store/entities/connector.ts";
import { type Asked, type AttemptStages, attempt } from "./attempt.ts";
import type { OpenCall } from "./call.ts";
import type { ConnectorLimits } from "./limits.ts";
import type { Cooldowns } from "./rate-limit/cooldown.ts";
import type { RateLimits } from "./rate-limit/rate-limits.ts";
import type { Retries } from "./retry/retry.ts";

export interface Stages extends AttemptStages {
  readonly cooldowns: Cooldowns;
  readonly rateLimits: RateLimits;
  readonly retries: Retries;
  readonly observe: Observe;
}

/** One call on its way. */
export interface Ticket {
  readonly connector: ConnectorRow;
  readonly subject: Subject;
  /** What its attempts are about. */
  readonly about: Pick<AttemptEnded, "method" | "resource" | "type">;
  readonly limits: ConnectorLimits;
  readonly call: OpenCall;
  /** It finds out what is wrong with a source, so no breaker is in its way, and it is made once. */
  readonly diagnostic: boolean;
  /** How often the source has been asked. */
  attempts: number;
}

/** @throws Failure, or what is no source's and no caller's fault. */
export async function pass<T>(stages: Stages, ticket: Ticket, ask: Asked<T>): Promise<T> {
  await admit(stages, ticket);
  if (ticket.diagnostic) return attempt(stages, ticket, ask);
  return repeated(stages, ticket, ask, true);
}

/**
 * As `pass`, for what changes the source: it is sent once, unless it was certainly not sent.
 *
 * @param begin What must be noted for good before; it may know the answer already
 */
export async function passOnce<T>(
  stages: Stages,
  ticket: Ticket,
  begin: () => Promise<T | undefined>,
  ask: Asked<T>,
): Promise<T> {
  await admit(stages, ticket);
  return (await ticket.call.orEnded(begin())) ?? repeated(stages, ticket, ask, false);
}

async function repeated<T>(stages: Stages, ticket: Ticket, ask: Asked<T>, repeatable: boolean): Promise<T> {
  const { subject, call } = ticket;
  const { result } = await stages.retries.run(
    { subject, repeatable, signal: call.signal, deadline: call.deadline, enter: call.enter },
    () => attempt(stages, ticket, ask),
  );
  return result;
}

async function admit({ cooldowns, rateLimits }: Stages, { subject, limits, call }: Ticket): Promise<void> {
  call.signal.throwIfAborted();
  call.enter("rateLimit");
  // Each has a promise for those it keeps waiting only.
  const pausing = cooldowns.check(subject);
  if (pausing !== undefined) await pausing;
  const limiting = rateLimits.admit(subject, limits.rate);
  if (limiting !== undefined) await limiting;
  call.enter(undefined);
}
