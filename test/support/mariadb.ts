/** Databases in the run's MariaDB, or in the server that TEST_MYSQL_URL names. */
import mysql from "mysql2/promise";
import { inject } from "vitest";
import type { FreshDatabase } from "./postgres.ts";

/** Cells as the server writes them. */
export type TextRow = readonly (string | null)[];

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
  const connected = await runMysql(admin, `SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '${name}'`);
  // Some have left by themselves meanwhile.
  for (const [id] of connected) await runMysql(admin, `KILL ${id}`).catch(() => {});
  await runMysql(admin, `DROP DATABASE IF EXISTS ${name}`);
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
  return { url: url.href, user, drop: async () => void (await runMysql(databaseUrl, `DROP USER ${account}`)) };
}

/** Runs statements as the URL's user on a connection of their own, and gives the last one's rows. */
export async function runMysql(url: string, text: string): Promise<readonly TextRow[]> {
  const client = await mysqlClient(url);
  try {
    return await client.run(text);
  } finally {
    await client.close();
  }
}

/** A connection beside the service's. */
export interface MysqlClient {
  /** Runs statements and gives the last one's rows as text. */
  run(text: string): Promise<readonly TextRow[]>;
  close(): Promise<void>;
}

export async function mysqlClient(url: string): Promise<MysqlClient> {
  const connection = await mysql.createConnection({
    uri: url,
    ...{ multipleStatements: true, rowsAsArray: true, charset: "utf8mb4_bin" },
    typeCast: (field) => field.string("utf8"),
  });
  // Its loss shows as the failure of what runs next.
  connection.on("error", () => {});
  return {
    async run(text) {
      const [results, fields] = await connection.query(text);
      // One statement's fields are no list; several have one each, and those without rows have none.
      const several = fields?.some((each) => each === undefined || Array.isArray(each)) ?? false;
      const last = several ? (results as unknown[]).at(-1) : results;
      return Array.isArray(last) ? (last as TextRow[]) : [];
    },
    // A killed one has nobody to take leave of.
    close: () => connection.end().catch(() => connection.destroy()),
  };
}
