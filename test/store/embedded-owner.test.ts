/** The owner of the built-in PostgreSQL: one process, which alone stops it, and whom the next one succeeds. */
import { spawn } from "node:child_process";
import { stat, writeFile } from "node:fs/promises";
import path from "node:path";
import pg from "pg";
import { expect, test } from "vitest";
import { ownCluster } from "../support/postgres.ts";
import { embedding, isRoot, query } from "./embedding.ts";

const site = embedding();
const { plant, start, startProcess, stops } = site;

test("a second process is refused, and told who is in the way and what to do", async () => {
  await plant();
  const first = await startProcess();
  const second = await startProcess();

  expect(first.said.url).toBeDefined();
  expect(second.said).toMatchObject({
    kind: "conflict",
    message: `The PostgreSQL in ${site.directory} is in use by connector-service (process ${first.child.pid}).`,
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

test("a dead server's process id that is another program's by now does not stop the start", async () => {
  await plant();
  const first = await start();
  await first.stop();
  const stranger = spawn("sleep", ["600"], { ...(isRoot && (await ownerOf(path.join(site.directory, "cluster")))) });
  stops.push(async () => stranger.kill());
  const lines = [
    stranger.pid,
    path.join(site.directory, "cluster", "data"),
    1_700_000_000,
    first.port,
    "",
    "127.0.0.1",
    "",
  ];
  await writeFile(path.join(site.directory, "cluster", "data", "postmaster.pid"), lines.join("\n"));

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

async function ownerOf(file: string): Promise<{ uid: number; gid: number }> {
  const { uid, gid } = await stat(file);
  return { uid, gid };
}
