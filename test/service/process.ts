/** The service as its own process, as an operator runs it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { keepSaid } from "../support/outputs.ts";

export interface Ended {
  /** The exit code, or the signal that ended it. */
  readonly status: number | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ServiceProcess {
  readonly child: ChildProcess;
  /** Where it listens, once it does. Rejects when it ends before. */
  readonly url: Promise<string>;
  /** Everything that it has said up to now. */
  output(): Ended;
  /** Resolves once its standard output holds this. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<Ended>;
}

/** Where Node keeps what it has compiled, if the run has such a place: most of a start is compiling. */
const { NODE_COMPILE_CACHE } = process.env;

/**
 * Runs a program of `src/`, or one anywhere by its full path, with these environment variables and no others but PATH.
 *
 * @param through A command that becomes the one that follows it, as `env` does. Default: none
 */
export function runProgram(
  file: string,
  environment: Readonly<Record<string, string>>,
  args: readonly string[] = [],
  through: readonly string[] = [],
): ServiceProcess {
  const program = resolve(fileURLToPath(new URL("../../src", import.meta.url)), file);
  const [command, ...rest] = [...through, process.execPath, program, ...args] as [string, ...string[]];
  const child = spawn(command, rest, {
    env: { PATH: process.env.PATH, ...(NODE_COMPILE_CACHE && { NODE_COMPILE_CACHE }), ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      said[stream] += text;
    });
  }
  const output = () => ({ status: child.exitCode ?? child.signalCode, ...said });
  const ended = once(child, "close").then(async () => {
    await keepSaid(said.stdout, said.stderr);
    return output();
  });
  const waitFor = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(said.stdout);
      if (found !== null) return found;
      if (child.stdout.destroyed) throw new Error(`It ended before: ${said.stdout}${said.stderr}`);
      await Promise.race([once(child.stdout, "data"), ended]);
    }
  };
  const url = waitFor(/"url":"([^"]+)"/).then(([, found]) => found as string);
  url.catch(() => {}); // Who expects it to fail does not ask.
  return { child, url, output, ended, said: waitFor };
}
