/** Statements run at a server of MySQL's kind, beside the service. */
import mysql from "mysql2/promise";
import type { SourceClient, TextRow } from "./source-kind.ts";

const options = {
  ...{ multipleStatements: true, rowsAsArray: true, charset: "utf8mb4_bin" },
  typeCast: (field: { string(encoding: BufferEncoding): string | null }) => field.string("utf8"),
} as const;

/** Runs statements as the URL's user on a connection of their own, and gives the last one's rows. */
export async function runMysql(url: string, text: string): Promise<readonly TextRow[]> {
  const client = await mysqlClient(url);
  try {
    return await client.run(text);
  } finally {
    await client.close();
  }
}

/** Statements of one session, beside the service's. */
export async function mysqlClient(url: string): Promise<SourceClient> {
  const connection = await mysql.createConnection({ uri: url, ...options });
  // Its loss shows as the failure of what runs next.
  connection.on("error", () => {});
  return {
    run: (text) => rowsOf(connection, text),
    // A killed one has nobody to take leave of.
    close: () => connection.end().catch(() => connection.destroy()),
  };
}

/** Statements of any session, each connected when it is needed. */
export function mysqlPool(url: string): SourceClient {
  const pool = mysql.createPool({ uri: url, connectionLimit: 3, ...options });
  pool.on("connection", (connection) => void connection.on("error", () => {}));
  return { run: (text) => rowsOf(pool, text), close: () => pool.end() };
}

async function rowsOf(connection: Pick<mysql.Connection, "query">, text: string): Promise<readonly TextRow[]> {
  const [results, fields] = await connection.query(text);
  // One statement's fields are no list; several have one each, and those without rows have none.
  const several = fields?.some((each) => each === undefined || Array.isArray(each)) ?? false;
  const last = several ? (results as unknown[]).at(-1) : results;
  return Array.isArray(last) ? (last as TextRow[]) : [];
}
