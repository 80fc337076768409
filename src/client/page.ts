import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { Paging, type QueryResponse, type Timings } from "../gen/connector/v1/query_pb.js";
import type { Field, Row as WireRow } from "../gen/connector/v1/value_pb.js";
import type { Cells } from "./decode/cells.ts";
import type { Column } from "./decode/kind.ts";
import type { Cell } from "./decode/scalar.ts";
import { type Row, RowShape, type UntypedFields } from "./row.ts";
import { cellOf } from "./value.ts";

/** One page of a query. */
export interface Page<T extends object = UntypedFields> {
  readonly fields: readonly Field[];
  readonly rows: readonly Row<T>[];
  /** Leads to the next page; empty on the last. */
  readonly nextPageToken: string;
  /**
   * How the pages are cut; by `offset`, rows that come or go between two pages shift the ones
   * behind them; by `source`, it is the source's own way.
   */
  readonly paging: "keyset" | "offset" | "single" | "source";
  /** Rows were left out that no page leads to: read them by `stream`. */
  readonly truncated: boolean;
  /** The parts of the condition that the service carried out and not the source. */
  readonly postFiltered: readonly string[];
  readonly timings: Timings | undefined;
  /** How often the source was asked until it answered. */
  readonly attempts: number;
  /** When the source was read. */
  readonly readTime: Timestamp | undefined;
  /** It was read for an earlier call; `maxAgeMs` allowed it. */
  readonly cached: boolean;
}

const pagings = {
  [Paging.UNSPECIFIED]: "single",
  [Paging.KEYSET]: "keyset",
  [Paging.OFFSET]: "offset",
  [Paging.SINGLE]: "single",
  [Paging.SOURCE]: "source",
} as const satisfies Record<Paging, Page["paging"]>;

export function pageOf<T extends object>(response: QueryResponse): Page<T> {
  return {
    fields: response.fields,
    rows: rowsOf<T>(response.fields, response.rows),
    nextPageToken: response.nextPageToken,
    paging: pagings[response.paging],
    truncated: response.truncated,
    postFiltered: response.postFiltered,
    timings: response.timings,
    attempts: response.attempts,
    readTime: response.readTime,
    cached: response.cached,
  };
}

/** Rows that came as messages. */
export function rowsOf<T extends object>(fields: Field[], rows: readonly WireRow[]): Row<T>[] {
  const shape = new RowShape(fields);
  const cells = new MessageCells(rows, shape.columns);
  return rows.map((_, index) => shape.row<T>(cells, index));
}

/** Cells of decoded messages. */
class MessageCells implements Cells {
  readonly rows: number;
  readonly #rows: readonly WireRow[];
  readonly #columns: readonly Column[];

  constructor(rows: readonly WireRow[], columns: readonly Column[]) {
    this.rows = rows.length;
    this.#rows = rows;
    this.#columns = columns;
  }

  cell(index: number, columnIndex: number): Cell {
    const row = this.#rows[Math.floor(index / this.#columns.length)] as WireRow;
    const value = row.values[columnIndex];
    return value === undefined ? null : cellOf(value, this.#columns[columnIndex] as Column);
  }
}
