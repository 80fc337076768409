/** MariaDB servers of the tests' own. */
import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { findProgram } from "../../src/demo/observe/program.ts";
import { freePort } from "../../src/store/embedded/cluster.ts";
import { selfSignedCertificate } from "./certificate.ts";
import { enterableDirectory } from "./directory.ts";
import { untilSaid } from "./said.ts";

export interface OwnMariadb {
  /** As its administrator, who may do everything. */
  readonly url: string;
  readonly port: number;
  /** In PEM, what its certificate for localhost and 127.0.0.1 is signed by. */
  readonly ca: string;
  /** Sends SIGKILL, SIGSTOP or SIGCONT; the killed one is gone afterwards. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts a killed server again, on its data and on its port. */
  restart(): Promise<void>;
  /** Stops the server, also when it is frozen or dead, and removes its data. */
  stop(): Promise<void>;
}

type Mariadbd = ChildProcessByStdio<null, null, Readable>;

/** Whether this machine has the program: not where the tests use another server. */
export const hasMariadb = (await findProgram("mariadbd")) !== undefined;

/**
 * A server that a test may kill or freeze. It offers TLS, listens at 127.0.0.1 only, and
 * keeps what was committed when it is killed, though not when the machine is.
 *
 * @param options its own: `["--sql-mode=ANSI_QUOTES"]`
 */
export async function ownMariadb(options: readonly string[] = []): Promise<OwnMariadb> {
  const directory = await enterableDirectory();
  const { cert, key } = selfSignedCertificate();
  const files = { cert: path.join(directory, "cert.pem"), key: path.join(directory, "key.pem") };
  const accounts = path.join(directory, "accounts.sql");
  const password = crypto.randomUUID();
  await Promise.all([
    writeFile(files.cert, cert),
    writeFile(files.key, key, { mode: 0o600 }),
    writeFile(accounts, administrator(password), { mode: 0o600 }),
    initialise(directory),
  ]);
  const start = (port: number) =>
    started([
      ...[...storage(directory), ...listening, `--port=${port}`, `--init-file=${accounts}`],
      ...[`--ssl-cert=${files.cert}`, `--ssl-key=${files.key}`, ...options],
    ]);
  let { child, port } = await startAnywhere(start);
  const kill = async (signal: NodeJS.Signals) => {
    const gone = child.exitCode !== null || child.signalCode !== null;
    const exit = signal === "SIGKILL" && !gone ? once(child, "exit") : undefined;
    child.kill(signal);
    await exit;
    if (signal === "SIGSTOP") await stopped(child.pid as number);
  };
  return {
    ...{ url: `mysql://root:${password}@127.0.0.1:${port}/mysql`, port, ca: cert },
    kill,
    async restart() {
      child = await start(port);
    },
    async stop() {
      await kill("SIGKILL");
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Waits until none of a process's threads runs any more, where the system tells: they stop one after the other. */
async function stopped(pid: number): Promise<void> {
  const tasks = `/proc/${pid}/task`;
  for (;;) {
    const ids = await readdir(tasks).catch(() => []);
    const states = await Promise.all(ids.map((id) => readFile(path.join(tasks, id, "stat"), "utf8").catch(() => "")));
    // The state follows the name, which stands in parentheses (proc_pid_stat(5)).
    if (states.every((state) => state === "" || /^T/.test(state.slice(state.lastIndexOf(")") + 2)))) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** What both the program that makes the data and the server are told. */
function storage(directory: string): string[] {
  return [
    // Must stand first: no configuration of the machine's own.
    "--no-defaults",
    `--datadir=${path.join(directory, "data")}`,
    // A server that starts removes all temporary tables there, also those of another that runs.
    `--tmpdir=${path.join(directory, "tmp")}`,
    // Root may run it only where that is said.
    ...(process.getuid?.() === 0 ? ["--user=root"] : []),
    // The kernel has what was committed; whether a disk has it, no test asks.
    // Containers often keep io_uring from their programs.
    "--innodb-use-native-aio=0",
    ...["--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=2", "--innodb-doublewrite=0"],
    "--sync-frm=0",
    ...["--innodb-buffer-pool-size=128M", "--innodb-log-file-size=64M", "--aria-log-file-size=8M"],
  ];
}

const listening = [
  // No socket but the port's, which the kernel may not give back at once after a kill.
  ...["--bind-address=127.0.0.1", "--socket=", "--skip-name-resolve", "--port-open-timeout=20"],
  ...["--max-connections=500", "--skip-log-bin", "--performance-schema=OFF"],
];

/** One statement a line, run at every start. */
function administrator(password: string): string {
  return `CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '${password}';
GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;
`;
}

async function initialise(directory: string): Promise<void> {
  await Promise.all(["data", "tmp"].map((name) => mkdir(path.join(directory, name), { mode: 0o700 })));
  const program = await programOf("mariadb-install-db");
  const args = ["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"];
  await promisify(execFile)(program, [...storage(directory), ...args], { cwd: directory });
}

/** Somebody may take the port before the server does. */
async function startAnywhere(start: (port: number) => Promise<Mariadbd>) {
  for (let left = 3; ; left--) {
    const port = await freePort();
    try {
      return { child: await start(port), port };
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

/** Settles when the server answers. */
async function started(args: readonly string[]): Promise<Mariadbd> {
  const child = spawn(await programOf("mariadbd"), args, { stdio: ["ignore", "ignore", "pipe"] });
  await untilSaid("mariadbd", child.stderr, "ready for connections");
  return child;
}

async function programOf(name: string): Promise<string> {
  const program = await findProgram(name);
  if (program === undefined) throw new Error(`There is no ${name}: run the tests by \`npm test\` once.`);
  return program;
}
