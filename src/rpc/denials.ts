/** Tells the audit log of every call, or part of one, that its caller may not make. */
import type { Interceptor } from "@connectrpc/connect";
import type { Audit } from "../audit/audit.ts";
import { Failure } from "../failure.ts";
import { actorOf } from "./actor.ts";
import { type Fault, faultOf } from "./failure.ts";
import { type Denied, principalOf } from "./principal.ts";

/**
 * @param onProblem hears of a denial that could not be written. It stays one: a caller that may not
 *   do something can't be helped by a store that is away
 */
export function tellDenials(audit: Pick<Audit, "record">, onProblem: (cause: unknown, fault: Fault) => void): Denied {
  return async (cause, call) => {
    const denial = denialOf(cause);
    if (denial === undefined) return;
    try {
      const { organizationId } = principalOf(call);
      const details = { ...denial.metadata, method: call.method.name };
      const event = { event: "permission.deny", organizationId, actor: actorOf(call), details } as const;
      await audit.record(event, { outcome: "denied", reason: "permission_denied" });
    } catch (problem) {
      onProblem(problem, faultOf(call.values, call));
    }
  };
}

/** A stranger's connector is absent, and so is one that the caller's key is not for: the cause tells the latter apart. */
function denialOf(cause: unknown): Failure | undefined {
  if (!(cause instanceof Failure)) return undefined;
  return cause.kind === "permission_denied" ? cause : denialOf(cause.cause);
}

/** For what handlers refuse, of unary and streaming calls; put it inside the one that turns failures into statuses. */
export function denialInterceptor(denied: Denied): Interceptor {
  return (next) => async (request) => {
    const tell = async (cause: unknown): Promise<never> => {
      await denied(cause, { values: request.contextValues, method: request.method });
      throw cause;
    };
    const response = await next(request).catch(tell);
    return response.stream ? { ...response, message: tellingErrors(response.message, tell) } : response;
  };
}

/** Passes an iterable on, without holding back its return as a generator would. */
function tellingErrors<T>(iterable: AsyncIterable<T>, tell: (cause: unknown) => Promise<never>): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      const it = iterable[Symbol.asyncIterator]();
      return {
        next: () => it.next().catch(tell),
        ...(it.return && { return: (value?: unknown) => it.return!(value) }),
        ...(it.throw && { throw: (cause: unknown) => it.throw!(cause).catch(tell) }),
      };
    },
  };
}
