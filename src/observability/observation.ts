/**
 * Everything noteworthy that happens on the way of a call, as one closed union. Rooms
 * tell it and know nothing of who listens; metrics and history are made of it.
 */
import type { FailureKind } from "../failure.ts";

/** Whom an observation is about. */
export interface Subject {
  readonly organizationId: string;
  readonly connectorId: string;
  readonly provider: string;
}

/** Milliseconds of each part of a call; the parts don't overlap, and `total` is all of it. */
export interface Timings {
  readonly rateLimit: number;
  readonly bulkhead: number;
  readonly backoff: number;
  readonly pool: number;
  readonly connect: number;
  readonly source: number;
  readonly transfer: number;
  readonly total: number;
}

export type BreakerState = "closed" | "open" | "half_open";
export type CallMethod = "TestConnector" | "GetSchema" | "Query" | "StreamQuery" | "ExplainQuery" | "Execute";

/** A call is over: answered, failed, or a stream that has ended or was left. */
export interface CallEnded {
  readonly kind: "call_ended";
  readonly subject: Subject;
  readonly method: CallMethod;
  readonly principal: string;
  /** The agent on whose grant it was; empty for none. */
  readonly agent: string;
  /** The resource that was asked for; empty for a native statement, and where there is none. */
  readonly resource: string;
  /** The native statement as it was sent, values and all: for who leaves those out, and nobody else. */
  readonly statement?: string;
  readonly startTime: Date;
  /** Undefined when it succeeded. */
  readonly reason: FailureKind | undefined;
  readonly rows: number;
  readonly bytes: number;
  /** How often the source was asked. */
  readonly attempts: number;
  /** The breaker when the call began. */
  readonly breaker: BreakerState;
  readonly cached: boolean;
  readonly timings: Timings;
}

/** The source was asked once. */
export interface AttemptEnded {
  readonly kind: "attempt_ended";
  readonly subject: Subject;
  /** 1 is the first. */
  readonly attempt: number;
  readonly reason: FailureKind | undefined;
}

/** An attempt failed that another one could follow. */
export interface RetryDecided {
  readonly kind: "retry_decided";
  readonly subject: Subject;
  /** What became of it: another attempt, or why there is none. */
  readonly decision: "retried" | "attempts_used" | "budget_used" | "past_deadline";
}

/** A rate limit refused a call, or would have if it did more than count. */
export interface RateLimited {
  readonly kind: "rate_limited";
  readonly subject: Subject;
  /** Whose limit: the connector's, the organization's, or the source's own, which it asked us to keep. */
  readonly limit: "connector" | "organization" | "source";
  readonly enforced: boolean;
}

/** A bulkhead had no room for a call, not even in its line. */
export interface BulkheadFull {
  readonly kind: "bulkhead_full";
  readonly subject: Subject;
  readonly limit: "connector" | "organization" | "service";
}

export interface BreakerChanged {
  readonly kind: "breaker_changed";
  readonly subject: Subject;
  readonly from: BreakerState;
  readonly to: BreakerState;
  /** The kind of failure that opened it. */
  readonly reason: FailureKind | undefined;
}

/** A query that accepts a kept answer was looked up. */
export interface CacheAsked {
  readonly kind: "cache_asked";
  readonly subject: Subject;
  /** `joined`: the same query was on its way already. */
  readonly result: "hit" | "miss" | "joined";
}

/** A stream was ended since its reader took nothing for too long. */
export interface ReaderTooSlow {
  readonly kind: "reader_too_slow";
  readonly subject: Subject;
}

/** An action has ended, and the store did not take what came of it. */
export interface OutcomeNotNoted {
  readonly kind: "outcome_not_noted";
  readonly subject: Subject;
}

/** This replica has tried to refresh the tokens of a connector. */
export interface TokenRefreshed {
  readonly kind: "token_refreshed";
  readonly subject: Subject;
  /** `rejected`: the grant is no good any more; `lost_race`: another replica was there first. */
  readonly outcome: "refreshed" | "failed" | "rejected" | "lost_race";
}

/** What replicas share can't be reached, or can again. */
export interface SharedStateChanged {
  readonly kind: "shared_state_changed";
  readonly part: "redis" | "changes";
  readonly available: boolean;
}

export type Observation =
  | CallEnded
  | AttemptEnded
  | RetryDecided
  | RateLimited
  | BulkheadFull
  | BreakerChanged
  | CacheAsked
  | ReaderTooSlow
  | OutcomeNotNoted
  | TokenRefreshed
  | SharedStateChanged;

/** Must neither fail nor wait. */
export type Observe = (observation: Observation) => void;
