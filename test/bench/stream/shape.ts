/** What the table is in every database: twelve columns of mixed types. */

export const tableName = "measurements";

/** A row whose fields are read by their names. */
export interface NamedRow {
  readonly id: unknown;
  readonly serial: unknown;
  readonly price: unknown;
  readonly ratio: unknown;
  readonly active: unknown;
  readonly code: unknown;
  readonly note: unknown;
  readonly status: unknown;
  readonly created: unknown;
  readonly day: unknown;
  readonly uid: unknown;
  readonly doc: unknown;
}

export const columnNames = [
  ...(["id", "serial", "price", "ratio", "active", "code"] as const),
  ...(["note", "status", "created", "day", "uid", "doc"] as const),
] as const satisfies readonly (keyof NamedRow)[];

/** The text that stands for null when a column is checked. */
export const nullText = "∅";

/** MD5 of all values of a column in order; `converted` where a Date or a parsed document has a text of its own. */
export interface ColumnSums {
  readonly plain: string;
  readonly converted: string;
}
