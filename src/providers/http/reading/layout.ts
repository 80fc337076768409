/** What is made of the rows that are read: the fields that the caller wants, of the rows that fit. */
import { forEachCell, type PackedBatch, PackedWriter } from "../../../rows/packed.ts";
import { testsIn } from "../condition.ts";
import type { ReadPlan } from "../plan.ts";

export interface Layout {
  /** Cells of a row that is read. */
  readonly width: number;
  /** Where the caller's cells come from: a place in the row, or a text that is the same for all. */
  readonly columns: readonly (number | string)[];
  readonly matches: ReadPlan["matches"];
  /** The places that `matches` looks at. */
  readonly looked: readonly number[];
  /** Rows are given as they are read. */
  readonly isPlain: boolean;
}

export function layoutOf({ read, fields, constants, matches, rest }: ReadPlan): Layout {
  const columns = fields.map((field) => constants.get(field) ?? read.indexOf(field));
  const looked = rest === undefined ? [] : testsIn(rest).map(({ field }) => read.indexOf(field));
  const isPlain =
    matches === undefined && columns.length === read.length && columns.every((column, place) => column === place);
  return { width: read.length, columns, matches, looked: [...new Set(looked)], isPlain };
}

/** Some of a batch's rows. */
export interface Taken {
  /** Undefined when no row fits. */
  readonly batch: PackedBatch | undefined;
  readonly rows: number;
  /** Rows of the batch up to the last one that was looked at. */
  readonly consumed: number;
}

/**
 * @param skip rows of the batch that are passed over
 * @param most rows that are taken
 */
export function take(batch: PackedBatch, layout: Layout, skip: number, most: number): Taken {
  if (layout.isPlain && skip === 0 && batch.rows <= most) return { batch, rows: batch.rows, consumed: batch.rows };
  const writer = new PackedWriter(batch.size + 64);
  const { buffer } = batch;
  const { width, matches, looked, columns } = layout;
  const starts = new Array<number>(width).fill(-1);
  const ends = new Array<number>(width).fill(-1);
  const row = new Array<string | null>(width).fill(null);
  let rows = 0;
  let consumed = 0;
  const endRow = (at: number) => {
    if (rows >= most) return;
    consumed = at + 1;
    if (at < skip) return;
    for (const place of looked) row[place] = textAt(buffer, starts[place] ?? -1, ends[place] ?? -1);
    if (matches?.(row) === false) return;
    for (const column of columns) {
      if (typeof column === "string") writer.text(column);
      else if ((starts[column] ?? -1) < 0) writer.null();
      else writer.cell(buffer, starts[column] as number, ends[column] as number);
    }
    writer.endRow();
    rows++;
  };
  if (width === 0) for (let at = 0; at < batch.rows; at++) endRow(at);
  forEachCell(batch, width, (at, place, start, end) => {
    starts[place] = start;
    ends[place] = end;
    if (place === width - 1) endRow(at);
  });
  return { batch: writer.take(), rows, consumed };
}

const textAt = (buffer: Buffer, start: number, end: number) => (start < 0 ? null : buffer.toString("utf8", start, end));
