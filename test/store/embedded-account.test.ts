/** The account that the built-in PostgreSQL runs as, and the directories that it has to enter and write. */
import { spawnSync } from "node:child_process";
import { chmod, cp, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { Failure } from "../../src/failure.ts";
import { packagedBinaries } from "../../src/store/embedded/binaries.ts";
import { defaultDataDirectory } from "../../src/store/embedded/directory.ts";
import { startEmbedded } from "../../src/store/embedded.ts";
import { embedding, isRoot, query } from "./embedding.ts";

const site = embedding();
const { start, startProcess, stops } = site;

test("a process that is neither root nor able to write is told which directory it can't make", async () => {
  const file = path.join(site.base, "file");
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
  const copy = path.join(site.directory, `postgresql-${binaries.version}`);
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
  await chmod(site.base, 0o777);
  const { uid, gid } = { uid: 65_534, gid: 65_534 };
  const reachable = spawnSync(process.execPath, ["--version"], { uid, gid }).status === 0;
  const readable = spawnSync("/bin/sh", ["-c", `test -r '${import.meta.filename}'`], { uid, gid }).status === 0;
  // In a checkout that only root can enter, no other user can run anything of it.
  if (!reachable || !readable) return;
  const { said } = await startProcess({ uid, gid });

  expect(await query(said.url!, "SELECT 1")).toEqual([[1]]);
  expect((await stat(path.join(site.directory, "cluster", "data"))).uid).toBe(uid);
  expect((await stat(site.directory)).mode & 0o777).toBe(0o700);
});

test("the default directory follows the XDG specification, and is one that PostgreSQL's account can enter for root", () => {
  const expected = isRoot ? "/var/lib/connector-service" : "/data/connector-service";
  expect(defaultDataDirectory({ XDG_DATA_HOME: "/data" })).toBe(expected);
  const home = isRoot ? expected : path.join(os.homedir(), ".local/share/connector-service");
  expect(defaultDataDirectory({ XDG_DATA_HOME: "relative" })).toBe(home);
});
