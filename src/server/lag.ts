/** How late the event loop is with what is due. */

export interface Lag {
  /** Milliseconds, of late: one long pause counts for a part, and is soon forgotten. */
  readonly ms: number;
  close(): void;
}

/** Milliseconds between two looks. */
const everyMs = 20;
/** What the newest look weighs among those before it. */
const newest = 0.25;

export function watchLag(): Lag {
  let lagMs = 0;
  let seenAt = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    lagMs += newest * (Math.max(0, now - seenAt - everyMs) - lagMs);
    seenAt = now;
  }, everyMs).unref();
  return {
    get ms() {
      return lagMs;
    },
    close: () => clearInterval(timer),
  };
}
