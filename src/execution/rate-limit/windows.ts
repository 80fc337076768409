/**
 * Calls counted in windows that begin with their first call, in the memory of this
 * replica: what Redis does for all of them.
 */

/** How many calls a window has, with the one just counted, and the milliseconds until it ends. */
export interface Counted {
  readonly calls: number;
  readonly leftMs: number;
}

export interface Windows {
  add(key: string, windowMs: number): Counted;
  /** Gives a call back. To a window that is over nothing is given. */
  remove(key: string): void;
  close(): void;
}

interface Window {
  calls: number;
  /** On `performance.now()`'s clock. */
  readonly end: number;
  readonly timer: NodeJS.Timeout;
}

export function createWindows(): Windows {
  const windows = new Map<string, Window>();

  /** What is not used any more frees itself, and keeps no process alive. */
  function begin(key: string, end: number, windowMs: number): Window {
    clearTimeout(windows.get(key)?.timer);
    const timer = setTimeout(() => windows.delete(key), windowMs).unref();
    const window = { calls: 0, end, timer };
    windows.set(key, window);
    return window;
  }

  return {
    add(key, windowMs) {
      const now = performance.now();
      const known = windows.get(key);
      // A timer may be late.
      const window = known !== undefined && known.end > now ? known : begin(key, now + windowMs, windowMs);
      window.calls++;
      return { calls: window.calls, leftMs: window.end - now };
    },
    remove(key) {
      const window = windows.get(key);
      if (window !== undefined) window.calls--;
    },
    close() {
      for (const { timer } of windows.values()) clearTimeout(timer);
      windows.clear();
    },
  };
}
