/** How rows stand in the body of an answer, and what comes of reading them. */
import type { Field, FieldType } from "../../../rows/field.ts";
import type { PackedBatch } from "../../../rows/packed.ts";

/**
 * Where rows are. A path in JSON is a pointer (RFC 6901): `/data/items`, or empty for
 * the whole document; one in XML has the names of elements: `/feed/entry`.
 *
 * - `json`: the elements of the array at `rows`. Anything else but null that stands there is
 *   the only row; there are no rows when it is null. Where nothing stands there the rows were
 *   looked for in a wrong place, unless `absent` says that the source leaves out what is empty.
 * - `ndjson`: each line is a row; empty lines are none.
 * - `json_api`: JSON:API 1.1, which is `json` with the rows at `/data`.
 * - `csv`: RFC 4180, with quotes and line ends of any kind; empty lines are no rows. Every
 *   record must have as many cells as the first. `delimiter` is one character of ASCII; with
 *   `header` the first record has the columns' names. An empty cell is null; between quotes
 *   it is an empty text, where its type is one of text.
 * - `xml`: the elements at `rows`, whose first name is the root's. Names have their prefixes. Of
 *   several elements of one name in a row the first counts. An empty element is an empty text,
 *   where its type is one of text, and null where it is not, or where it is `xsi:nil`.
 */
export type RowFormat =
  | { readonly kind: "json"; readonly rows: string; readonly absent?: "none" }
  | { readonly kind: "ndjson" }
  | { readonly kind: "json_api" }
  | { readonly kind: "csv"; readonly delimiter: string; readonly header: boolean }
  | { readonly kind: "xml"; readonly rows: string };

/** Arrays and objects of APIs are of type `json`: no cell of these two types is made of them. */
export type HttpFieldType = Exclude<FieldType, "array" | "struct">;

/**
 * How the source writes values of a type for which there are several ways.
 *
 * - `epoch_seconds`, `epoch_ms`: a `timestamp_tz`, `timestamp` or `date` as the time since
 *   1970 in UTC, with or without a fraction. Default: RFC 3339, also with a space for the `T`.
 * - `utc`: a `timestamp_tz` without an offset is in UTC. Default: it is refused.
 * - `hex`: `bytes` as two hexadecimal digits each. Default: base64 of either alphabet, padded or not.
 */
export type FieldFormat = "epoch_seconds" | "epoch_ms" | "utc" | "hex";

/** A field, and where its value stands in a row. */
export interface HttpField extends Field {
  readonly type: HttpFieldType;
  /**
   * In JSON a pointer into the row: `/address/city`, `/emails/0/value`, or empty for the row
   * itself. In CSV the column: `/City`, or by its place `/0` without a header; empty, of type
   * `json` and as the only field, for all of them as an object of texts. In XML names of
   * elements and at last of an attribute: `/link/@href`, `/@id`, or empty for the row's own text.
   */
  readonly path: string;
  readonly format?: FieldFormat;
}

/** Whether a field's values are texts, so that an empty one is a value. */
export const isText = ({ type }: Field) => type === "string" || type === "enum" || type === "other" || type === "json";

/** Of `ExpectedRows.maxRowBytes`. */
export const defaultMaxRowBytes = 8 * 1024 * 1024;

/** All of a row, whatever it holds. */
export const wholeRow: HttpField = { name: "row", type: "json", path: "", nullable: true, nativeType: "" };

/** What is expected of a body. */
export interface ExpectedRows {
  /** The resource's name, for errors. */
  readonly resource: string;
  readonly format: RowFormat;
  /** The cells of each row, in this order. */
  readonly fields: readonly HttpField[];
  /**
   * Where scalar values are wanted from beside the rows: `/paging/next/after`. Only JSON,
   * JSON:API and XML (`/feed/@next`) have such a place. Default: none.
   */
  readonly beside?: readonly string[];
  /** Where scalar values of the last row are wanted, as a field's path has it; they need be no fields. Default: none. */
  readonly last?: readonly string[];
  /** A row of more bytes is an error. Default: 8 MiB. */
  readonly maxRowBytes?: number;
}

/** One body on its way into rows. */
export interface RowReading {
  /**
   * The rows, once. A batch is handed on when it is full, or 20 ms after its first row came.
   * Rows before an error come before it. Ending the iteration early ends the body's. Between
   * two batches no more is kept than one row and one chunk of the body.
   *
   * @throws Failure that names resource and field, and never holds a value:
   *   `configuration_rejected`, final, when a value is none of its field's type, or the rows
   *   are not where they should be; `upstream_unavailable`, final, when the body is not of its
   *   format, not UTF-8 or nested too deep; `upstream_lost` when it ends in the middle;
   *   `too_large` when a row or a value beside the rows is.
   */
  readonly batches: AsyncIterable<PackedBatch>;
  /**
   * The text of a value of `ExpectedRows.beside`: of a number its digits, of a boolean `true`
   * or `false`. Undefined when it was not there, null, or no scalar. Known when the batches
   * have ended.
   */
  value(pointer: string): string | undefined;
  /** As `value`, of the last row, by a path of `ExpectedRows.last`. */
  last(path: string): string | undefined;
}

/** Makes readings of bodies that are alike: what is expected of them is worked out once. */
export type RowReader = (body: AsyncIterable<Uint8Array>) => RowReading;
