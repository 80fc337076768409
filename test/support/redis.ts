/** Redis servers for tests. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import path from "node:path";
import { findProgram } from "../../src/demo/observe/program.ts";
import { freePort } from "../../src/store/embedded/cluster.ts";
import { temporaryDirectory } from "../../src/store/embedded/directory.ts";
import { untilSaid } from "./said.ts";

/** For whoever is not to find Redis late, on however busy a machine. */
export const unhurried = { answerMs: 10_000 } as const;
/** For whoever is to find it late before long, and not because the machine is busy for a moment. */
export const hurried = { answerMs: 500 } as const;

export interface OwnRedis {
  readonly url: string;
  readonly port: number;
  /** Sends SIGKILL, SIGSTOP or SIGCONT; the killed one is gone afterwards. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts the killed one again, on the same port and empty. */
  restart(): Promise<void>;
  /** Stops it, also when it is frozen or dead, and removes what it left. */
  stop(): Promise<void>;
}

/** A server without persistence that a test may kill or freeze. `options` are its own: `["--requirepass", "x"]`. */
export async function ownRedis(options: readonly string[] = []): Promise<OwnRedis> {
  const program = await findProgram("redis-server");
  if (program === undefined) throw new Error("There is no redis-server: run the tests by `npm test` once.");
  const directory = await mkdtemp(path.join(await temporaryDirectory(), "connector-redis-"));
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--dir", directory, "--save", "", "--appendonly", "no"];
  const start = () => started(spawn(program, [...args, ...options], { stdio: ["ignore", "pipe", "inherit"] }));
  let child = await start();
  const kill = async (signal: NodeJS.Signals) => {
    const gone = child.exitCode !== null || child.signalCode !== null;
    const exit = signal === "SIGKILL" && !gone ? once(child, "exit") : undefined;
    child.kill(signal);
    await exit;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    kill,
    async restart() {
      child = await start();
    },
    async stop() {
      await kill("SIGKILL");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A server that a test leaves as it is: the one that TEST_REDIS_URL names, or its own. */
export async function someRedis(): Promise<Pick<OwnRedis, "url" | "stop">> {
  const url = process.env.TEST_REDIS_URL;
  return url === undefined ? ownRedis() : { url, stop: async () => {} };
}

async function started(child: ChildProcess & { readonly stdout: NodeJS.ReadableStream }): Promise<ChildProcess> {
  await untilSaid("redis-server", child.stdout, "Ready to accept connections");
  return child;
}
