/** Databases and whole servers for tests. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm } from "node:fs/promises";
import net from "node:net";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { inject } from "vitest";
import { startEmbedded } from "../../src/store/embedded.ts";
import { seededDirectory } from "./cluster-seed.ts";

export interface FreshDatabase {
  /** As the superuser. */
  readonly url: string;
  /** Drops the database, whoever is connected to it. */
  drop(): Promise<void>;
}

/** An empty database in the run's PostgreSQL. */
export const freshDatabase = (): Promise<FreshDatabase> => databaseLike("template1");

/** A database in the run's PostgreSQL whose schema is the store's, as a service leaves it that has done nothing yet. */
export const freshStore = (): Promise<FreshDatabase> => databaseLike(inject("storeTemplate"));

async function databaseLike(template: string): Promise<FreshDatabase> {
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = inject("postgresUrl");
  // To copy files takes less than to write all of them into the log, too.
  await execute(admin, `CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => execute(admin, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

export interface OwnCluster {
  /** As the superuser. */
  readonly url: string;
  readonly port: number;
  /** Of the first start. */
  readonly postmasterPid: number;
  /** Stops the server, also when it is frozen or dead, and removes its data. */
  stop(): Promise<void>;
  /** Sends SIGKILL, SIGSTOP or SIGCONT to every process of the server; the killed are gone afterwards. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts a killed server again, on its data and on its port. */
  restart(): Promise<void>;
}

/** A server that a test may kill or freeze. */
export async function ownCluster(): Promise<OwnCluster> {
  const directory = await seededDirectory();
  let embedded = await startEmbedded({ directory });
  const { url, port, pid: postmasterPid } = embedded;
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    const before = await childrenOf(embedded.pid);
    // The first process goes first, so that it neither replaces nor mourns the others.
    signalIfAlive(embedded.pid, signal);
    const pids = new Set([...before, ...(await childrenOf(embedded.pid))]);
    for (const pid of pids) signalIfAlive(pid, signal);
    // The kernel takes a moment to close what the dead had open.
    while (signal === "SIGKILL" && (await listens(embedded.port))) await setTimeout(10);
  };
  const stop = async (): Promise<void> => {
    await kill("SIGCONT");
    await embedded.stop();
    await rm(directory, { recursive: true, force: true });
  };
  const restart = async (): Promise<void> => {
    // Whoever owned the killed server would own the new one as soon as it is up.
    await embedded.stop();
    embedded = await startEmbedded({ directory, proposePort: async () => port });
  };
  return { url, port, postmasterPid, stop, kill, restart };
}

async function listens(port: number): Promise<boolean> {
  const socket = net.connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code !== "ECONNREFUSED";
  } finally {
    socket.destroy();
  }
}

function signalIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ESRCH") throw cause;
  }
}

async function childrenOf(parent: number): Promise<number[]> {
  const pairs = process.platform === "linux" ? await processesOfProc() : await processesOfPs();
  return pairs.filter(([, ppid]) => ppid === parent).map(([pid]) => pid as number);
}

/** [pid, parent's pid] of every process, out of /proc: a slim image has no ps. Source: proc_pid_stat(5). */
async function processesOfProc(): Promise<number[][]> {
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0);
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")));
  return stats.map((text) => [Number.parseInt(text, 10), Number(text.slice(text.lastIndexOf(")")).split(" ")[2])]);
}

async function processesOfPs(): Promise<number[][]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid="]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
}
