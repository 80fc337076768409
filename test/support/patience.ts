/**
 * For `vi.waitFor` and `vi.waitUntil`: milliseconds that a test waits for what must come,
 * whose own second is less than a busy machine may stall. How soon it comes is measured
 * by a stopwatch, where that is what is tested.
 */
export const patience = { timeout: 60_000, interval: 5 } as const;

/**
 * For tests whose scene is set while a time limit runs that is what they are about: where
 * the machine stalls for as long, nothing was shown, and they are run anew.
 */
export const anew = { retry: 3 } as const;
