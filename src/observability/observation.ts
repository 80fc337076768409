/**
 * Everything noteworthy that happens, as one closed union. Rooms tell it and know nothing
 * of who listens; metrics, the words of the log and the history are made of it. What a room
 * can't tell, as it must not know this one, is told where it is wired.
 */
import type { FailureKind } from "../failure.ts";
import type { Span, SpentSpan } from "./span.ts";

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

/** What was measured, and may be a span of a trace. */
interface Traced {
  /** What has ended by this, if its trace is sampled; absent otherwise. */
  readonly span?: Span | undefined;
}

/** An RPC of the connector service has been answered, or refused, or its caller has left. */
export interface RpcEnded extends Traced {
  readonly kind: "rpc_ended";
  /** `connector.v1.ConnectorService`. */
  readonly service: string;
  /** `Query`. */
  readonly method: string;
  /** That the caller speaks: `grpc`, `grpc-web` or `connect`. */
  readonly protocol: string;
  /** Of gRPC, in lower case: `ok`, `not_found`. */
  readonly code: string;
  /** What the error says of itself; undefined when it succeeded. */
  readonly reason: string | undefined;
  /** From its arrival to the end of its answer. */
  readonly ms: number;
}

/** A caller may not make an RPC, or not all of it. */
export interface Denied {
  readonly kind: "denied";
  readonly method: string;
}

/** The service stops: it is not ready any more. */
export interface Draining {
  readonly kind: "draining";
}

export type BreakerState = "closed" | "open" | "half_open";
export type CallMethod = "TestConnector" | "GetSchema" | "Query" | "StreamQuery" | "ExplainQuery" | "Execute";

/** A call is over: answered, failed, or a stream that has ended or was left. */
export interface CallEnded extends Traced {
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
  /** What the call's time was spent on, piece by piece; there with `span`. */
  readonly spent?: readonly SpentSpan<Exclude<keyof Timings, "total">>[];
}

/** The source was asked once. */
export interface AttemptEnded extends Traced {
  readonly kind: "attempt_ended";
  readonly subject: Subject;
  readonly method: CallMethod;
  /** That the call asks for, whether there is such a one or not. */
  readonly resource: string;
  /** What kind of source it is. */
  readonly type: "database" | "api";
  /** 1 is the first. */
  readonly attempt: number;
  /** From its permit to its verdict. */
  readonly ms: number;
  readonly reason: FailureKind | undefined;
  /** The source's own, of an error: an SQLSTATE or an HTTP status. */
  readonly status: string | undefined;
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

/** A session for a connector was opened, or could not be. */
export interface SessionOpened extends Traced {
  readonly kind: "session_opened";
  readonly subject: Subject;
  readonly reason: FailureKind | undefined;
}

/** The intent of an action was noted for good, or could not be. */
export interface IntentNoted extends Traced {
  readonly kind: "intent_noted";
  readonly subject: Subject;
  readonly reason: FailureKind | undefined;
}

/** A connection was not made: the policy forbids its address. */
export interface EgressRefused {
  readonly kind: "egress_refused";
}

/** A stream's first batch is on its way. */
export interface StreamOpened {
  readonly kind: "stream_opened";
  readonly subject: Subject;
}

/** A stream's reader has come back for the next batch, or the stream is at its end. */
export interface StreamMoved {
  readonly kind: "stream_moved";
  readonly subject: Subject;
  readonly rows: number;
  readonly bytes: number;
  /** Milliseconds that the reader has left this batch waiting. */
  readonly waitMs: number;
}

/** A stream that was opened is over; its call says how. */
export interface StreamEnded {
  readonly kind: "stream_ended";
  readonly subject: Subject;
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
export interface TokenRefreshed extends Traced {
  readonly kind: "token_refreshed";
  readonly subject: Subject;
  /** `rejected`: the grant is no good any more; `lost_race`: another replica was there first. */
  readonly outcome: "refreshed" | "failed" | "rejected" | "lost_race";
  readonly ms: number;
}

/** The audit log was to be told of something. */
export interface AuditWritten {
  readonly kind: "audit_written";
  /** `connector.create`. */
  readonly event: string;
  /** How the entry says that it ended, `intended` among them; `unwritten`: there is no entry. */
  readonly outcome: "intended" | "succeeded" | "failed" | "denied" | "unknown" | "unwritten";
}

/** An encryption key was asked to wrap a data key, or to unwrap one. */
export interface KeyUsed {
  readonly kind: "key_used";
  readonly operation: "wrap" | "unwrap";
  /** `unknown`: nobody has the key that it takes. */
  readonly outcome: "done" | "unknown" | "failed";
}

/** Spans have left, or were lost: not taken by whom they are for, or more than the queue has room for. */
export interface SpansExported {
  readonly kind: "spans_exported";
  readonly spans: number;
  readonly outcome: "exported" | "failed" | "dropped";
}

/** What replicas share can't be reached, or can again. */
export interface SharedStateChanged {
  readonly kind: "shared_state_changed";
  readonly part: "redis" | "changes";
  readonly available: boolean;
}

export type Observation =
  | RpcEnded
  | Denied
  | Draining
  | CallEnded
  | AttemptEnded
  | RetryDecided
  | RateLimited
  | BulkheadFull
  | BreakerChanged
  | SessionOpened
  | IntentNoted
  | EgressRefused
  | StreamOpened
  | StreamMoved
  | StreamEnded
  | ReaderTooSlow
  | CacheAsked
  | OutcomeNotNoted
  | TokenRefreshed
  | SpansExported
  | AuditWritten
  | KeyUsed
  | SharedStateChanged;

/** Must neither fail nor wait. */
export type Observe = (observation: Observation) => void;
