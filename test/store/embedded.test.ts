/** The data of the built-in PostgreSQL: kept from one start to the next, for those who have its password. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { expect, test } from "vitest";
import { freePort } from "../../src/store/embedded/cluster.ts";
import { embedding, query } from "./embedding.ts";

const site = embedding();
const { plant, start, startProcess, stops } = site;

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
  const file = path.join(site.directory, "cluster", "password");

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
  const log = await readFile(path.join(site.directory, "cluster", "postgresql.log"), "utf8");

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

test("data of another major version is refused before anything touches it", async () => {
  await plant();
  const first = await start();
  await first.stop();
  await writeFile(path.join(site.directory, "cluster", "data", "PG_VERSION"), "17\n");

  await expect(start()).rejects.toMatchObject({
    kind: "configuration_rejected",
    message: expect.stringContaining("is of PostgreSQL 17"),
  });
});

test("a half-made cluster that a killed process left does not stand in the way, and goes in time", async () => {
  const abandoned = path.join(site.directory, "cluster-partial-abcdef");
  await mkdir(abandoned, { recursive: true });
  await chmod(site.directory, 0o711);
  spawnSync("touch", ["-d", "2020-01-01", abandoned]);
  await start();

  expect((await readdir(site.directory)).filter((name) => name.includes("partial"))).toEqual([]);
});
