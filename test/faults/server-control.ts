/** Harm to a server itself. */
import type { Fault } from "../support/fault-proxy.ts";
import type { ServerFault } from "./faults.ts";

export interface Killable {
  /** SIGKILL, SIGSTOP or SIGCONT; the killed one is gone afterwards. */
  kill(signal: NodeJS.Signals): Promise<void>;
  restart(): Promise<void>;
}

/** Freezes or kills the server, once, and undoes it, once. */
export function serverControl(server: Killable | undefined) {
  let struck = false;
  return {
    async apply({ kind }: ServerFault) {
      struck = true;
      await server?.kill(kind === "freeze" ? "SIGSTOP" : "SIGKILL");
    },
    async lift({ kind }: Fault | ServerFault) {
      if (!struck) return;
      struck = false;
      if (kind === "freeze") await server?.kill("SIGCONT");
      else await server?.restart();
    },
  };
}
