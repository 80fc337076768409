/** How a user of caching_sha2_password logs in at a real MySQL, which remembers who has done so once. */
import { generateKeyPairSync } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { SourceConnection } from "../../../src/providers/mysql/connection.ts";
import { classify } from "../../../src/providers/mysql/errors.ts";
import type { Login } from "../../../src/providers/mysql/login.ts";
import { newMysqlLogin } from "../../support/mariadb.ts";
import { runMysql } from "../../support/mysql-client.ts";
import { isMariadb } from "../../support/mysql-server.ts";
import { type Database, openDatabase } from "./client.ts";
import { dial, loginOf } from "./opened.ts";

const password = 'Zürich\'s "horse" 🦉';

// MariaDB has no such method of its own; login.test.ts has what any server may ask for.
describe.runIf(!isMariadb)("a user whom MySQL does not remember", () => {
  let database: Database;
  let user: Login;

  beforeEach(async () => {
    database = await openDatabase();
    const made = await newMysqlLogin(database.url, password, [`SELECT ON ${database.name}.*`]);
    onTestFinished(async () => {
      await made.drop();
      await database.close();
    });
    [user] = loginOf(made.url);
    // It forgets whose password is set.
    await database.execute(`ALTER USER '${made.user}'@'%' IDENTIFIED WITH caching_sha2_password BY '${escaped}'`);
  });

  const escaped = password.replaceAll("'", "''");

  /** The user's own name for itself, or what the login fails with. */
  async function logIn(more: Partial<Login> = {}, given = password): Promise<unknown> {
    const login = { ...user, ...more };
    try {
      const connection = await SourceConnection.open(login, given, dial, AbortSignal.timeout(20_000));
      const [[own] = []] = await connection.rows({ text: "SELECT USER()", parameters: [] }, 20_000);
      const { tls } = connection;
      connection.close();
      return `${own?.replace(/@.*/, "")} ${tls}`;
    } catch (error) {
      return classify(error, login) ?? error;
    }
  }

  /** What the server's certificate is signed by. */
  async function authority(): Promise<string> {
    const [[directory = "", file = ""] = []] = await runMysql(database.url, "SELECT @@datadir, @@ssl_ca");
    return readFile(path.resolve(directory ?? "", file ?? ""), "utf8");
  }

  async function serverKey(): Promise<string> {
    const rows = await runMysql(database.url, "SHOW STATUS LIKE 'Caching_sha2_password_rsa_public_key'");
    return rows[0]?.[1] ?? "";
  }

  const refused = { kind: "credential_rejected", where: "credential", remedy: expect.stringContaining("verify_full") };

  test("is not let in without TLS, and is once it has been there with TLS", async () => {
    expect(await logIn()).toMatchObject(refused);
    expect(await logIn()).toMatchObject(refused);
    expect(await logIn({ tls: "verify_ca", ca: await authority() })).toBe(`${user.user} TLSv1.3`);
    expect(await logIn()).toBe(`${user.user} `);
  });

  test("is let in without TLS by the server's own key, and by no other", async () => {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const other = publicKey.export({ type: "spki", format: "pem" }) as string;
    expect(await logIn({ serverPublicKey: other })).toMatchObject({ kind: "credential_rejected" });
    expect(await logIn({ serverPublicKey: await serverKey() })).toBe(`${user.user} `);
    expect(await logIn()).toBe(`${user.user} `);
  });

  test("is not let in by a wrong password, with TLS or with the server's key", async () => {
    for (const how of [{ tls: "verify_ca", ca: await authority() }, { serverPublicKey: await serverKey() }] as const) {
      const failure = await logIn(how, "hunter2");
      expect(failure).toMatchObject({ kind: "credential_rejected", metadata: { errno: "1045" } });
    }
  });

  test("is not sent the password of to a server with another certificate", async () => {
    expect(await logIn({ tls: "verify_full", ca: await authority() })).toMatchObject({ kind: "tls_failed" });
    expect(await logIn({ tls: "verify_ca" })).toMatchObject({ kind: "tls_failed" });
  });

  test("is let in with TLS by sha256_password, where the server has it", async ({ skip }) => {
    const account = `'${user.user}'@'%'`;
    const [plugin] = await runMysql(
      database.url,
      "SELECT 1 FROM information_schema.PLUGINS WHERE PLUGIN_NAME = 'sha256_password'",
    );
    if (plugin === undefined) skip("the server does not have it");
    await database.execute(`ALTER USER ${account} IDENTIFIED WITH sha256_password BY '${escaped}'`);
    expect(await logIn()).toMatchObject(refused);
    expect(await logIn({ tls: "verify_ca", ca: await authority() })).toBe(`${user.user} TLSv1.3`);
  });
});
