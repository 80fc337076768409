/** Where a case's values go: every cell of every row is handed in once. */
import { createHash } from "node:crypto";
import { columnNames, type NamedRow, nullText } from "./shape.ts";

export interface Sink {
  cell(column: number, value: unknown): void;
}

/** Looks at every value, so that none is left undecoded. */
export class CountingSink implements Sink {
  cells = 0;
  nulls = 0;

  cell(_column: number, value: unknown): void {
    this.cells++;
    if (value === null) this.nulls++;
  }
}

const flushLength = 65_536;

/** Sums every column up, as `expectedSums` does in SQL. */
export class CheckingSink implements Sink {
  readonly #hashes = columnNames.map(() => createHash("md5"));
  readonly #pending = columnNames.map(() => "");

  cell(column: number, value: unknown): void {
    const text = `${this.#pending[column]}${textOf(value)}\n`;
    if (text.length < flushLength) {
      this.#pending[column] = text;
    } else {
      this.#hashes[column]?.update(text);
      this.#pending[column] = "";
    }
  }

  sums(): string[] {
    return this.#hashes.map((hash, column) => hash.update(this.#pending[column] ?? "").digest("hex"));
  }
}

function textOf(value: unknown): string {
  if (value === null) return nullText;
  if (typeof value === "boolean") return value ? "t" : "f";
  if (value instanceof Date) return value.toISOString();
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Hands in a row as a program reads it: each field by its name. */
export function sinkRow(sink: Sink, row: NamedRow): void {
  sink.cell(0, row.id);
  sink.cell(1, row.serial);
  sink.cell(2, row.price);
  sink.cell(3, row.ratio);
  sink.cell(4, row.active);
  sink.cell(5, row.code);
  sink.cell(6, row.note);
  sink.cell(7, row.status);
  sink.cell(8, row.created);
  sink.cell(9, row.day);
  sink.cell(10, row.uid);
  sink.cell(11, row.doc);
}
