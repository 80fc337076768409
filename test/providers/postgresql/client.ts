import pg from "pg";
import type { Run } from "../../../src/providers/sql/run.ts";
import { freshDatabase } from "../../support/postgres.ts";

/** A connection that reads as a session does: text cells, in the contract's forms. */
export interface Database {
  readonly url: string;
  readonly run: Run;
  /** Statements that `run` has sent. */
  readonly statements: () => number;
  /** Runs statements without parameters, as many as there are. */
  readonly execute: (text: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

const settings =
  "-c DateStyle=ISO,YMD -c TimeZone=UTC -c IntervalStyle=iso_8601 -c bytea_output=hex -c extra_float_digits=1";

/** An empty database of its own. */
export async function openDatabase(): Promise<Database> {
  const { url, drop } = await freshDatabase();
  const connection = await connect(url);
  const close = async () => {
    await connection.close();
    await drop();
  };
  return { url, ...connection, close };
}

export async function connect(url: string): Promise<Omit<Database, "url">> {
  const client = new pg.Client({ connectionString: url, options: settings });
  await client.connect();
  let statements = 0;
  const run: Run = async (text, parameters) => {
    statements++;
    // Always the extended protocol, and no value made of any cell.
    const query = { text, values: [...parameters], rowMode: "array", queryMode: "extended", types: asText };
    const { rows } = await client.query<(string | null)[]>(query as unknown as pg.QueryArrayConfig);
    return rows;
  };
  return {
    run,
    statements: () => statements,
    execute: async (text) => void (await client.query(text)),
    close: () => client.end(),
  };
}

const asText = { getTypeParser: () => (cell: string) => cell };
