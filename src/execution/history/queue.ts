/** Calls that wait to be written: until there is a batch of them, or for some time. */
import type { CallEnded } from "../../observability/observation.ts";
import { createLine } from "./line.ts";
import { type Normalize, recordsOf } from "./record.ts";
import type { Writer } from "./writer.ts";

export interface QueueOptions {
  readonly normalize: Normalize;
  /** Calls that wait at most; the oldest make room for the newest. */
  readonly maxBuffered: number;
  /** Milliseconds after which a call is written. */
  readonly flushMs: number;
  /** Calls that are written at once; so many don't wait. */
  readonly batch: number;
}

export interface Queue {
  /** False when a call had to go for it. */
  add(call: CallEnded): boolean;
  /** Writes what was added before. */
  flush(): Promise<void>;
}

export function createQueue(writer: Writer, { normalize, maxBuffered, flushMs, batch }: QueueOptions): Queue {
  const line = createLine<CallEnded>(maxBuffered);
  let running: Promise<void> | undefined;
  let due: NodeJS.Timeout | undefined;

  /** Writes what is in the line now; what comes meanwhile waits its time. */
  async function writeAll(): Promise<void> {
    for (let left = line.size; left > 0; left -= batch) {
      await writer.write(recordsOf(line.take(Math.min(left, batch)), normalize));
    }
  }
  function start(): Promise<void> {
    unschedule();
    running ??= writeAll().finally(() => {
      running = undefined;
      if (line.size > 0) schedule();
    });
    return running;
  }
  function schedule(): void {
    due ??= setTimeout(start, line.size < batch ? flushMs : 0).unref();
  }
  function unschedule(): void {
    clearTimeout(due);
    due = undefined;
  }

  return {
    add(call) {
      const fits = line.add(call);
      if (running !== undefined) return fits;
      // A whole batch need not wait for the time that was set when its first call came.
      if (line.size === batch) unschedule();
      schedule();
      return fits;
    },
    async flush() {
      await running;
      await start();
    },
  };
}
