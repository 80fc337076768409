/**
 * Ends calls that go on after their time, whatever they wait for and whether that has
 * noticed or not. What is left behind ends by itself some time, and nobody hears of it.
 */
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextKey,
  type HandlerContext,
  type Interceptor,
} from "@connectrpc/connect";
import { Failure } from "../failure.ts";
import { isTimedByExecution } from "../rpc/time-limit.ts";

export interface LateOptions {
  /** Milliseconds that a call gets which has no deadline, and whose time nobody else keeps. */
  readonly defaultMs: number;
  /** Milliseconds that no call gets more of. */
  readonly maxMs: number;
  /** Names what the service itself waits for too long at the moment, if it does: "The service's own database". */
  readonly slowPart?: (() => string | undefined) | undefined;
}

export interface LateCalls {
  /** Begins to keep a call's time, and admits it by then or not at all. */
  gate(admit?: (context: HandlerContext) => void | Promise<void>): (context: HandlerContext) => Promise<void>;
  /** For calls that have passed the gate. */
  readonly interceptor: Interceptor;
}

/** Milliseconds that a handler which is told to end gets to clean up and to answer by itself. */
export const abortGraceMs = 500;
/** The same at a deadline: execution, which knows better what the time went into, has answered before. */
const lateGraceMs = 10;

const endingKey = createContextKey<Ending | undefined>(undefined, { description: "end of the call" });

export function lateCalls(options: LateOptions): LateCalls {
  return {
    gate: (admit) => async (context) => {
      const ending = new Ending(context, options);
      context.values.set(endingKey, ending);
      try {
        const admitted = admit?.(context);
        if (admitted !== undefined) await ending.unlessEnded(admitted);
      } catch (cause) {
        ending.release();
        throw cause;
      }
    },
    interceptor: (next) => async (request) => {
      const ending = request.contextValues.get(endingKey);
      if (ending === undefined) return next(request);
      try {
        const response = await ending.unlessEnded(next(request));
        if (response.stream) return { ...response, message: ending.messages(response.message) };
        ending.release();
        return response;
      } catch (cause) {
        ending.release();
        throw cause;
      }
    },
  };
}

/** The end of one call, by its signal or by the service's own limit. */
class Ending {
  readonly #signal: AbortSignal;
  readonly #values: ContextValues;
  readonly #options: LateOptions;
  #timer: NodeJS.Timeout | undefined;
  #reject: ((reason: unknown) => void) | undefined;
  #end: { readonly reason: unknown } | undefined;

  constructor(context: HandlerContext, options: LateOptions) {
    this.#signal = context.signal;
    this.#values = context.values;
    this.#options = options;
    const { methodKind } = context.method;
    const answers = methodKind === "unary" || methodKind === "server_streaming";
    if (answers && context.timeoutMs() === undefined) this.#after(options.defaultMs, this.#overdue);
    this.#signal.addEventListener("abort", this.#aborted);
    if (this.#signal.aborted) this.#aborted();
  }

  readonly #aborted = (): void => {
    const late = isDeadline(this.#signal.reason);
    this.#after(late ? lateGraceMs : abortGraceMs, () => this.#endWith(late ? this.#tooLate() : this.#signal.reason));
  };

  readonly #overdue = (): void => {
    const { defaultMs, maxMs } = this.#options;
    const end = () => this.#endWith(this.#tooLate());
    if (isTimedByExecution(this.#values)) this.#after(maxMs - defaultMs + abortGraceMs, end);
    else end();
  };

  #after(ms: number, work: () => void): void {
    clearTimeout(this.#timer);
    // A timer of Node holds at most 2³¹ - 1 ms.
    this.#timer = setTimeout(work, Math.min(ms, 2 ** 31 - 1)).unref();
  }

  #endWith(reason: unknown): void {
    this.#end = { reason };
    this.#reject?.(reason);
  }

  #tooLate(): Failure {
    const part = isTimedByExecution(this.#values) ? undefined : this.#options.slowPart?.();
    return new Failure("deadline_exceeded", `${part ?? "The service"} did not answer in time.`, {
      where: "service",
      remedy: "Try again in a moment: another replica may answer.",
    });
  }

  release(): void {
    this.#signal.removeEventListener("abort", this.#aborted);
    clearTimeout(this.#timer);
  }

  // Not Promise.race: one that is raced against all a stream's messages would hold all of them.
  unlessEnded<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      work.then(resolve, reject);
      if (this.#end !== undefined) reject(this.#end.reason);
    });
  }

  messages<T>(iterable: AsyncIterable<T>): AsyncIterable<T> {
    return {
      [Symbol.asyncIterator]: () => {
        const it = iterable[Symbol.asyncIterator]();
        const released = (cause: unknown): never => {
          this.release();
          throw cause;
        };
        const next = async (): Promise<IteratorResult<T>> => {
          const result = await this.unlessEnded(it.next());
          if (result.done) this.release();
          // Without a deadline, one that has begun may last.
          else if (!this.#signal.aborted) clearTimeout(this.#timer);
          return result;
        };
        return {
          next: () =>
            next().catch((cause: unknown) => {
              // It may still wait, and cleans up when it wakes.
              it.return?.().catch(() => {});
              return released(cause);
            }),
          return: async (value?: unknown) => {
            this.release();
            return (await it.return?.(value)) ?? { done: true, value };
          },
          ...(it.throw && { throw: (cause: unknown) => it.throw!(cause).catch(released) }),
        };
      },
    };
  }
}

function isDeadline(reason: unknown): boolean {
  return reason instanceof ConnectError && reason.code === Code.DeadlineExceeded;
}
