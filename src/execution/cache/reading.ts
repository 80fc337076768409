/** One reading that many wait for, and that ends when nobody does any more. */
import { orAborted } from "../../abort.ts";

export interface Reading<T> {
  /** When it began, in milliseconds since 1970. */
  readonly began: number;
  /** Nobody waits any more: it is being ended, and must not be joined. */
  readonly left: boolean;
  readonly result: Promise<T>;
  /** What is read. The signal ends this waiting, and the reading itself only when nobody else waits. */
  wait(signal: AbortSignal): Promise<T>;
}

/** @param read Gets the signal that ends the reading, and when it began. */
export function beginReading<T>(read: (signal: AbortSignal, began: number) => Promise<T>): Reading<T> {
  const controller = new AbortController();
  const began = Date.now();
  const result = read(controller.signal, began);
  let settled = false;
  const settle = () => {
    settled = true;
  };
  result.then(settle, settle);
  let waiting = 0;
  return {
    began,
    get left() {
      return controller.signal.aborted;
    },
    result,
    async wait(signal) {
      waiting++;
      try {
        return await orAborted(result, signal);
      } finally {
        waiting--;
        if (waiting === 0 && !settled) controller.abort(signal.reason);
      }
    },
  };
}
