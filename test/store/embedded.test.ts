import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import readline from "node:readline";
import pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { packagedBinaries } from "../../src/store/embedded/binaries.ts";
import { freePort } from "../../src/store/embedded/cluster.ts";
import { defaultDataDirectory } from "../../src/store/embedded/directory.ts";
import { type Embedded, type EmbeddedOptions, startEmbedded } from "../../src/store/embedded.ts";
import { seededDirectory } from "../support/cluster-seed.ts";
import { enterableDirectory } from "../support/directory.ts";
import { ownCluster } from "../support/postgres.ts";

const isRoot = process.getuid?.() === 0;
let base: string;
let directory: string;
const stops: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  base = await enterableDirectory();
  directory = path.join(base, "a directory with spaces");
});

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  await rm(base, { recursive: true, force: true });
});

/** The cluster is there already, as after an earlier start. */
async function plant(): Promise<void> {
  directory = await seededDirectory();
  stops.push(() => rm(directory, { recursive: true, force: true }));
}

async function start(options: Partial<EmbeddedOptions> = {}): Promise<Embedded> {
  const embedded = await startEmbedded({ directory, ...options });
  stops.push(() => embedded.stop());
  return embedded;
}

test("data, password and encoding stay from one start to the next", async () => {
  const first = await start();
  await query(first.url, "CREATE TABLE kept AS SELECT 'Ünïcode' AS text");
  await first.stop();
  const second = await start();

  expect(await query(second.url, "SELECT text, upper(text) FROM kept")).toEqual([["Ünïcode", "ÜNÏCODE"]]);
  expect(new URL(second.url).password).toBe(new URL(first.url).password);
  const [settings] = await query(
    second.url,
    `SELECT current_setting('server_encoding'), current_setting('listen_addresses'), current_setting('TimeZone'),
            datlocprovider, datlocale FROM pg_database WHERE datname = current_database()`,
  );
  expect(settings).toEqual(["UTF8", "127.0.0.1", "UTC", "b", "C.UTF-8"]);
});

test("only the password of the file, which only its owner can read, opens the server", async () => {
  const { url } = await start();
  const file = path.join(directory, "cluster", "password");

  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(new URL(url).password).toBe(await readFile(file, "utf8"));
  const wrong = new URL(url);
  wrong.password = "wrong";
  await expect(query(wrong.href, "SELECT 1")).rejects.toMatchObject({ code: "28P01" });
});

test("neither the password nor a statement's values come into the log", async () => {
  await plant();
  const lines: string[] = [];
  const { url } = await start({ log: (line) => lines.push(line) });
  await expect(query(url, "SELECT 'a secret value' FROM nowhere")).rejects.toThrow("nowhere");
  const log = await readFile(path.join(directory, "cluster", "postgresql.log"), "utf8");

  expect(log).toContain('relation "nowhere" does not exist');
  expect(log).not.toContain("a secret value");
  expect(`${log}${lines.join("\n")}`).not.toContain(new URL(url).password);
});

test("a port that another program takes just before the server does is given up for another", async () => {
  await plant();
  const other = net.createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  stops.push(async () => other.close());
  const taken = (other.address() as net.AddressInfo).port;
  const proposals = [taken, taken];
  const { url, port } = await start({ proposePort: async () => proposals.pop() ?? freePort() });

  expect(proposals).toEqual([]);
  expect(port).not.toBe(taken);
  expect(await query(url, "SELECT 1")).toEqual([[1]]);
});

test("a second process is refused, and told who is in the way and what to do", async () => {
  await plant();
  const first = await startProcess();
  const second = await startProcess();

  expect(first.said.url).toBeDefined();
  expect(second.said).toMatchObject({
    kind: "conflict",
    message: `The PostgreSQL in ${directory} is in use by connector-service (process ${first.child.pid}).`,
    remedy: expect.stringMatching(/Stop that process.*CONNECTOR_DATA_DIR.*DATABASE_URL/),
  });
  expect(await query(first.said.url!, "SELECT 1")).toEqual([[1]]);
});

test("of two processes that start at the same moment exactly one wins", async () => {
  const said = (await Promise.all([startProcess(), startProcess()])).map((process) => process.said);

  expect(said.filter(({ url }) => url !== undefined)).toHaveLength(1);
  expect(said.filter(({ kind }) => kind === "conflict")).toHaveLength(1);
});

test("a server whose owner was killed is adopted by the next process, with its data", async () => {
  await plant();
  const first = await startProcess();
  await query(first.said.url!, "CREATE TABLE kept AS SELECT 7 AS number");
  await first.kill("SIGKILL");
  const second = await start();

  expect(second.pid).toBe(first.said.pid);
  expect(await query(second.url, "SELECT number FROM kept")).toEqual([[7]]);
});

test("Ctrl-C in the terminal of the process does not reach the server", async () => {
  await plant();
  const first = await startProcess({ detached: true });
  process.kill(-first.child.pid!, "SIGINT");
  await first.ended;

  expect(await query(first.said.url!, "SELECT 1")).toEqual([[1]]);
  expect((await start()).pid).toBe(first.said.pid);
});

test("committed data is there after everything was killed at once", async () => {
  await plant();
  const first = await startProcess();
  await query(first.said.url!, "CREATE TABLE kept AS SELECT n FROM generate_series(1, 1000) AS n");
  process.kill(first.said.pid!, "SIGKILL");
  await first.kill("SIGKILL");
  const second = await start();

  expect(second.pid).not.toBe(first.said.pid);
  expect(await query(second.url, "SELECT count(*)::int FROM kept")).toEqual([[1000]]);
});

test("a dead server's process id that is another program's by now does not stop the start", async () => {
  await plant();
  const first = await start();
  await first.stop();
  const stranger = spawn("sleep", ["600"], { ...(isRoot && (await ownerOf(path.join(directory, "cluster")))) });
  stops.push(async () => stranger.kill());
  const lines = [stranger.pid, path.join(directory, "cluster", "data"), 1_700_000_000, first.port, "", "127.0.0.1", ""];
  await writeFile(path.join(directory, "cluster", "data", "postmaster.pid"), lines.join("\n"));

  expect(await query((await start()).url, "SELECT 1")).toEqual([[1]]);
});

test("the death of the server while the process runs is survived, and the next start recovers", async () => {
  await plant();
  const lines: string[] = [];
  const lost = Promise.withResolvers<void>();
  const first = await start({
    log: (line) => {
      lines.push(line);
      if (line.includes("was lost")) lost.resolve();
    },
  });
  process.kill(first.pid, "SIGKILL");
  await lost.promise;
  await first.stop();

  expect(await query((await start()).url, "SELECT 1")).toEqual([[1]]);
});

test("an owner that lost its connection takes the lock again, and still refuses others", async () => {
  await plant();
  const { url } = await start();
  const ended = await query(
    url,
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND granted`,
  );
  expect(ended).toEqual([[true]]);
  await expect
    .poll(() => query(url, "SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND granted"))
    .toEqual([[1]]);

  expect((await startProcess()).said.kind).toBe("conflict");
});

test("an owner whose server belongs to another by now leaves it running when it stops", async () => {
  await plant();
  const first = await start();
  // Stopping ends the server only under the lock, so take the lock away for good.
  const thief = new pg.Client({ connectionString: first.databaseUrl("postgres") });
  thief.on("error", () => undefined);
  await thief.connect();
  stops.push(() => thief.end());
  const { rows } = await thief.query(
    "SELECT (classid::bigint << 32) | objid::bigint AS key, pid FROM pg_locks WHERE locktype = 'advisory' AND granted",
  );
  await Promise.all([
    thief.query("SELECT pg_terminate_backend($1)", [rows[0].pid]),
    thief.query("SELECT pg_advisory_lock($1)", [rows[0].key]),
  ]);
  await first.stop();

  expect((await thief.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  await thief.query("SELECT pg_advisory_unlock_all()");
  await start();
});

test("data of another major version is refused before anything touches it", async () => {
  await plant();
  const first = await start();
  await first.stop();
  await writeFile(path.join(directory, "cluster", "data", "PG_VERSION"), "17\n");

  await expect(start()).rejects.toMatchObject({
    kind: "configuration_rejected",
    message: expect.stringContaining("is of PostgreSQL 17"),
  });
});

test("a half-made cluster that a killed process left does not stand in the way, and goes in time", async () => {
  const abandoned = path.join(directory, "cluster-partial-abcdef");
  await mkdir(abandoned, { recursive: true });
  await chmod(directory, 0o711);
  spawnSync("touch", ["-d", "2020-01-01", abandoned]);
  await start();

  expect((await readdir(directory)).filter((name) => name.includes("partial"))).toEqual([]);
});

test("a process that is neither root nor able to write is told which directory it can't make", async () => {
  const file = path.join(base, "file");
  await writeFile(file, "");

  await expect(startEmbedded({ directory: path.join(file, "data") })).rejects.toMatchObject({
    kind: "configuration_rejected",
    message: expect.stringContaining(path.join(file, "data")),
    remedy: expect.stringContaining("CONNECTOR_DATA_DIR"),
  });
});

test.runIf(isRoot)("root runs PostgreSQL from a checkout that only root can enter, by way of one copy", async () => {
  const closed = await mkdtemp(path.join(os.tmpdir(), "closed-"));
  stops.push(() => rm(closed, { recursive: true }));
  expect((await stat(closed)).mode & 0o777).toBe(0o700);
  const packaged = await packagedBinaries();
  const binaries = { ...packaged, directory: path.join(closed, "native") };
  await cp(packaged.directory, binaries.directory, { recursive: true, verbatimSymlinks: true });

  const first = await start({ binaries });
  expect(await query(first.url, "SELECT 1")).toEqual([[1]]);
  await first.stop();
  const copy = path.join(directory, `postgresql-${binaries.version}`);
  const { ino } = await stat(copy);
  const second = await start({ binaries });
  expect(await query(second.url, "SELECT 1")).toEqual([[1]]);
  expect((await stat(copy)).ino).toBe(ino);
});

test.runIf(isRoot)(
  "root is told which directory keeps PostgreSQL's account from the data, and the remedy",
  async () => {
    const closed = await mkdtemp(path.join(os.tmpdir(), "closed-"));
    stops.push(() => rm(closed, { recursive: true }));
    const failure = await start({ directory: path.join(closed, "data") }).catch((cause: unknown) => cause);

    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({
      kind: "configuration_rejected",
      message: expect.stringContaining(`can't enter ${closed},`),
      remedy: expect.stringContaining(`chmod o+x ${closed}`),
    });
  },
);

test.runIf(isRoot)("a normal user runs PostgreSQL as itself", async () => {
  await chmod(base, 0o777);
  const { uid, gid } = { uid: 65_534, gid: 65_534 };
  const reachable = spawnSync(process.execPath, ["--version"], { uid, gid }).status === 0;
  const readable = spawnSync("/bin/sh", ["-c", `test -r '${import.meta.filename}'`], { uid, gid }).status === 0;
  // In a checkout that only root can enter, no other user can run anything of it.
  if (!reachable || !readable) return;
  const { said } = await startProcess({ uid, gid });

  expect(await query(said.url!, "SELECT 1")).toEqual([[1]]);
  expect((await stat(path.join(directory, "cluster", "data"))).uid).toBe(uid);
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
});

test("the default directory follows the XDG specification, and is one that PostgreSQL's account can enter for root", () => {
  const expected = isRoot ? "/var/lib/connector-service" : "/data/connector-service";
  expect(defaultDataDirectory({ XDG_DATA_HOME: "/data" })).toBe(expected);
  const home = isRoot ? expected : path.join(os.homedir(), ".local/share/connector-service");
  expect(defaultDataDirectory({ XDG_DATA_HOME: "relative" })).toBe(home);
});

test("a server of a test's own can be frozen, thawed and killed", async () => {
  const cluster = await ownCluster();
  stops.push(() => cluster.stop());
  await cluster.kill("SIGSTOP");
  const waiting = query(cluster.url, "SELECT 1");
  const early = await Promise.race([waiting, new Promise((resolve) => setTimeout(resolve, 200, "frozen"))]);
  expect(early).toBe("frozen");
  await cluster.kill("SIGCONT");
  expect(await waiting).toEqual([[1]]);
  await cluster.kill("SIGKILL");
  await expect(query(cluster.url, "SELECT 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

interface Said {
  readonly url?: string;
  readonly pid?: number;
  readonly kind?: string;
  readonly message?: string;
  readonly remedy?: string;
}

/** Starts the built-in PostgreSQL in a process of its own. */
async function startProcess(options: { uid?: number; gid?: number; detached?: boolean } = {}) {
  const script = path.join(import.meta.dirname, "embeddedProcess.ts");
  const child = spawn(process.execPath, [script, directory], { stdio: ["pipe", "pipe", "inherit"], ...options });
  const ended = once(child, "exit");
  stops.push(async () => {
    child.stdin.end();
    await ended;
  });
  const [line] = await once(readline.createInterface(child.stdout), "line");
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  return { child, ended, kill, said: JSON.parse(line) as Said };
}

async function ownerOf(file: string): Promise<{ uid: number; gid: number }> {
  const { uid, gid } = await stat(file);
  return { uid, gid };
}

/** The rows of a statement, each as an array. */
async function query(url: string, text: string): Promise<unknown[][]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query({ text, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}
