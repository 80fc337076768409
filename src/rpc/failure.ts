/**
 * The edge where errors become statuses: a `Failure`, an error of the library and
 * anything unforeseen all leave as a ConnectError with the details that the
 * contract's `Reason` describes.
 */
import { randomUUID } from "node:crypto";
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextKey,
  type HandlerContext,
  type Interceptor,
} from "@connectrpc/connect";
import { Failure, type FailureKind, stackless } from "../failure.ts";
import { detailsOf, isDescribed, messageOf } from "./error-details.ts";
import { traceOf } from "./trace.ts";
import { unreadable } from "./unreadable.ts";

/** The one table from kinds to codes; the contract states it at `Reason`. */
export const codes = {
  invalid_request: Code.InvalidArgument,
  unknown_resource: Code.InvalidArgument,
  unknown_field: Code.InvalidArgument,
  invalid_page_token: Code.InvalidArgument,
  statement_rejected: Code.InvalidArgument,
  unsupported: Code.Unimplemented,
  unauthenticated: Code.Unauthenticated,
  permission_denied: Code.PermissionDenied,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  conflict: Code.Aborted,
  connector_disabled: Code.FailedPrecondition,
  // The organization's stored credential, not the caller's token.
  credential_rejected: Code.FailedPrecondition,
  upstream_permission_denied: Code.FailedPrecondition,
  configuration_rejected: Code.FailedPrecondition,
  tls_failed: Code.FailedPrecondition,
  egress_denied: Code.FailedPrecondition,
  upstream_unreachable: Code.Unavailable,
  upstream_lost: Code.Unavailable,
  upstream_unavailable: Code.Unavailable,
  upstream_rate_limited: Code.ResourceExhausted,
  rate_limited: Code.ResourceExhausted,
  bulkhead_full: Code.ResourceExhausted,
  budget_exhausted: Code.ResourceExhausted,
  too_large: Code.ResourceExhausted,
  breaker_open: Code.Unavailable,
  deadline_exceeded: Code.DeadlineExceeded,
  cancelled: Code.Canceled,
  shutting_down: Code.Unavailable,
  slow_reader: Code.ResourceExhausted,
  outcome_unknown: Code.Unknown,
  internal: Code.Internal,
  not_implemented: Code.Unimplemented,
  // The service's own database, not the source.
  service_unavailable: Code.Unavailable,
  constraint_violated: Code.FailedPrecondition,
  too_many_affected: Code.FailedPrecondition,
} as const satisfies Record<FailureKind, Code>;

/** What an error of the library means when it says no more than its code. */
const kindsOfLibraryErrors: Partial<Record<Code, FailureKind>> = {
  [Code.InvalidArgument]: "invalid_request",
  [Code.ResourceExhausted]: "too_large",
  [Code.DeadlineExceeded]: "deadline_exceeded",
  [Code.Canceled]: "cancelled",
  [Code.Aborted]: "cancelled",
  [Code.Unimplemented]: "not_implemented",
};

/** What the edge knows about the call that an error belongs to. */
export interface Fault {
  /** What the caller is asked to quote. */
  readonly requestId: string;
  /** Of the trace that it belongs to; undefined for none. */
  readonly traceId: string | undefined;
  /** `connector.v1.ConnectorService/Query`; what was asked where no RPC was: `GET /docs`. */
  readonly method: string;
}

export interface FaultOptions {
  /** Is told every fault of the service and of its own database, with its cause, which no caller gets. */
  readonly onInternal?: (cause: unknown, fault: Fault) => void;
}

const callIdKey = createContextKey<string | undefined>(undefined, { description: "id of the call" });
// Whether the request has been read: what the library finds wrong before is the caller's doing.
const decodedKey = createContextKey(false, { description: "the request has been decoded" });

/** Why a call's signal aborts when it has been answered; without a reason, each would make an error of its own. */
const over = new DOMException("The call is over.", "AbortError");

/** Gives a call's id, which is made when somebody needs it. */
type CallId = () => string;

/** The id of a call, the same one each time it is asked for. */
export function callIdOf(values: ContextValues): string {
  const known = values.get(callIdKey);
  if (known !== undefined) return known;
  const made = randomUUID();
  values.set(callIdKey, made);
  return made;
}

/** The id that a call has from now on. */
export function setCallId(values: ContextValues, id: string): void {
  values.set(callIdKey, id);
}

/**
 * Makes the error that a caller gets.
 *
 * A `Failure` keeps its message, with its remedy. A ConnectError of the library
 * keeps its code and gets an ErrorInfo. Everything else is INTERNAL, of which the
 * caller learns the call's id and nothing more.
 */
export function toConnectError(cause: unknown, callId: CallId = randomUUID): ConnectError {
  if (cause instanceof Failure) return fromFailure(cause);
  if (cause instanceof ConnectError) return describe(cause, true, callId);
  // Connect would turn both into `canceled`.
  if (cause instanceof Error && cause.name === "TimeoutError") {
    return fromFailure(
      new Failure("deadline_exceeded", "The call's deadline has passed.", { where: "request", cause }),
    );
  }
  if (cause instanceof Error && cause.name === "AbortError") {
    return fromFailure(new Failure("cancelled", "The call was cancelled.", { where: "caller", cause }));
  }
  return fromFailure(internal(cause, callId));
}

/**
 * Turns whatever a handler, or an interceptor behind this one, throws into the
 * error that the caller gets; put it first. For unary and streaming calls.
 */
export function failureInterceptor(options: FaultOptions = {}): Interceptor {
  return (next) => async (request) => {
    const fail = (cause: unknown): ConnectError => {
      const callId = () => callIdOf(request.contextValues);
      const real = endOf(request.signal, cause);
      const error = toConnectError(real, callId);
      if (isOwnFault(real, error)) options.onInternal?.(real, faultOf(request.contextValues, request));
      return error;
    };
    try {
      if (!request.stream) {
        request.contextValues.set(decodedKey, true);
        return await next(request);
      }
      const message = mapErrors(request.message, (cause) =>
        cause instanceof ConnectError ? describe(cause, false) : cause,
      );
      const response = await next({ ...request, message });
      return response.stream ? { ...response, message: mapErrors(response.message, fail) } : response;
    } catch (cause) {
      throw fail(cause);
    }
  };
}

/**
 * A `requestGate` for the router, which runs before a request's body is read: runs
 * `admit`, whose Failures become statuses, and sees to it that what the library
 * finds wrong with the body gets its details too, since no interceptor sees that.
 */
export function failureGate(
  admit?: (context: HandlerContext) => void | Promise<void>,
  options: FaultOptions = {},
): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    const callId = () => callIdOf(context.values);
    const tell = (cause: unknown, error: ConnectError): ConnectError => {
      if (isOwnFault(cause, error)) options.onInternal?.(cause, faultOf(context.values, context));
      return error;
    };
    // Every handler aborts its own context with the error just before it writes it:
    // the one point that all errors of all protocols pass. It writes that very object,
    // so that the details go into it.
    const controller = context as HandlerContext & { abort(reason?: unknown): void };
    const abort = controller.abort;
    controller.abort = (reason) => {
      if (reason instanceof ConnectError && !isDescribed(reason)) {
        const { rawMessage, code, cause } = reason;
        const error = describe(reason, context.values.get(decodedKey), callId);
        tell(new ConnectError(rawMessage, code, undefined, undefined, cause), error);
        Object.assign(reason, { code: error.code, rawMessage: error.rawMessage, message: error.message });
        reason.details.push(...error.details);
      }
      abort(reason ?? over);
    };
    try {
      await admit?.(context);
    } catch (cause) {
      throw tell(cause, toConnectError(cause, callId));
    }
  };
}

/** What an operator must hear of: nobody else can mend it. */
export function isOwnFault(cause: unknown, error: ConnectError): boolean {
  return error.code === Code.Internal || (cause instanceof Failure && cause.kind === "service_unavailable");
}

/** What a log says of the call that something has gone wrong with. */
export function faultOf(values: ContextValues, { method }: Pick<HandlerContext, "method">): Fault {
  const traceId = traceOf({ values })?.traceId;
  return { requestId: callIdOf(values), traceId, method: `${method.parent.typeName}/${method.name}` };
}

function fromFailure(failure: Failure): ConnectError {
  const { kind, cause } = failure;
  const error = stackless(() => new ConnectError(messageOf(failure), codes[kind], undefined, undefined, cause));
  error.details.push(...detailsOf(failure));
  return error;
}

/** `cause` is for the log; its text stays here. */
function internal(cause: unknown, callId: CallId): Failure {
  const id = callId();
  return new Failure("internal", `internal error; quote call id ${id}`, {
    where: "service",
    metadata: { call_id: id },
    cause,
  });
}

/**
 * An error that the library made, with the details of the contract.
 *
 * @param decoded whether the request had been read. Before, whatever is wrong is
 *   wrong with the request, though the library calls some of it internal.
 */
function describe(error: ConnectError, decoded: boolean, callId: CallId = randomUUID): ConnectError {
  if (isDescribed(error)) return error;
  const described = fromFailure(decoded ? explain(error, callId) : unreadable(error, kindsOfLibraryErrors[error.code]));
  // Headers of the protocol: the compressions that are understood, for example.
  error.metadata.forEach((value, key) => {
    described.metadata.set(key, value);
  });
  return described;
}

/** What an error of the library means once the request has been read. */
function explain(error: ConnectError, callId: CallId): Failure {
  const kind = kindsOfLibraryErrors[error.code];
  if (kind === undefined) return internal(error, callId);
  return new Failure(kind, error.rawMessage, { where: kind === "too_large" ? "service" : "request" });
}

/** Why the call ended, when `cause` only says that it was aborted. */
function endOf(signal: AbortSignal, cause: unknown): unknown {
  if (!signal.aborted) return cause;
  const aborted =
    cause === signal.reason ||
    (cause instanceof ConnectError && cause.code === Code.Canceled) ||
    (cause instanceof Error && (cause.name === "AbortError" || cause.name === "TimeoutError"));
  return aborted ? signal.reason : cause;
}

/** Passes an iterable on with its errors mapped, without holding back its return as a generator would. */
function mapErrors<T>(iterable: AsyncIterable<T>, map: (cause: unknown) => unknown): AsyncIterable<T> {
  const rethrow = (cause: unknown): never => {
    throw map(cause);
  };
  return {
    [Symbol.asyncIterator]() {
      const it = iterable[Symbol.asyncIterator]();
      return {
        next: () => it.next().catch(rethrow),
        ...(it.return && { return: (value?: unknown) => it.return!(value) }),
        ...(it.throw && { throw: (cause: unknown) => it.throw!(cause).catch(rethrow) }),
      };
    },
  };
}
