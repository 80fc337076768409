import { Code, ConnectError } from "@connectrpc/connect";
import { Reason } from "../gen/connector/v1/error_pb.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";

/** A name of the contract's `Reason`: `RATE_LIMITED`. */
export type ErrorReason = Exclude<keyof typeof Reason, "UNSPECIFIED">;

/** One wrong field of a request. */
export interface FieldError {
  /** Its path in the request: `query.filter.and.filters[0].compare.field`. */
  readonly field: string;
  /** What is wrong with it, in a sentence. */
  readonly description: string;
}

/**
 * What every call of this client throws when it fails. `code` says what sort of
 * failure it is, `reason` which one exactly; the message and `remedy` are for people.
 */
export class ConnectorError extends Error {
  override readonly name = "ConnectorError";
  readonly code: Code;
  /** Undefined when the failure is none of the service's: no network, or no answer. */
  readonly reason: ErrorReason | undefined;
  /** What can be done about it, in a sentence; empty when the service doesn't say. */
  readonly remedy: string;
  /** What refused: `request`, `rate_limit`, `breaker`, `upstream`; empty when the service doesn't say. */
  readonly where: string;
  /** Every wrong field of the request. */
  readonly fields: readonly FieldError[];
  /** Milliseconds after which another try makes sense; undefined when the service doesn't say. */
  readonly retryAfterMs: number | undefined;
  /** More facts: `upstream`, `status` and whatever else Reason describes. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(message: string, code: Code, options: ConnectorErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.reason = options.reason;
    this.metadata = options.metadata ?? {};
    this.remedy = this.metadata.remedy ?? "";
    this.where = this.metadata.where ?? "";
    this.fields = options.fields ?? [];
    this.retryAfterMs = options.retryAfterMs;
  }

  /** Any error as a ConnectorError; for those that `client.rpc` throws. `signal` is the one that the call was given. */
  static from(error: unknown, signal?: AbortSignal): ConnectorError {
    if (error instanceof ConnectorError) return error;
    // Connect calls every abort a cancel, that of AbortSignal.timeout() too.
    if (signal?.aborted && signal.reason instanceof Error && signal.reason.name === "TimeoutError") {
      return new ConnectorError(signal.reason.message, Code.DeadlineExceeded, { cause: error });
    }
    const source = ConnectError.from(error);
    const info = source.findDetails(ErrorInfoSchema).find(({ domain }) => domain === "connector.v1");
    const violations = source.findDetails(BadRequestSchema).flatMap(({ fieldViolations }) => fieldViolations);
    const delay = source.findDetails(RetryInfoSchema)[0]?.retryDelay;
    return new ConnectorError(source.rawMessage, source.code, {
      reason: reasonOf(info?.reason),
      metadata: info?.metadata ?? {},
      fields: violations.map(({ field, description }) => ({ field, description })),
      retryAfterMs: delay && Number(delay.seconds) * 1_000 + delay.nanos / 1e6,
      cause: source,
    });
  }
}

interface ConnectorErrorOptions {
  readonly reason?: ErrorReason | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly fields?: readonly FieldError[];
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** A stream that ended without its trailer: some of its rows may be missing. */
export function incompleteStream(): ConnectorError {
  return new ConnectorError("The stream is not complete: it ended without its trailer.", Code.DataLoss, {
    metadata: { remedy: "Read it again from the start." },
  });
}

/** An answer that this client can't read. */
export function unreadable(cause: unknown): ConnectorError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new ConnectorError(`The service's answer can't be read: ${detail}`, Code.Internal, {
    metadata: { remedy: "Use a client of the service's own version." },
    cause,
  });
}

/** A service that is newer than this client may name reasons that it does not know. */
function reasonOf(name: string | undefined): ErrorReason | undefined {
  return name !== undefined && name in Reason && name !== "UNSPECIFIED" ? (name as ErrorReason) : undefined;
}
