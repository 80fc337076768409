/** What PostgreSQL's own lock file says about the server that runs, or ran. */
import { readdir, readFile, readlink, realpath, unlink } from "node:fs/promises";
import path from "node:path";

export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** Whether the process is known to be PostgreSQL; only Linux shows it. */
  readonly certain: boolean;
}

/**
 * The server that runs on the data; undefined when there is none.
 *
 * A killed server leaves its lock file behind. Its process id may be some other
 * program's by now, as happens at once in a container that starts again, or a
 * zombie's that nobody reaps, and then PostgreSQL takes that for the server and
 * refuses to start: so the file is removed. Every process of PostgreSQL works in
 * its data directory, which tells them from all others.
 */
export async function runningPostmaster(data: string): Promise<Postmaster | undefined> {
  const written = await readLockFile(data);
  if (written === undefined || !isAlive(written.pid)) return undefined;
  if (process.platform !== "linux") return { ...written, certain: false };
  // One that outlives a killed server may still write, so that it has to be waited for.
  if (await anyWorksIn(await realpath(data))) return { ...written, certain: true };
  // Another process may have started the server meanwhile.
  if ((await readLockFile(data))?.pid === written.pid) await unlink(lockFile(data)).catch(() => undefined);
  return undefined;
}

/** Whether any process has the directory as its working directory; a zombie has none. */
async function anyWorksIn(directory: string): Promise<boolean> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const places = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => undefined)));
  return places.includes(directory);
}

/** Source of the lines' order: PostgreSQL's src/include/utils/pidfile.h. */
async function readLockFile(data: string): Promise<{ pid: number; port: number } | undefined> {
  const text = await readFile(lockFile(data), "utf8").catch(() => "");
  const [pid, , , port] = text.split("\n").map(Number);
  return pid && port ? { pid, port } : undefined;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // Gone, or another user's, and the server is never that.
    return false;
  }
}

function lockFile(data: string): string {
  return path.join(data, "postmaster.pid");
}
