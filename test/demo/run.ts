/** The demo as a process of its own, in a temporary directory of its own. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readlink, rm } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
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

/** @param interruptAt sends SIGINT once this is in the output, to all its processes as a terminal does */
export async function runDemo(interruptAt?: RegExp): Promise<Ended> {
  const directory = await enterableDirectory();
  try {
    const child = spawn(process.execPath, ["--import", preload, main], {
      cwd: root,
      env: { ...process.env, TMPDIR: directory, NO_COLOR: "1" },
      // A process group of its own, so that it alone is interrupted.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    const [, stdout, stderr, secrets] = child.stdio;
    let output = "";
    let interrupted = interruptAt === undefined;
    stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
      if (interrupted || !interruptAt?.test(output)) return;
      interrupted = true;
      process.kill(-(child.pid as number), "SIGINT");
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
