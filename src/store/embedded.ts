/**
 * The built-in PostgreSQL: a real server out of npm, for development, tests and
 * small installations that name no database of their own.
 */
import { readFile } from "node:fs/promises";
import pg from "pg";
import { Failure } from "../failure.ts";
import { serverAccount } from "./embedded/account.ts";
import { type Binaries, packagedBinaries, reachableBinaries } from "./embedded/binaries.ts";
import { type Cluster, freePort, initialise, startServer, stopServer } from "./embedded/cluster.ts";
import { ensureReachable, layoutOf, makeDirectory } from "./embedded/directory.ts";
import { claim, connect, type Ownership } from "./embedded/owner.ts";
import { runningPostmaster } from "./embedded/postmaster.ts";

export interface EmbeddedOptions {
  /** Holds the data, the password and the server's log; made when it is not there. */
  readonly directory: string;
  /** Gets a sentence about each step that takes time. Default: nobody does. */
  readonly log?: (message: string) => void;
  /** Default: those of the npm package for this platform. */
  readonly binaries?: Binaries;
  /** Proposes a port of 127.0.0.1. Default: one that is free at the moment. */
  readonly proposePort?: () => Promise<number>;
}

/** A running server that this process owns. */
export interface Embedded {
  /** The service's own database, with the superuser and its password. */
  readonly url: string;
  readonly port: number;
  /** The real path of the directory. */
  readonly directory: string;
  /** The process id of the server's first process. */
  readonly pid: number;
  /** The URL of a database of this server, whether it exists or not. */
  databaseUrl(name: string): string;
  /** Makes a database, unless it is there, and gives its URL. */
  createDatabase(name: string): Promise<string>;
  /** Stops the server, unless it has come to belong to another process. */
  stop(): Promise<void>;
}

const serviceDatabase = "connector";
/** Other starts of the same cluster may be under way; a server that recovers may take its time. */
const acquireTimeoutMs = 300_000;
const pollMs = 100;
const maxFailedStarts = 5;

/**
 * Starts the server, or adopts one that a killed process left running.
 *
 * @throws Failure "conflict" when another process owns it, "unsupported" when the
 * platform has no binaries, "configuration_rejected" when the directory won't do
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const log = options.log ?? (() => undefined);
  const directory = await makeDirectory(options.directory);
  const layout = layoutOf(directory);
  const account = await serverAccount(layout.data);
  await ensureReachable(directory, account);
  const binaries = await reachableBinaries(options.binaries ?? (await packagedBinaries()), directory, account);
  const cluster: Cluster = { ...layout, binaries, account };
  if ((await initialise(cluster)) === "made") log(`Made a PostgreSQL ${binaries.version} in ${directory}.`);
  const password = await readPassword(cluster);
  const { ownership, port, pid } = await acquire(cluster, password, options.proposePort ?? freePort, log);

  const databaseUrl = (name: string): string =>
    `postgres://postgres:${password}@127.0.0.1:${port}/${encodeURIComponent(name)}`;
  const createDatabase = async (name: string): Promise<string> => {
    await ensureDatabase(port, password, name);
    return databaseUrl(name);
  };
  const stop = async (): Promise<void> => {
    // The lock is held until the server is gone, so that nobody adopts it in between.
    if (await ownership.beginEnd()) await stopServer(cluster);
    await ownership.end();
  };
  const url = await createDatabase(serviceDatabase);
  return { url, port, pid, directory, databaseUrl, createDatabase, stop };
}

interface Acquired {
  readonly ownership: Ownership;
  readonly port: number;
  readonly pid: number;
}

async function acquire(
  cluster: Cluster,
  password: string,
  proposePort: () => Promise<number>,
  log: (message: string) => void,
): Promise<Acquired> {
  const deadline = performance.now() + acquireTimeoutMs;
  let failedStarts = 0;
  let started = false;
  let waiting = false;
  while (performance.now() < deadline) {
    const running = await runningPostmaster(cluster.data);
    const claimed = running && (await claim(running, password, cluster.data, log));
    if (running && claimed?.kind === "owned") {
      log(`${started ? "PostgreSQL is up" : "Adopted the PostgreSQL that runs"} on 127.0.0.1:${running.port}.`);
      return { ownership: claimed.ownership, port: running.port, pid: running.pid };
    }
    if (claimed?.kind === "refused") throw refused(cluster, claimed.holder);
    if (running && claimed?.kind === "busy") {
      if (!waiting) log(`Waiting for PostgreSQL (process ${running.pid}), which is starting or stopping.`);
      waiting = true;
    } else {
      const outcome = await startServer(cluster, await proposePort());
      started = outcome === "started";
      if (outcome === "started") continue;
      // Another process may be starting it too; whoever comes second finds the other's server.
      if (++failedStarts >= maxFailedStarts) throw notStarted(cluster, outcome);
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw notStarted(cluster, { failed: "it did not answer in time" });
}

async function readPassword(cluster: Cluster): Promise<string> {
  try {
    return (await readFile(cluster.passwordFile, "utf8")).trim();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Failure("configuration_rejected", `The password in ${cluster.passwordFile} can't be read (${code}).`, {
      where: "service",
      remedy: "Run the service as the user who made it, or name another directory in CONNECTOR_DATA_DIR.",
      cause,
    });
  }
}

async function ensureDatabase(port: number, password: string, name: string): Promise<void> {
  const client = await connect({ port, password, database: "postgres" });
  try {
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [name]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}

function refused(cluster: Cluster, holder: string): Failure {
  return new Failure("conflict", `The PostgreSQL in ${cluster.directory} is in use by ${holder}.`, {
    where: "service",
    remedy: "Stop that process, or name another directory in CONNECTOR_DATA_DIR, or set DATABASE_URL.",
  });
}

function notStarted(cluster: Cluster, outcome: "port_taken" | { failed: string }): Failure {
  const why = outcome === "port_taken" ? "other programs took its port again and again" : outcome.failed;
  return new Failure("internal", `The PostgreSQL in ${cluster.directory} does not start: ${why}`, {
    where: "service",
    remedy: `Look into ${cluster.logFile}, or name another directory in CONNECTOR_DATA_DIR, or set DATABASE_URL.`,
  });
}
