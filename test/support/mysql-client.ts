/** Statements run at a server of MySQL's kind, beside the service. */
import mysql from "mysql2/promise";

/** Cells as the server writes them. */
export type TextRow = readonly (string | null)[];

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
