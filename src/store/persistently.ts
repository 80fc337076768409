/** Tries to write what must not be lost, while the service's own database is away. */
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../failure.ts";

/** How long it is tried, and the pause between two tries. Milliseconds. */
const tries = { forMs: 10_000, pauseMs: 100 };

/**
 * Does the work, and does it again when the database could not be reached: it must be such that
 * nothing happens when it had succeeded after all.
 *
 * @param signal Once it is aborted, what fails is not tried again. Default: never
 * @throws what the work threw the last time
 */
export async function persistently<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
  const giveUpMs = performance.now() + tries.forMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isAway = error instanceof Failure && error.kind === "service_unavailable";
      if (!isAway || signal?.aborted === true || performance.now() >= giveUpMs) throw error;
      await delay(tries.pauseMs);
    }
  }
}
