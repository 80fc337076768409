/** Columns as the server's catalogue describes them. */
import type { Row, Run } from "../sql/run.ts";
import { quoteIdentifier } from "./dialect.ts";
import type { CatalogueColumn } from "./value-type.ts";

/** What `information_schema.columns` says of a column. */
export interface TableColumn extends Omit<CatalogueColumn, "isJson" | "isMariaDb"> {
  readonly table: string;
  readonly name: string;
  readonly nullable: boolean;
  /** As the server writes it; `defaults.ts` makes one form of it. */
  readonly defaultText: string | null;
  /** How a generated column is computed; empty for every other one. */
  readonly generation: string;
  readonly extra: string;
  readonly comment: string;
}

/**
 * The columns that the user may select, an invisible one among them: that only says what
 * `SELECT *` leaves out, and a query names its fields.
 *
 * @param where a condition on `c`, with its parameters
 */
export async function readColumns(run: Run, where: string, parameters: Row): Promise<TableColumn[]> {
  const rows = await run(
    `SELECT c.table_name, c.column_name, c.data_type, c.column_type, c.is_nullable, c.character_set_name,
  c.collation_name, c.column_default, c.generation_expression, c.extra, c.column_comment
FROM information_schema.columns c
WHERE ${where} AND FIND_IN_SET('select', c.privileges)
ORDER BY c.table_name, c.ordinal_position`,
    parameters,
  );
  return rows.map(([table, name, dataType, columnType, nullable, characterSet, ...rest]) => {
    const [collation = null, defaultText = null, generation, extra, comment] = rest;
    return {
      table: table ?? "",
      name: name ?? "",
      dataType: dataType ?? "",
      columnType: columnType ?? "",
      nullable: nullable === "YES",
      characterSet: characterSet ?? null,
      collation,
      defaultText,
      generation: generation ?? "",
      extra: extra ?? "",
      comment: comment ?? "",
    };
  });
}

/** Columns that hold JSON and nothing else, though they are texts: MariaDB has no other type for it. */
export interface CheckedAsJson {
  has(column: TableColumn): boolean;
}

/**
 * MariaDB's own: MySQL has a type for JSON, and tells of no checks of columns.
 *
 * @param where a condition on `k`, with its parameters behind the database
 */
export async function readCheckedAsJson(run: Run, where: string, parameters: Row): Promise<CheckedAsJson> {
  const rows = await run(
    `SELECT k.table_name, k.constraint_name, k.check_clause
FROM information_schema.check_constraints k
WHERE k.constraint_schema = ? AND k.level = 'Column' AND ${where}`,
    parameters,
  );
  const checked = new Set(
    rows.filter(([, column, clause]) => clause === `json_valid(${quoteIdentifier(column ?? "")})`).map(keyOf),
  );
  return { has: ({ table, name }) => checked.has(keyOf([table, name])) };
}

function keyOf([table, column]: Row): string {
  return JSON.stringify([table, column]);
}
