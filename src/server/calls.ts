/** The calls that run, for a drain to wait for. */
import type { ServerResponse } from "node:http";
import type { Http2ServerResponse } from "node:http2";

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
