/** Built-in PostgreSQLs in a directory of each test's own, of this process or of others that can be killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import path from "node:path";
import readline from "node:readline";
import pg from "pg";
import { afterEach, beforeEach } from "vitest";
import { type Embedded, type EmbeddedOptions, startEmbedded } from "../../src/store/embedded.ts";
import { seededDirectory } from "../support/cluster-seed.ts";
import { enterableDirectory } from "../support/directory.ts";

export const isRoot = process.getuid?.() === 0;

interface Said {
  readonly url?: string;
  readonly pid?: number;
  readonly kind?: string;
  readonly message?: string;
  readonly remedy?: string;
}

interface ProcessOptions {
  readonly uid?: number;
  readonly gid?: number;
  readonly detached?: boolean;
}

/** For each test of the file anew. */
export function embedding() {
  let base: string;
  let directory: string;
  const stops: (() => Promise<unknown>)[] = [];
  beforeEach(async () => {
    base = await enterableDirectory();
    directory = path.join(base, "a directory with spaces");
  });
  afterEach(async () => {
    for (const stop of stops.splice(0).reverse()) await stop();
    await rm(base, { recursive: true, force: true });
  });
  return {
    /** What is done after the test, the last first. */
    stops,
    /** Exists, and PostgreSQL's account can enter it. */
    get base() {
      return base;
    },
    /** Holds the cluster, once there is one: below the base, or elsewhere when it was planted. */
    get directory() {
      return directory;
    },
    /** The cluster is there already, as after an earlier start. */
    async plant(): Promise<void> {
      const planted = await seededDirectory();
      directory = planted;
      stops.push(() => rm(planted, { recursive: true, force: true }));
    },
    async start(options: Partial<EmbeddedOptions> = {}): Promise<Embedded> {
      const embedded = await startEmbedded({ directory, ...options });
      stops.push(() => embedded.stop());
      return embedded;
    },
    /** Starts the built-in PostgreSQL in a process of its own. */
    startProcess: (options: ProcessOptions = {}) => startProcessIn(directory, stops, options),
  };
}

async function startProcessIn(directory: string, stops: (() => Promise<unknown>)[], options: ProcessOptions) {
  const script = path.join(import.meta.dirname, "embeddedProcess.ts");
  const child = spawn(process.execPath, [script, directory], { stdio: ["pipe", "pipe", "inherit"], ...options });
  const ended = once(child, "exit");
  stops.push(async () => {
    child.stdin.end();
    await ended;
  });
  const [line] = await once(readline.createInterface(child.stdout), "line");
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  return { child, ended, kill, said: JSON.parse(line) as Said };
}

/** The rows of a statement, each as an array. */
export async function query(url: string, text: string): Promise<unknown[][]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query({ text, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}
