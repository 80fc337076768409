/** Makes, starts and stops a PostgreSQL cluster with PostgreSQL's own programs. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { Failure } from "../../failure.ts";
import type { Account } from "./account.ts";
import type { Binaries } from "./binaries.ts";
import { type Layout, layoutOf } from "./directory.ts";

export interface Cluster extends Layout {
  readonly binaries: Binaries;
  /** Whom PostgreSQL runs as; undefined for whoever runs this process. */
  readonly account: Account | undefined;
}

/** PostgreSQL says what kept it from starting; the port's loss is the one we can mend. */
export type StartOutcome = "started" | "port_taken" | { readonly failed: string };

/** A start that takes longer, for a long recovery, goes on by itself; the next start finds it. */
const startTimeoutSeconds = 300;
const stopTimeoutSeconds = 60;
/** A half-made cluster this old was left by a process that was killed. */
const abandonedAfterMs = 3_600_000;
const largestLogBytes = 16 * 1024 * 1024;

/**
 * Given at every start, so that a cluster of an older version of this service gets
 * them too. Statements hold values, and so stay out of the log.
 */
const settings: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: "200",
  timezone: "UTC",
  log_timezone: "UTC",
  lc_messages: "C",
  log_min_error_statement: "panic",
};

/**
 * Makes the cluster, unless it is there. It appears at once and whole, whoever is
 * killed meanwhile, and one of several processes wins.
 */
export async function initialise(cluster: Cluster): Promise<"made" | "present"> {
  await removeAbandoned(cluster.directory);
  if ((await stat(cluster.cluster).catch(() => undefined)) !== undefined) return checkVersion(cluster);
  const partial = layoutOf(cluster.directory, await mkdtemp(path.join(cluster.directory, "cluster-partial-")));
  try {
    await writeFile(partial.passwordFile, randomBytes(24).toString("base64url"), { mode: 0o600 });
    await mkdir(partial.data, { mode: 0o700 });
    await chmod(partial.cluster, 0o700);
    const { account } = cluster;
    if (account !== undefined) {
      for (const file of [partial.cluster, partial.data, partial.passwordFile]) {
        await chown(file, account.uid, account.gid);
      }
    }
    await initdb({ ...cluster, ...partial });
    await rename(partial.cluster, cluster.cluster);
    return "made";
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST") return "present";
    throw cause;
  } finally {
    await rm(partial.cluster, { recursive: true, force: true });
  }
}

async function initdb(cluster: Cluster): Promise<void> {
  const { code, output } = await run(cluster, "initdb", [
    `--pgdata=${cluster.data}`,
    "--username=postgres",
    `--pwfile=${cluster.passwordFile}`,
    "--auth=scram-sha-256",
    // The same order and case rules on every machine, whatever locales it has.
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
  ]);
  if (code !== 0) throw failed("PostgreSQL could not make its data directory", output);
}

async function checkVersion(cluster: Cluster): Promise<"present"> {
  const file = path.join(cluster.data, "PG_VERSION");
  const version = (await readFile(file, "utf8").catch(() => "an unknown version")).trim();
  if (cluster.binaries.version.split(".")[0] === version) return "present";
  throw new Failure(
    "configuration_rejected",
    `The data in ${cluster.data} is of PostgreSQL ${version}, and this is PostgreSQL ${cluster.binaries.version}.`,
    {
      where: "service",
      remedy: "Move the data with pg_dump, or name another directory in CONNECTOR_DATA_DIR, or set DATABASE_URL.",
    },
  );
}

async function removeAbandoned(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.startsWith("cluster-partial-") && !name.endsWith(".partial")) continue;
    const abandoned = path.join(directory, name);
    const made = (await stat(abandoned).catch(() => undefined))?.mtimeMs ?? Date.now();
    if (Date.now() - made > abandonedAfterMs) await rm(abandoned, { recursive: true, force: true });
  }
}

/**
 * Starts the server in a session of its own, so that Ctrl-C in a terminal reaches
 * this process and not PostgreSQL; it is up, or has said why not, afterwards.
 */
export async function startServer(cluster: Cluster, port: number): Promise<StartOutcome> {
  await limitLog(cluster.logFile);
  const logged = await logSize(cluster.logFile);
  const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  const { code } = await run(cluster, "pg_ctl", [
    "start",
    "--wait",
    "--silent",
    `--timeout=${startTimeoutSeconds}`,
    `--pgdata=${cluster.data}`,
    `--log=${cluster.logFile}`,
    `--options=-p ${port} ${options.join(" ")}`,
  ]);
  if (code === 0) return "started";
  const log = (await readFile(cluster.logFile).catch(() => Buffer.alloc(0))).subarray(logged).toString();
  return log.includes("could not create any TCP/IP sockets") ? "port_taken" : { failed: log.trim() };
}

/** Stops the server, if it runs, and the statements that it runs with it. */
export async function stopServer(cluster: Cluster): Promise<void> {
  const { code, output } = await run(cluster, "pg_ctl", [
    "stop",
    "--mode=fast",
    "--wait",
    "--silent",
    `--timeout=${stopTimeoutSeconds}`,
    `--pgdata=${cluster.data}`,
  ]);
  if (code === 0) return;
  // pg_ctl status: 3 is "not running" (the code of the LSB for it), so there is nothing left to stop.
  const status = await run(cluster, "pg_ctl", ["status", `--pgdata=${cluster.data}`]);
  if (status.code !== 3) throw failed("PostgreSQL could not be stopped", output);
}

/** A port of 127.0.0.1 that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = net.createServer();
  server.once("error", reject);
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as net.AddressInfo;
    server.close(() => resolve(port));
  });
  return promise;
}

function run(
  cluster: Cluster,
  program: "initdb" | "pg_ctl",
  args: readonly string[],
): Promise<{ code: number; output: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number; output: string }>();
  execFile(
    path.join(cluster.binaries.directory, "bin", program),
    args,
    {
      // No PG* variable and no locale of the machine's may change what the programs do.
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C" },
      // The account must be able to enter it.
      cwd: path.dirname(cluster.data),
      ...cluster.account,
    },
    (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`.trim();
      if (error === null) resolve({ code: 0, output });
      else if (typeof error.code === "number") resolve({ code: error.code, output });
      else reject(failed(`${program} can't be run (${error.code ?? error.signal})`, output, error));
    },
  );
  return promise;
}

async function logSize(logFile: string): Promise<number> {
  return (await stat(logFile).catch(() => undefined))?.size ?? 0;
}

async function limitLog(logFile: string): Promise<void> {
  if ((await logSize(logFile)) > largestLogBytes) await rename(logFile, `${logFile}.1`);
}

/** PostgreSQL's own words help here: they are for whoever starts the service. */
function failed(what: string, output: string, cause?: unknown): Failure {
  const lastLines = output.split("\n").slice(-8).join("\n");
  return new Failure("internal", `${what}${lastLines === "" ? "." : `:\n${lastLines}`}`, {
    where: "service",
    remedy: "Mend what it says, name another directory in CONNECTOR_DATA_DIR, or set DATABASE_URL.",
    cause,
  });
}
