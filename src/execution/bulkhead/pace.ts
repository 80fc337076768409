/**
 * How quickly a connector's calls are done, and its line moves. A call that can't be done
 * before its deadline would only take a permit from one that can: under overload they
 * would be all that runs.
 */
export interface Pace {
  /** Milliseconds that the quickest calls of late have held a permit; 0 before the first has come back. */
  leastMs: number;
  /** Milliseconds between two calls that leave the line with a permit; 0 while that is not known. */
  turnMs: number;
  /** When the last one did, while others waited behind it; 0 otherwise. */
  turnedAt: number;
}

/** What one more turn weighs among those before it. */
const newest = 0.1;
/** A quick call counts at once, and slow ones little by little: one stream says nothing of the next query. */
const slower = 0.05;
/** Milliseconds: however slow a connector is, a call with more time than this may try. */
const mostLeastMs = 1_000;

export function newPace(): Pace {
  return { leastMs: 0, turnMs: 0, turnedAt: 0 };
}

export function learnHeld(pace: Pace, ms: number): void {
  const heldMs = Math.min(ms, mostLeastMs);
  const { leastMs } = pace;
  pace.leastMs = leastMs === 0 || heldMs < leastMs ? heldMs : leastMs + slower * (heldMs - leastMs);
}

/** A call has left the line with a permit. @param waiting Calls that are still in it */
export function learnTurn(pace: Pace, now: number, waiting: number): void {
  if (pace.turnedAt > 0) {
    const ms = now - pace.turnedAt;
    pace.turnMs = pace.turnMs === 0 ? ms : pace.turnMs + newest * (ms - pace.turnMs);
  }
  pace.turnedAt = waiting > 0 ? now : 0;
}

/** Milliseconds until a call would be done that so many calls of the line go before. */
export function doneAfterMs({ leastMs, turnMs }: Pace, waiting: number): number {
  return (waiting + 1) * turnMs + leastMs;
}
