/**
 * The one error class. Every room throws it, `rpc/` alone turns it into a status.
 *
 * A failure's message is written by this service for the caller: it never holds a
 * credential, a value of a row or a source's own text. What a log may need beside
 * it goes into `cause`.
 */

/** What went wrong; each kind is a `Reason` of the contract in lower case. */
export type FailureKind =
  | "invalid_request"
  | "unknown_resource"
  | "unknown_field"
  | "invalid_page_token"
  | "statement_rejected"
  | "unsupported"
  | "unauthenticated"
  | "permission_denied"
  | "not_found"
  | "already_exists"
  | "conflict"
  | "connector_disabled"
  | "credential_rejected"
  | "upstream_permission_denied"
  | "configuration_rejected"
  | "tls_failed"
  | "egress_denied"
  | "upstream_unreachable"
  | "upstream_lost"
  | "upstream_unavailable"
  | "upstream_rate_limited"
  | "rate_limited"
  | "bulkhead_full"
  | "budget_exhausted"
  | "too_large"
  | "breaker_open"
  | "deadline_exceeded"
  | "cancelled"
  | "shutting_down"
  | "slow_reader"
  | "outcome_unknown"
  | "constraint_violated"
  | "too_many_affected"
  | "internal"
  | "not_implemented"
  | "service_unavailable";

/** What refused. */
export type FailurePlace =
  | "request"
  | "caller"
  | "connector"
  | "rate_limit"
  | "bulkhead"
  | "pool"
  | "breaker"
  | "egress"
  | "credential"
  | "upstream"
  | "service";

/** One wrong field of a request. */
export interface FieldViolation {
  /** The field's path in the request: `query.filter.and.filters[0].compare.field`. */
  readonly field: string;
  /** What is wrong with it and what would be right, in a sentence. */
  readonly description: string;
}

export interface FailureOptions {
  readonly where?: FailurePlace;
  /** What the caller can do about it, in a sentence. */
  readonly remedy?: string;
  readonly fields?: readonly FieldViolation[];
  /** Milliseconds after which another try makes sense. */
  readonly retryAfterMs?: number;
  /** The same call would fail in the same way, whatever its kind says: it is not tried again, and says nothing of the source's health. */
  readonly final?: boolean;
  /** The provider that answered. */
  readonly upstream?: string;
  /** The source's own status: an SQLSTATE or an HTTP status. */
  readonly status?: string;
  /** More facts for the caller, as short strings. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** For the log only. */
  readonly cause?: unknown;
}

/**
 * Only a fault of ours has a stack: to note it takes longer than all else that a refused
 * call needs, and nobody looks for the line that found a line full.
 */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly kind: FailureKind;
  readonly where: FailurePlace | undefined;
  readonly remedy: string | undefined;
  readonly fields: readonly FieldViolation[];
  readonly retryAfterMs: number | undefined;
  readonly final: boolean;
  readonly upstream: string | undefined;
  readonly status: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;

  constructor(kind: FailureKind, message: string, options: FailureOptions = {}) {
    const { stackTraceLimit } = Error;
    if (kind !== "internal") Error.stackTraceLimit = 0;
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.kind = kind;
    this.where = options.where;
    this.remedy = options.remedy;
    this.fields = options.fields ?? [];
    this.retryAfterMs = options.retryAfterMs;
    this.final = options.final ?? false;
    this.upstream = options.upstream;
    this.status = options.status;
    this.metadata = options.metadata ?? {};
  }
}

/** Makes an error that has no stack, for the reason that a Failure has none. */
export function stackless<E extends Error>(make: () => E): E {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = make();
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}

/** A request that is wrong in the given fields. */
export function invalidRequest(...fields: [FieldViolation, ...FieldViolation[]]): Failure {
  const [first] = fields;
  const more = fields.length > 1 ? ` (and ${fields.length - 1} more)` : "";
  return new Failure("invalid_request", `${first.field}: ${first.description}${more}`, { where: "request", fields });
}

/** The same failure, with more facts for its caller. */
export function withMetadata(failure: Failure, metadata: Readonly<Record<string, string>>): Failure {
  const { kind, message, cause } = failure;
  // An option that is undefined counts as not given.
  const options = { ...failure, cause, metadata: { ...failure.metadata, ...metadata } } as FailureOptions;
  return new Failure(kind, message, options);
}
