/** The load balancer of `deploy/`, a real HAProxy in front of replicas. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { findProgram } from "../../src/demo/observe/program.ts";
import { freePort } from "../../src/store/embedded/cluster.ts";

export interface HaProxy {
  readonly port: number;
  stop(): Promise<void>;
}

const configuration = fileURLToPath(new URL("../../deploy/haproxy/haproxy.cfg", import.meta.url));

/**
 * Settles when it listens.
 * @param replicas Their ports on this machine, 2 to 4
 */
export async function haproxy(replicas: readonly number[]): Promise<HaProxy> {
  const program = await findProgram("haproxy");
  if (program === undefined) throw new Error("There is no haproxy: run the tests by `npm test` once.");
  const port = await freePort();
  const places = replicas.map((replica, index) => [`REPLICA_${index + 1}`, `127.0.0.1:${replica}`]);
  const child = spawn(program, ["-db", "-f", configuration], {
    env: { LISTEN: `127.0.0.1:${port}`, ...Object.fromEntries(places) },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const stop = async () => {
    const exit = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
    child.kill("SIGTERM");
    await exit;
  };
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`haproxy did not start:\n${Buffer.concat(said)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { port, stop };
}

/** Whatever it answers, it listens. */
async function answers(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
  await response?.body?.cancel();
  return response !== undefined;
}
