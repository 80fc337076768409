/** A PostgreSQL server of this machine's own packages, which bring the tools for backups too; npm's bring none. */
import { execFile } from "node:child_process";
import { chown, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { findProgram } from "../../src/demo/observe/program.ts";
import { serverAccount } from "../../src/store/embedded/account.ts";
import { freePort } from "../../src/store/embedded/cluster.ts";
import { enterableDirectory } from "./directory.ts";

export interface InstalledPostgres {
  /** Holds pg_dump, pg_restore, psql and the others, all of the server's version. */
  readonly bin: string;
  readonly port: number;
  /** The superuser's URL of a database. */
  url(database: string): string;
  stop(): Promise<void>;
}

const debian = "/usr/lib/postgresql";

/** Where the server's and the client's programs lie together: Debian keeps each version by itself. */
async function programs(): Promise<string> {
  const versions = (await readdir(debian).catch(() => [])).map(Number).filter((version) => version >= 15);
  const places = versions.toSorted((a, b) => b - a).map((version) => path.join(debian, String(version), "bin"));
  const onPath = await findProgram("initdb");
  for (const place of [...places, ...(onPath === undefined ? [] : [path.dirname(onPath)])]) {
    const there = await readdir(place).catch((): string[] => []);
    if (["initdb", "pg_ctl", "pg_dump", "pg_restore", "psql"].every((program) => there.includes(program))) return place;
  }
  throw new Error("There is no PostgreSQL 15 or newer with its tools: run the tests by `npm test` once.");
}

export async function installedPostgres(): Promise<InstalledPostgres> {
  const bin = await programs();
  const directory = await enterableDirectory();
  const data = path.join(directory, "data");
  const passwordFile = path.join(directory, "password");
  const password = crypto.randomUUID();
  const account = await serverAccount(data);
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (account !== undefined) {
    for (const file of [directory, passwordFile]) await chown(file, account.uid, account.gid);
  }
  const run = (program: string, ...args: string[]) =>
    promisify(execFile)(path.join(bin, program), args, { ...account, cwd: directory, env: { LC_ALL: "C" } });
  await run(
    "initdb",
    `--pgdata=${data}`,
    "--username=postgres",
    `--pwfile=${passwordFile}`,
    "--no-sync",
    "--auth=scram-sha-256",
  );
  const port = await freePort();
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off`;
  // What it says goes into a file: a pipe would be held open by the server.
  const log = path.join(directory, "log");
  await run("pg_ctl", "start", "--wait", "--silent", `--pgdata=${data}`, `--log=${log}`, `--options=${options}`);
  return {
    bin,
    port,
    url: (database) => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`,
    async stop() {
      await run("pg_ctl", "stop", "--mode=immediate", "--silent", `--pgdata=${data}`);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
