/**
 * A real pgbouncer in transaction mode: each transaction gets whatever connection to the
 * server is free, and nothing of a session is the caller's own.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { findProgram } from "../../src/demo/observe/program.ts";
import { serverAccount } from "../../src/store/embedded/account.ts";
import { freePort } from "../../src/store/embedded/cluster.ts";
import { enterableDirectory } from "./directory.ts";
import { untilSaid } from "./said.ts";

export interface PgBouncer {
  /** The URL that leads through it to a database of the server. */
  through(databaseUrl: string): string;
  stop(): Promise<void>;
}

/**
 * @param url Of a database of the server, with the only user whom it lets in
 * @param poolSize Connections to the server at most
 */
export async function pgbouncer(url: string, poolSize: number): Promise<PgBouncer> {
  const program = await findProgram("pgbouncer");
  if (program === undefined) throw new Error("There is no pgbouncer: run the tests by `npm test` once.");
  const directory = await enterableDirectory();
  const port = await freePort();
  const { hostname, port: serverPort, username, password } = new URL(url);
  const users = path.join(directory, "users.txt");
  const settings = path.join(directory, "pgbouncer.ini");
  await writeFile(users, `"${decodeURIComponent(username)}" "${decodeURIComponent(password)}"\n`, { mode: 0o600 });
  await writeFile(
    settings,
    `[databases]
* = host=${hostname} port=${serverPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
default_pool_size = ${poolSize}
max_client_conn = 200
`,
  );
  // It refuses to run as root.
  const account = await serverAccount(directory);
  if (account !== undefined) await chown(users, account.uid, account.gid);
  const child = spawn(program, [settings], { ...account, cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
  await untilSaid("pgbouncer", child.stderr, "process up");
  return {
    through(databaseUrl) {
      const through = new URL(databaseUrl);
      through.hostname = "127.0.0.1";
      through.port = String(port);
      return through.href;
    },
    async stop() {
      const gone = child.exitCode !== null || child.signalCode !== null;
      const exit = gone ? undefined : once(child, "exit");
      // To end at once, whoever is connected.
      child.kill("SIGTERM");
      await exit;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
