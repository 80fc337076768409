/** Databases in the run's MariaDB, or in the server that TEST_MYSQL_URL names. */
import mysql from "mysql2/promise";
import { inject } from "vitest";
import { runMysql } from "./mysql-client.ts";
import { processlist } from "./mysql-server.ts";
import type { FreshDatabase } from "./postgres.ts";

/** An empty database in UTF-8; its URL is the administrator's. */
export async function freshMysqlDatabase(): Promise<FreshDatabase> {
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  const admin = inject("mariadbUrl");
  await runMysql(admin, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => drop(admin, name) };
}

/** Who is connected and may hold a lock is put out first. */
async function drop(admin: string, name: string): Promise<void> {
  const connected = await runMysql(admin, `SELECT ID FROM ${processlist} WHERE DB = '${name}'`);
  // Some have left by themselves meanwhile.
  for (const [id] of connected) await runMysql(admin, `KILL ${id}`).catch(() => {});
  await runMysql(admin, `DROP DATABASE IF EXISTS ${name}`);
}

/**
 * Has a server of caching_sha2_password know the user's password again: who has never logged
 * in is asked for the password itself, which our connections do not send without TLS.
 */
export async function remember(login: URL): Promise<void> {
  const bare = new URL(login);
  // The user need not have anything there.
  bare.pathname = "";
  await runMysql(bare.href, "DO 0");
}

export interface MysqlLogin {
  /** The database, as this user. */
  readonly url: string;
  readonly user: string;
  drop(): Promise<void>;
}

/**
 * A new user of the database's server.
 *
 * @param grants what the user may do, each as GRANT takes it: "SELECT ON shop.*"
 */
export async function newMysqlLogin(
  databaseUrl: string,
  password: string,
  grants: readonly string[],
): Promise<MysqlLogin> {
  const user = `reader_${crypto.randomUUID().slice(-12)}`;
  const account = `'${user}'@'%'`;
  const statements = [`CREATE USER ${account} IDENTIFIED BY ${mysql.escape(password)}`];
  for (const grant of grants) statements.push(`GRANT ${grant} TO ${account}`);
  await runMysql(databaseUrl, statements.join(";"));
  const url = new URL(databaseUrl);
  url.username = user;
  url.password = encodeURIComponent(password);
  await remember(url);
  return { url: url.href, user, drop: async () => void (await runMysql(databaseUrl, `DROP USER ${account}`)) };
}
