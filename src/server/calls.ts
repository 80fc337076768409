/** The calls that run, for a drain to wait for and to end. */

import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";
import type { Interceptor } from "@connectrpc/connect";

export type Response = ServerResponse | Http2ServerResponse;

export class Calls {
  readonly #running = new Set<Response>();
  readonly #waiting = new Set<() => void>();
  #ended = 0;

  /** A call runs until its response is closed. */
  add(response: Response): void {
    this.#running.add(response);
    response.once("close", () => {
      this.#running.delete(response);
      this.#ended++;
      if (this.#running.size > 0) return;
      for (const wake of this.#waiting) wake();
    });
  }

  /** How many run. */
  get running(): number {
    return this.#running.size;
  }

  /** How many have ended since the start. */
  get ended(): number {
    return this.#ended;
  }

  /** Resolves when none runs, or after so many milliseconds. */
  async idle(timeoutMs: number): Promise<void> {
    if (this.#running.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const timer = setTimeout(resolve, timeoutMs);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
  }
}

/**
 * Ends a call with the signal's reason some time after it aborts, whether its handler
 * has noticed or not: until then the handler may clean up and answer by itself.
 */
export function endAfter(signal: AbortSignal, graceMs: number): Interceptor {
  return (next) => async (request) => {
    const call = new Ending(signal, graceMs);
    try {
      const response = await call.unlessEnded(next(request));
      if (!response.stream) {
        call.release();
        return response;
      }
      return { ...response, message: call.messages(response.message) };
    } catch (cause) {
      call.release();
      throw cause;
    }
  };
}

/** One call under such a signal. */
class Ending {
  readonly #signal: AbortSignal;
  readonly #graceMs: number;
  #timer: NodeJS.Timeout | undefined;
  #reject: ((reason: unknown) => void) | undefined;

  constructor(signal: AbortSignal, graceMs: number) {
    this.#signal = signal;
    this.#graceMs = graceMs;
    signal.addEventListener("abort", this.#aborted);
    if (signal.aborted) this.#aborted();
  }

  readonly #aborted = (): void => {
    this.#timer = setTimeout(() => this.#reject?.(this.#signal.reason), this.#graceMs);
  };

  release(): void {
    this.#signal.removeEventListener("abort", this.#aborted);
    clearTimeout(this.#timer);
  }

  // Not Promise.race: one that is raced against all a stream's messages would hold all of them.
  unlessEnded<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      work.then(resolve, reject);
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
        return {
          next: async () => {
            const result = await this.unlessEnded(it.next()).catch(released);
            if (result.done) this.release();
            return result;
          },
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
