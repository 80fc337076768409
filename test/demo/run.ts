/** The demo as a process of its own, in a temporary directory of its own. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { readdir, readlink, rm } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { layoutOf } from "../../src/store/embedded/directory.ts";
import { enterableDirectory } from "../support/directory.ts";

export interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
  readonly errors: string;
  /** The random bytes of its passwords and keys. */
  readonly secrets: readonly Buffer[];
  /** What it left in its temporary directory. */
  readonly leftFiles: readonly string[];
  /** Processes that still work in that directory, or name it. */
  readonly leftProcesses: readonly string[];
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const main = fileURLToPath(new URL("../../src/demo/main.ts", import.meta.url));
const preload = new URL("./secrets.ts", import.meta.url).href;

/** What happens to a demo once its output holds something. */
export interface Incident {
  readonly at: RegExp;
  happen(demo: { readonly pid: number; readonly directory: string }): void;
}

/** Ctrl-C: a terminal sends it to all processes of the group. */
export const interruption = (at: RegExp): Incident => ({ at, happen: ({ pid }) => process.kill(-pid, "SIGINT") });

/** The demo's PostgreSQL is killed. */
export const lossOfServer = (at: RegExp): Incident => ({
  at,
  happen({ directory }) {
    const [scratch = ""] = readdirSync(directory);
    const lockFile = path.join(layoutOf(path.join(directory, scratch)).data, "postmaster.pid");
    process.kill(Number.parseInt(readFileSync(lockFile, "utf8"), 10), "SIGKILL");
  },
});

/**
 * @param environment its own, beside this process'
 * @param args of its command line
 */
export async function runDemo(
  incident?: Incident,
  environment: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<Ended> {
  const directory = await enterableDirectory();
  try {
    const child = spawn(process.execPath, ["--import", preload, main, ...args], {
      cwd: root,
      env: { ...process.env, TMPDIR: directory, NO_COLOR: "1", ...environment },
      // A process group of its own, so that it alone is interrupted.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    const [, stdout, stderr, secrets] = child.stdio;
    let output = "";
    let waiting = incident;
    stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      if (!waiting?.at.test(output)) return;
      waiting.happen({ pid: child.pid as number, directory });
      waiting = undefined;
    });
    const [errors, told, [exitCode]] = await Promise.all([
      text(stderr as NodeJS.ReadableStream),
      text(secrets as NodeJS.ReadableStream),
      once(child, "close") as Promise<[number | null]>,
    ]);
    return {
      ...{ exitCode, output, errors },
      secrets: told
        .trim()
        .split("\n")
        .map((line) => Buffer.from(line, "hex")),
      leftFiles: await readdir(directory),
      leftProcesses: await processesOf(directory),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function processesOf(directory: string): Promise<string[]> {
  if (process.platform === "linux") {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    // Every process of PostgreSQL works in its data directory.
    const places = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => "")));
    return places.filter((place) => place.startsWith(directory));
  }
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "args="]);
  return stdout.split("\n").filter((line) => line.includes(directory));
}
