/** Turns at work that one can do at a time: tenants have them one after the other, however many each asks for. */

export interface Turns {
  /**
   * @param tenant Who asks.
   * @throws the signal's reason, when it aborts before the turn has come, or what the work throws
   */
  take<T>(tenant: string, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  /** By tenant, in the order of their next turns. */
  const waiting = new Map<string, Set<() => void>>();
  let isTaken = false;

  function next(): void {
    const begin = nextInLine();
    isTaken = begin !== undefined;
    begin?.();
  }

  function nextInLine(): (() => void) | undefined {
    for (const [tenant, line] of waiting) {
      const [begin] = line;
      waiting.delete(tenant);
      if (begin === undefined) continue;
      line.delete(begin);
      // Behind all others that wait.
      if (line.size > 0) waiting.set(tenant, line);
      return begin;
    }
    return undefined;
  }

  function turn(tenant: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const line = waiting.get(tenant) ?? new Set();
    waiting.set(tenant, line);
    const leave = () => {
      line.delete(begin);
      reject(signal.reason);
    };
    const begin = () => {
      signal.removeEventListener("abort", leave);
      resolve();
    };
    line.add(begin);
    signal.addEventListener("abort", leave, { once: true });
    return promise;
  }

  return {
    async take(tenant, signal, work) {
      signal.throwIfAborted();
      if (isTaken) await turn(tenant, signal);
      isTaken = true;
      try {
        return await work();
      } finally {
        next();
      }
    },
  };
}
