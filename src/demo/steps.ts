/** The demo's steps, each with its number and its time. */
import { time } from "./figures.ts";
import type { Terminal } from "./terminal.ts";

/** Runs one step. What it gives is to be disposed of by the caller, also after an interruption. */
export type Step = <Result>(title: string, run: () => Promise<Result>) => Promise<Result>;

/** @param signal ends the demo: no further step begins */
export function steps(terminal: Terminal, signal: AbortSignal): Step {
  let number = 0;
  return async (title, run) => {
    signal.throwIfAborted();
    number++;
    terminal.heading(`${number}  ${title}`);
    const start = performance.now();
    const result = await run();
    terminal.note(`took ${time(performance.now() - start)}`);
    return result;
  };
}
