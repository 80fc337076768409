/** Reading the database directly with pg-cursor, 1,000 rows at a time. */
import type pg from "pg";
import Cursor from "pg-cursor";
import { type NamedRow, tableName } from "./shape.ts";
import { type Sink, sinkRow } from "./sink.ts";

const rowsPerRead = 1_000;

/** Leaves every cell the text that the database sent. */
const identity: pg.CustomTypesConfig = { getTypeParser: () => (text: string) => text };

export async function readByCursor(client: pg.Client, sink: Sink, parsers: "default" | "identity"): Promise<void> {
  const config = parsers === "identity" ? { types: identity } : undefined;
  const cursor = client.query(new Cursor<NamedRow>(`SELECT * FROM ${tableName}`, [], config));
  for (;;) {
    const rows = await cursor.read(rowsPerRead);
    if (rows.length === 0) break;
    for (const row of rows) sinkRow(sink, row);
  }
  await cursor.close();
}
