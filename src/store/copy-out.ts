/**
 * Rows in PostgreSQL's binary format, each as the bytes that it came in: to make texts and
 * objects of them would take longer than what is done with them. While one is looked at, the
 * server goes on, as far as the connection holds what it sends.
 *
 * @see https://www.postgresql.org/docs/18/sql-copy.html#SQL-COPY-FILE-FORMATS
 */
import pg from "pg";

/** Says whether it wants more. The row is good until it returns, and its to write into. */
export type OnRow = (row: Buffer) => boolean;

/** Before the first row: a signature, flags, and a length of what may follow them. */
const fileHeadBytes = 19;

/**
 * Runs a query in a transaction of its own.
 *
 * @param settings Of that transaction
 * @param onRow Gets rows as `copyOut` tells of them: the number of fields (2 bytes), and for each
 *   its length (4 bytes, -1 for null) and value. When it wants no more, the connection is given up
 * @throws DatabaseError of the server, or Error when the connection is lost
 */
export async function copyOut(
  pool: pg.Pool,
  settings: Readonly<Record<string, string>>,
  query: string,
  onRow: OnRow,
): Promise<void> {
  const set = Object.entries(settings).map((each) => `set_config(${each.map(pg.escapeLiteral).join(", ")}, true)`);
  const client = await pool.connect();
  const copying = new Copying(`SELECT ${set.join(", ")}; COPY (${query}) TO STDOUT WITH (FORMAT binary)`, onRow);
  client.query(copying);
  await copying.ended.finally(() => client.release(copying.isBroken));
}

/** Two statements of one text, which the server takes for one transaction. */
class Copying implements pg.Submittable {
  readonly ended: Promise<void>;
  /** The connection can't be used any more. */
  isBroken = false;
  readonly #text: string;
  readonly #onRow: OnRow;
  readonly #ended = Promise.withResolvers<void>();
  #headBytes = fileHeadBytes;
  #failed: Error | undefined;

  constructor(text: string, onRow: OnRow) {
    this.#text = text;
    this.#onRow = onRow;
    this.ended = this.#ended.promise;
  }

  // What follows is called by pg.

  submit(connection: pg.Connection): void {
    connection.query(this.#text);
  }

  handleCopyData({ chunk }: { chunk: Buffer }, connection: pg.Connection): void {
    if (this.isBroken) return;
    const row = chunk.subarray(this.#headBytes);
    this.#headBytes = 0;
    // The last one has no fields, but the number -1.
    if (row.readInt16BE(0) < 0) return;
    try {
      if (this.#onRow(row)) return;
    } catch (error) {
      this.#failed = error as Error;
    }
    // The server would send all that is left.
    this.isBroken = true;
    connection.stream.destroy();
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#ended.resolve();
  }

  handleError(error: Error): void {
    if (this.isBroken && this.#failed === undefined) this.#ended.resolve();
    else this.#ended.reject(this.#failed ?? error);
  }
}
