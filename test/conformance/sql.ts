/** The suite's tables in a source that speaks SQL. */
import type { FieldType } from "../../src/rows/field.ts";
import { type Cells, type Column, type OpenedSource, type Table, typeIn } from "./fixture.ts";

export interface SqlDialect {
  readonly types: Partial<Record<FieldType, string>>;
  quote(identifier: string): string;
  /** A cell of a type, as INSERT takes it; never null. */
  literal(cell: string, type: FieldType): string;
  /** Runs one statement as somebody who may do everything. */
  run(statement: string): Promise<unknown>;
}

/** Characters of one INSERT, about: what every server takes by default. */
const insertChars = 500_000;

/** Makes tables by CREATE TABLE and INSERT. */
export function sqlTables(dialect: SqlDialect): Pick<OpenedSource, "create" | "insert"> {
  const { quote, run } = dialect;
  const insert = async (table: Table, rows: readonly Cells[]) => {
    const into = `INSERT INTO ${quote(table.name)} (${table.columns.map(({ name }) => quote(name)).join(", ")}) VALUES `;
    for (const values of inParts(rows.map((row) => valuesOf(row, table.columns, dialect)))) await run(into + values);
  };
  return {
    insert,
    async create(tables) {
      for (const table of tables) {
        await run(`CREATE TABLE ${quote(table.name)} (${definitionsOf(table, dialect)})`);
        await insert(table, table.rows);
      }
    },
  };
}

function definitionsOf({ columns, key }: Table, { types, quote }: SqlDialect): string {
  const definitions = columns.map(({ name, type, nullable }) => {
    const native = types[typeIn(types, type)];
    if (native === undefined) throw new Error(`The fixture names no type for ${type}.`);
    return `${quote(name)} ${native}${nullable === false ? " NOT NULL" : ""}`;
  });
  return [...definitions, ...(key.length === 0 ? [] : [`PRIMARY KEY (${key.map(quote).join(", ")})`])].join(", ");
}

function valuesOf(row: Cells, columns: readonly Column[], { literal }: SqlDialect): string {
  const cells = columns.map(({ type }, i) => {
    const cell = row[i] ?? null;
    return cell === null ? "NULL" : literal(cell, type);
  });
  return `(${cells.join(", ")})`;
}

/** Joins texts by commas, as many at a time as one statement takes. */
function inParts(texts: readonly string[]): string[] {
  const parts: string[] = [];
  let part: string[] = [];
  let chars = 0;
  for (const text of texts) {
    part.push(text);
    chars += text.length;
    if (chars < insertChars) continue;
    parts.push(part.join(","));
    [part, chars] = [[], 0];
  }
  return part.length === 0 ? parts : [...parts, part.join(",")];
}

/** A string literal by the standard: only the quote is doubled. */
export function standardLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
