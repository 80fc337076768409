/** Ctrl-C and its kin: the demo stops where it is, and cleans up. */
import os from "node:os";

export class Interruption extends Error {
  override readonly name = "Interruption";
  /** As a shell reports the end of a program by a signal. */
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`Interrupted by ${signal}.`);
    this.exitCode = 128 + os.constants.signals[signal];
  }
}

/**
 * A signal that is aborted, with an Interruption, when the user, the system or the
 * end of the output's reader (`npm run demo | head`) stops the demo.
 */
export function interruption(output: NodeJS.WriteStream, interrupted: () => void): AbortSignal {
  const controller = new AbortController();
  const interrupt = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) return;
    controller.abort(new Interruption(signal));
    interrupted();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, interrupt);
  output.on("error", () => interrupt("SIGPIPE"));
  return controller.signal;
}
