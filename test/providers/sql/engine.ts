/** A database that tests of the shared SQL run against, and tables of it with random rows. */
import fc from "fast-check";
import type { Operand, Operator, ResourceQuery } from "../../../src/providers/contract.ts";
import type { Bind, Dialect, SqlResource } from "../../../src/providers/sql/dialect.ts";
import type { Run } from "../../../src/providers/sql/run.ts";
import { scaled } from "../../torture/scale.ts";

export interface Engine {
  /** Types of columns; what is asked of each is evaluated in JavaScript, too. */
  readonly columns: Readonly<Record<string, Column>>;
  open(): Promise<Source>;
}

/** An empty database. */
export interface Source {
  readonly dialect: Dialect;
  /** As the provider itself runs what it has compiled. */
  readonly run: Run;
  resource(name: string): Promise<SqlResource>;
  close(): Promise<void>;
}

/** A type, and what its values mean. Cells are in the canonical text form. */
export interface Column {
  /** As CREATE TABLE takes it. */
  readonly sql: string;
  /** Cells of every table: extremes, and what is easily mistaken. */
  readonly cells: readonly string[];
  /** More of them. */
  readonly random?: fc.Arbitrary<string>;
  /** Cells that can only be operands. */
  readonly operandsOnly?: readonly string[];
  /** Default: as a text. */
  readonly operand?: (cell: string) => Operand;
  /** Where a cell stands in the type's order. */
  readonly compare: (a: string, b: string) => number;
  readonly operators: readonly Operator[];
  /** The elements of an array's cell. */
  readonly elements?: (cell: string) => readonly string[];
  /** It can't be a part of a key. */
  readonly keyless?: true;
  /** Its order is not one that is known here. */
  readonly unordered?: true;
}

export type Row = Readonly<Record<string, string | null>>;

/** A table that is not made yet; all have an `id`, which is not among the columns. */
export interface Table {
  readonly columns: Readonly<Record<string, Column & { readonly pool: readonly string[]; readonly nullable: boolean }>>;
  /** The column that is the first of the primary key, before `id`. */
  readonly key: string | undefined;
  readonly rows: readonly Row[];
}

export const plain: readonly Operator[] = ["eq", "ne", "lt", "le", "gt", "ge", "in", "is_null"];
export const equalOnly: readonly Operator[] = ["eq", "ne", "in", "is_null"];
export const textual: readonly Operator[] = [...plain, "contains", "starts_with"];

export const text = (value: string): Operand => ({ kind: "text", value });
export const integer = (value: string): Operand => ({ kind: "integer", value: BigInt(value) });
export const number = (value: string): Operand => ({ kind: "double", value: Number(value) });
export const bytes = (value: string): Operand => ({ kind: "bytes", value: Buffer.from(value.slice(2), "hex") });

export const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
export const byInteger = (a: string, b: string) => Number(BigInt(a) - BigInt(b));
export const byPlace = (cells: readonly string[]) => (a: string, b: string) => cells.indexOf(a) - cells.indexOf(b);
export const byNumber = (a: string, b: string) => {
  const [x, y] = [Number(a), Number(b)];
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  return x === y ? 0 : x < y ? -1 : 1;
};

/** A failure is shown before it is the smallest, rather than not at all. */
export const bounded = { interruptAfterTimeLimit: scaled({ test: 60_000, torture: 1_000_000 }) };

/** Texts in which wildcards, escapes, quotes and characters of every length stand. */
export const strangeTexts = fc.string({
  unit: fc.constantFrom("a", "A", "b", "é", "中", "%", "_", "\\", "|", "'", '"', "`", "\n", " ", "𝒳", "?", "$1"),
  maxLength: 6,
});

/** @returns A table of some of the engine's columns; only of those with an order that is known, when it is asked for. */
export function tableOf({ columns }: Engine, rowCount: number, ordered = false): fc.Arbitrary<Table> {
  const usable = Object.keys(columns).filter((name) => !(ordered && columns[name]?.unordered));
  const names = fc.shuffledSubarray(usable, {
    minLength: Math.min(4, usable.length),
    maxLength: Math.min(8, usable.length),
  });
  return names.chain((chosen) =>
    fc.tuple(...chosen.map((name) => poolOf(name, columns[name] as Column))).chain((pooled) => {
      const own = Object.fromEntries(pooled);
      const keys = pooled.filter(([, column]) => !column.nullable && !column.keyless).map(([name]) => name);
      return fc.record({
        columns: fc.constant(own),
        key: fc.constantFrom(undefined, ...keys),
        rows: fc.array(rowOf(own), { minLength: rowCount, maxLength: rowCount }),
      });
    }),
  );
}

function poolOf(name: string, column: Column) {
  const more = column.random === undefined ? fc.constant([]) : fc.array(column.random, { minLength: 4, maxLength: 8 });
  return fc
    .tuple(more, fc.boolean())
    .map(([found, nullable]) => [name, { ...column, pool: [...column.cells, ...found], nullable }] as const);
}

export function rowOf(columns: Table["columns"]): fc.Arbitrary<Row> {
  return fc.record(
    Object.fromEntries(
      Object.entries(columns).map(([name, { pool, nullable }]) => {
        const cell = fc.constantFrom(...pool);
        return [name, nullable ? fc.option(cell, { nil: null, freq: 3 }) : cell] as const;
      }),
    ),
  );
}

/** Makes the table under the name; the ids of its rows are tens, in their order. */
export async function createTable(source: Source, name: string, table: Table): Promise<SqlResource> {
  const columns = Object.entries(table.columns).map(
    ([column, { sql, nullable }]) => `${column} ${sql} ${nullable ? "NULL" : "NOT NULL"}`,
  );
  const key = table.key === undefined ? "id" : `${table.key}, id`;
  await source.run(`CREATE TABLE ${name} (id bigint NOT NULL, ${columns.join(", ")}, PRIMARY KEY (${key}))`, []);
  const resource = await source.resource(name);
  await insertRows(
    source,
    resource,
    table.rows.map((row, i) => ({ id: 10 * i, row })),
  );
  return resource;
}

export async function insertRows(
  { run, dialect }: Pick<Source, "run" | "dialect">,
  { sqlName, fields }: SqlResource,
  rows: readonly { readonly id: number; readonly row: Row }[],
): Promise<void> {
  const parameters: string[] = [];
  const bind: Bind = (value) => dialect.placeholder(parameters.push(value));
  const lines = rows.map(({ id, row }) => {
    const cells = fields.map((field) => {
      const cell = field.name === "id" ? String(id) : (row[field.name] ?? null);
      return cell === null ? "NULL" : dialect.operand(cell, field, bind);
    });
    return `(${cells.join(", ")})`;
  });
  await run(`INSERT INTO ${sqlName} VALUES ${lines.join(", ")}`, parameters);
}

export const queryOf = (resource: SqlResource, more: Partial<ResourceQuery> = {}): ResourceQuery => ({
  kind: "resource",
  resource: resource.name,
  fields: ["id"],
  filter: undefined,
  orderBy: [],
  limit: undefined,
  ...more,
});
