/**
 * Another attempt for a call whose attempt failed, where that does no harm and may help:
 * what only reads, and what is proven to have never been sent. Waits are random, so that
 * calls which failed together don't come back together, and a connector's retries keep
 * to a budget.
 *
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter").
 */
import { orAborted } from "../../abort.ts";
import { Failure, type FailureKind } from "../../failure.ts";
import type { Observe, RetryDecided, Subject } from "../../observability/observation.ts";
import { createRetryBudget } from "./budget.ts";

export interface Retries {
  /**
   * Runs `attempt` until it succeeds, fails for good, or no other attempt may follow.
   *
   * @param attempt Gets its number; 1 is the first.
   * @throws What the last attempt threw, or the signal's reason, when it aborts between two.
   */
  run<T>(call: RetryCall, attempt: (number: number) => Promise<T>): Promise<Attempted<T>>;
  /** The connector was changed or deleted: its budget begins anew. */
  forget(organizationId: string, connectorId: string): void;
}

export interface RetryCall {
  readonly subject: Subject;
  /** Running it twice is harmless, as with reads; otherwise only what is proven unsent is tried again. */
  readonly repeatable: boolean;
  readonly signal: AbortSignal;
  /** The instant at which the caller stops waiting, on `performance.now()`'s clock. */
  readonly deadline: number;
  /** Tells that the call waits for its next attempt, and that it does no more. */
  enter(part: "backoff" | undefined): void;
}

export interface Attempted<T> {
  readonly result: T;
  readonly attempts: number;
}

export interface RetriesOptions {
  readonly observe: Observe;
  /** Gives numbers from 0 up to 1. Default: Math.random. */
  readonly random?: () => number;
}

/** The first one counts. */
const maxAttempts = 3;
/** Milliseconds of the longest wait before the first retry, which doubles with each, and of any. */
const backoff = { base: 50, most: 2_000 };
/** Milliseconds that an attempt needs to be worth it. */
const leastAttemptMs = 10;

/** Which calls another attempt may follow: any, as nothing was sent; those that are repeatable; or none. */
const retriable = {
  invalid_request: "no",
  unknown_resource: "no",
  unknown_field: "no",
  invalid_page_token: "no",
  statement_rejected: "no",
  unsupported: "no",
  unauthenticated: "no",
  permission_denied: "no",
  not_found: "no",
  already_exists: "no",
  conflict: "no",
  connector_disabled: "no",
  credential_rejected: "no",
  upstream_permission_denied: "no",
  configuration_rejected: "no",
  tls_failed: "no",
  egress_denied: "no",
  upstream_unreachable: "unsent",
  upstream_lost: "repeatable",
  upstream_unavailable: "repeatable",
  upstream_rate_limited: "repeatable",
  rate_limited: "no",
  bulkhead_full: "no",
  budget_exhausted: "no",
  too_large: "no",
  breaker_open: "no",
  deadline_exceeded: "no",
  cancelled: "no",
  shutting_down: "no",
  slow_reader: "no",
  outcome_unknown: "no",
  constraint_violated: "no",
  too_many_affected: "no",
  internal: "no",
  not_implemented: "no",
  service_unavailable: "no",
} as const satisfies Record<FailureKind, "unsent" | "repeatable" | "no">;

export function createRetries({ observe, random = Math.random }: RetriesOptions): Retries {
  const budget = createRetryBudget();

  /** Milliseconds until the next attempt, or why there is none. */
  function next(
    call: RetryCall,
    failure: Failure,
    attempts: number,
  ): number | Exclude<RetryDecided["decision"], "retried"> {
    if (attempts === maxAttempts) return "attempts_used";
    const waitMs = waitOf(failure, attempts, random());
    if (performance.now() + waitMs + leastAttemptMs > call.deadline) return "past_deadline";
    return budget.spend(call.subject) ? waitMs : "budget_used";
  }

  return {
    async run(call, attempt) {
      budget.earn(call.subject);
      for (let attempts = 1; ; attempts++) {
        try {
          return { result: await attempt(attempts), attempts };
        } catch (error) {
          if (!mayFollow(error, call.repeatable)) throw error;
          call.signal.throwIfAborted();
          const waitMs = next(call, error, attempts);
          const decision = typeof waitMs === "number" ? "retried" : waitMs;
          observe({ kind: "retry_decided", subject: call.subject, decision });
          if (typeof waitMs !== "number") throw error;
          await waitFor(waitMs, call);
        }
      }
    },
    forget: budget.forget,
  };
}

/** Whether another attempt makes sense at all. */
function mayFollow(error: unknown, repeatable: boolean): error is Failure {
  if (!(error instanceof Failure) || error.final) return false;
  // A source that limits its callers and does not say for how long is best left alone.
  if (error.kind === "upstream_rate_limited" && error.retryAfterMs === undefined) return false;
  const calls = retriable[error.kind];
  return calls === "unsent" || (calls === "repeatable" && repeatable);
}

/** The source's own wish is the least; the random part keeps those it was told to from coming back at once. */
function waitOf({ retryAfterMs = 0 }: Failure, attempts: number, random: number): number {
  return retryAfterMs + random * Math.min(backoff.most, backoff.base * 2 ** (attempts - 1));
}

async function waitFor(ms: number, call: RetryCall): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms).unref();
  call.enter("backoff");
  try {
    await orAborted(promise, call.signal);
  } finally {
    clearTimeout(timer);
    call.enter(undefined);
  }
}
