/** Reading the database directly with mysql2, as its documentation streams rows. */
import mysql from "mysql2";
import { type NamedRow, tableName } from "./shape.ts";
import { type Sink, sinkRow } from "./sink.ts";

export async function readByDriver(databaseUrl: string, sink: Sink): Promise<void> {
  const connection = mysql.createConnection(databaseUrl);
  try {
    connection.query("SET time_zone = '+00:00'");
    const rows: AsyncIterable<NamedRow> = connection.query(`SELECT * FROM ${tableName}`).stream();
    for await (const row of rows) sinkRow(sink, row);
  } finally {
    connection.end();
  }
}
