/** The statements of an action, on a connection of the call's own. */
import type { PackedBatch } from "../../rows/packed.ts";
import { textRows } from "../../rows/page.ts";
import { tooMuchReturned } from "../query/refused-action.ts";
import type { ActionStatement } from "../sql/action.ts";
import type { Borrowed } from "../sql/borrowed.ts";
import type { Row } from "../sql/run.ts";
import { commented } from "../sql/trace-comment.ts";
import type { Outcome } from "./answers.ts";
import type { SourceConnection } from "./connection.ts";
import { protocolBroken } from "./protocol.ts";
import type { Reading } from "./reading.ts";

/** A connection in a transaction that may write. Everything fails at once when the call is over. */
export interface Writer {
  begin(): Promise<void>;
  /** Runs a statement that gives no rows. */
  change(statement: ActionStatement): Promise<Outcome>;
  /**
   * The rows of a statement.
   *
   * @throws Failure `too_large` when those of all statements are more than may be given
   *   back, after which the connection is of no use
   */
  read(statement: ActionStatement, columns: number): Promise<readonly PackedBatch[]>;
  /** As `read`, as text. */
  texts(statement: ActionStatement, columns: number): Promise<readonly Row[]>;
  /** @throws At once, without a promise, when the call is over and nothing was sent. */
  commit(): Promise<Outcome>;
  rollback(): Promise<Outcome>;
}

/**
 * @param maxBytes of all rows that are read
 * @param comment ends every statement
 */
export function createWriter(borrowed: Borrowed<SourceConnection>, maxBytes: number, comment: string): Writer {
  let bytes = 0;

  const run = (statement: ActionStatement, columns: number): Reading =>
    borrowed.changes((connection) =>
      connection.read({ ...commented(statement, comment), within: true, columns }, borrowed.timeoutMs),
    );

  async function read(statement: ActionStatement, columns: number): Promise<PackedBatch[]> {
    const reading = run(statement, columns);
    const batches: PackedBatch[] = [];
    for (let batch = await reading.next(); batch !== undefined; batch = await reading.next()) {
      bytes += batch.size;
      if (bytes > maxBytes) {
        const tooMuch = tooMuchReturned();
        reading.discard(tooMuch);
        throw tooMuch;
      }
      batches.push(batch);
    }
    await reading.settled;
    return batches;
  }

  return {
    begin: async () => borrowed.changes((connection) => connection.beginWriting(borrowed.timeoutMs)),
    async change(statement) {
      const reading = run(statement, 0);
      await reading.described;
      await reading.settled;
      if (reading.outcome === undefined) throw protocolBroken();
      return reading.outcome;
    },
    read,
    texts: async (statement, columns) => (await read(statement, columns)).flatMap((batch) => textRows(batch, columns)),
    commit: () => borrowed.changes((connection) => connection.commit()),
    rollback: async () => borrowed.changes((connection) => connection.rollback()),
  };
}
