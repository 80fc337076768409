/** Rows that are known by a unique key: how they are named in a condition, and read again. */
import type { Comparison, FilterNode, Operand } from "../contract.ts";
import type { ActionStatement } from "./action.ts";
import type { Bind, Dialect, SqlField, SqlResource } from "./dialect.ts";
import { compileFilter } from "./filter.ts";

/** A value for each field of a key; never null. */
export type Key = readonly Operand[];

/** Keys that one statement names at most: a filter has no more nodes than a thousand. */
const keysAtOnce = 50;

/** Pieces of which each fits into one statement. */
export function* piecesOf(keys: readonly Key[]): Generator<readonly Key[]> {
  for (let first = 0; first < keys.length; first += keysAtOnce) yield keys.slice(first, first + keysAtOnce);
}

/** A key as the source has written it. */
export const keyOfCells = (cells: readonly (string | null)[]): Key =>
  cells.map((cell) => (cell === null ? { kind: "null" } : { kind: "text", value: cell }));

/** Whether a row has one of the keys. */
export function hasKey(fields: readonly string[], keys: readonly Key[]): FilterNode {
  const [field] = fields;
  if (fields.length === 1 && field !== undefined) return compared(field, "in", keys.flat());
  return { kind: "or", operands: keys.map((key) => isKey(fields, key)) };
}

/** Whether a row has the key. */
export function isKey(fields: readonly string[], key: Key): FilterNode {
  return { kind: "and", operands: fields.map((field, i) => compared(field, "eq", key.slice(i, i + 1))) };
}

function compared(field: string, operator: Comparison["operator"], values: readonly Operand[]): Comparison {
  return { kind: "compare", field, operator, values, path: "key" };
}

export interface KeyedRead {
  readonly dialect: Dialect;
  readonly resource: SqlResource;
  /** What is to be read. */
  readonly fields: readonly SqlField[];
  readonly key: readonly string[];
  /** As many as one statement takes. */
  readonly keys: readonly Key[];
}

/** Reads the rows of some keys, in the order of the keys. */
export function readByKey({ dialect, resource, fields, key, keys }: KeyedRead): ActionStatement {
  const parameters: string[] = [];
  const bind: Bind = (text) => dialect.placeholder(parameters.push(text));
  const columns = fields.map(({ name }) => dialect.quote(name)).join(", ");
  const where = compileFilter(hasKey(key, keys), resource, dialect, bind);
  const text = `SELECT ${columns} FROM ${resource.sqlName} WHERE ${where}`;
  if (keys.length === 1) return { text, parameters };
  // The source's own comparison says which row is whose: two texts may be the same key to it.
  const places = keys.map((each, i) => `WHEN ${compileFilter(isKey(key, each), resource, dialect, bind)} THEN ${i}`);
  return { text: `${text} ORDER BY CASE ${places.join(" ")} END`, parameters };
}

/** Reads the keys of the rows that a condition selects, and keeps others from changing them. */
export function lockKeys(
  { dialect, resource, key }: Omit<KeyedRead, "keys" | "fields">,
  filter: FilterNode | undefined,
): ActionStatement {
  const parameters: string[] = [];
  const bind: Bind = (text) => dialect.placeholder(parameters.push(text));
  const where = filter === undefined ? "" : ` WHERE ${compileFilter(filter, resource, dialect, bind)}`;
  const columns = key.map((name) => dialect.quote(name)).join(", ");
  return { text: `SELECT ${columns} FROM ${resource.sqlName}${where} FOR UPDATE`, parameters };
}
