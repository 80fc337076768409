/** What answers the commands that give no rows, or a few for the service itself. */
import { type Column, readColumn } from "./column.ts";
import { firstOther, lengthAt, lengthSize } from "./length.ts";
import { answers, isEndOfFile, protocolBroken } from "./protocol.ts";
import type { Answer } from "./wire.ts";

/** Done, and nothing more to tell. */
export const done: Answer<true> = {
  packet(bytes, start) {
    if (bytes[start] !== answers.ok) throw protocolBroken();
    return true;
  },
};

/** What a server says of a statement that gives no rows. */
export interface Outcome {
  readonly affectedRows: number;
  /** The number that it gave to a row of a table that counts its rows, in digits; `0` when to none. */
  readonly insertId: string;
  readonly warnings: number;
}

/** Reads `bytes[start, end)`, an OK packet. */
function readOutcome(bytes: Buffer, start: number, end: number): Outcome {
  const idAt = start + 1 + lengthSize(bytes[start + 1] as number);
  const statusAt = idAt + lengthSize(bytes[idAt] as number);
  if (bytes[start] !== answers.ok || statusAt + 4 > end) throw protocolBroken();
  const insertId = statusAt - idAt === 9 ? bytes.readBigUInt64LE(idAt + 1) : lengthAt(bytes, idAt, end);
  return {
    affectedRows: lengthAt(bytes, start + 1, end),
    insertId: String(insertId),
    warnings: bytes.readUInt16LE(statusAt + 2),
  };
}

/** As `done`, with what there is to tell. */
export const outcome: Answer<Outcome> = { packet: readOutcome };

/** What both sides have agreed on that changes what an answer looks like. */
export interface Agreed {
  readonly extendedMetadata: boolean;
}

/** Reads the columns of a result, or the parameters of a statement: as many as were said, and an end behind them. */
export class Columns {
  readonly list: Column[] = [];
  /** How many there are to be. */
  readonly count: number;
  readonly #agreed: Agreed;

  constructor(count: number, agreed: Agreed) {
    this.count = count;
    this.#agreed = agreed;
  }

  /** Whether this packet was the end. */
  packet(bytes: Buffer, start: number, end: number): boolean {
    if (this.list.length === this.count) {
      if (!isEndOfFile(bytes, start, end)) throw protocolBroken();
      return true;
    }
    this.list.push(readColumn(bytes, start, end, this.#agreed));
    return false;
  }
}

/** The number of a result's columns; 0 when there is no result. */
export function columnCount(bytes: Buffer, start: number, end: number): number {
  // A server that asks for a file of ours (LOCAL INFILE) gets none.
  if (start === end || bytes[start] === answers.localInfile) throw protocolBroken();
  const count = lengthAt(bytes, start, end);
  if (count > 4_096 || (count > 0 && end - start !== lengthSize(bytes[start] as number))) throw protocolBroken();
  return count;
}

/** All rows of a small result in the text form of COM_QUERY. */
export function textResult(agreed: Agreed): Answer<(string | null)[][]> {
  const rows: (string | null)[][] = [];
  let columns: Columns | undefined;
  let described = false;
  return {
    packet(bytes, start, end) {
      if (columns === undefined) {
        const count = columnCount(bytes, start, end);
        if (count === 0) throw protocolBroken();
        columns = new Columns(count, agreed);
      } else if (!described) {
        described = columns.packet(bytes, start, end);
      } else if (isEndOfFile(bytes, start, end)) {
        return rows;
      } else {
        rows.push(textRow(bytes, start, end, columns.list.length));
      }
      return undefined;
    },
  };
}

function textRow(bytes: Buffer, start: number, end: number, columns: number): (string | null)[] {
  let at = start;
  return Array.from({ length: columns }, () => {
    if (at < end && bytes[at] === firstOther) {
      at++;
      return null;
    }
    const size = at < end ? lengthAt(bytes, at, end) : -1;
    const from = at + lengthSize(bytes[at] as number);
    if (size < 0 || from + size > end) throw protocolBroken();
    at = from + size;
    return bytes.toString("utf8", from, at);
  });
}
