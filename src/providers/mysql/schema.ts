/**
 * Describes a whole database in a fixed number of statements, each of which reads one
 * kind of thing for all its tables at once.
 */
import type { ForeignKey, Index, Resource, ResourceField } from "../contract/resource.ts";
import { formatName } from "../sql/name.ts";
import type { Row, Run } from "../sql/run.ts";
import { type Catalogue, isSystemDatabase, kindColumns, kindOf, queryable } from "./catalogue.ts";
import { readCheckedAsJson, readColumns, type TableColumn } from "./catalogue-columns.ts";
import { defaultOf, isGenerated } from "./defaults.ts";
import { labelsIn, valueTypeOf } from "./value-type.ts";

/**
 * Every table and view of the connector's database of which the user may SELECT at least
 * a column, by name. Four statements, and at MariaDB one more. Nothing in a database of
 * the server's own.
 */
export async function readSchema(run: Run, catalogue: Catalogue): Promise<Resource[]> {
  const { database, server } = catalogue;
  if (isSystemDatabase(database)) return [];
  const inDatabase = [database, database];
  const relations = await run(relationQuery, inDatabase);
  const fields = await readFields(run, catalogue);
  const indexes = Map.groupBy(await run(server.isMariaDb ? indexQuery.mariaDb : indexQuery.mysql, inDatabase), tableOf);
  const references = Map.groupBy(await run(referenceQuery, inDatabase), tableOf);
  return relations
    .filter(([, table]) => fields.has(text(table)))
    .map((row) => {
      const table = text(row[1]);
      return {
        ...describeRelation(row),
        fields: fields.get(table) ?? [],
        ...describeIndexes(indexes.get(table) ?? []),
        foreignKeys: describeReferences(references.get(table) ?? []),
      };
    })
    .sort((a, b) => (a.localName < b.localName ? -1 : 1));
}

// The catalogue compares names in its own way: where capitals count, so they must here.
const inDatabase = (alias: string) => `${alias}.table_schema = ?
  AND (@@lower_case_table_names <> 0 OR CAST(${alias}.table_schema AS BINARY) = CAST(? AS BINARY))`;

const relationQuery = `SELECT t.table_schema, t.table_name, t.table_comment, t.table_rows, ${kindColumns}
FROM information_schema.tables t WHERE ${inDatabase("t")} AND ${queryable}`;

function describeRelation([schema, table, comment, rows, ...kindCells]: Row) {
  const kind = kindOf(kindCells);
  return {
    name: formatName(text(schema), text(table)),
    namespace: text(schema),
    localName: text(table),
    kind,
    // A view has none: the server says there that it is one, or what is wrong with it.
    comment: kind === "view" ? "" : text(comment),
    estimatedRows: rows == null ? undefined : Number(rows),
    partitionOf: "",
  };
}

const columnsOfDatabase = inDatabase("c");

async function readFields(run: Run, { database, server }: Catalogue): Promise<Map<string, ResourceField[]>> {
  const columns = await readColumns(run, columnsOfDatabase, [database, database]);
  const json = server.isMariaDb ? await readCheckedAsJson(run, "TRUE", [database]) : undefined;
  const described = columns.map((column) => {
    const isJson = json?.has(column) ?? false;
    return { table: column.table, field: describeField(column, isJson, server.isMariaDb) };
  });
  const byTable = Map.groupBy(described, ({ table }) => table);
  return new Map([...byTable].map(([table, found]) => [table, found.map(({ field }) => field)]));
}

function describeField(column: TableColumn, isJson: boolean, isMariaDb: boolean): ResourceField {
  const { type, nativeType, enumLabels } = valueTypeOf({ ...column, isJson, isMariaDb });
  const members = column.dataType === "set" ? labelsIn(column.columnType) : undefined;
  return {
    name: column.name,
    type,
    nativeType,
    nullable: column.nullable,
    defaultExpression: defaultOf(column, isMariaDb),
    generated: isGenerated(column),
    comment: column.comment,
    enumLabels: enumLabels ?? members ?? [],
  };
}

const indexesWith = (expression: string, ignored: string) => `SELECT s.table_name, s.index_name, s.non_unique,
  s.index_type, s.column_name, s.sub_part, s.collation, ${expression}, ${ignored}
FROM information_schema.statistics s WHERE ${inDatabase("s")}
ORDER BY s.table_name, s.index_name, s.seq_in_index`;

/** MySQL has keys of expressions, and what one calls invisible is ignored at the other. */
const indexQuery = {
  mysql: indexesWith("s.expression", "s.is_visible = 'NO'"),
  mariaDb: indexesWith("NULL", "s.ignored = 'YES'"),
} as const;

function describeIndexes(rows: readonly Row[]): Pick<Resource, "primaryKey" | "uniqueKeys" | "indexes"> {
  const found = [...Map.groupBy(rows, ([, index]) => text(index))].map(([name, parts]) => ({ name, parts }));
  const unique = found.filter(({ parts }) => parts.every(([, , nonUnique, , column]) => nonUnique === "0" && column));
  const fieldsOf = (parts: readonly Row[]) => parts.map(([, , , , column]) => text(column));
  return {
    primaryKey: fieldsOf(found.find(({ name }) => name === "PRIMARY")?.parts ?? []),
    uniqueKeys: unique
      .filter(({ name }) => name !== "PRIMARY")
      .map(({ name, parts }) => ({ name, fields: fieldsOf(parts) })),
    indexes: found.map(({ name, parts }) => describeIndex(name, parts)),
  };
}

function describeIndex(name: string, parts: readonly Row[]): Index {
  const [, , nonUnique, method, , , , , ignored] = parts[0] ?? [];
  return {
    name,
    keys: parts.map(keyOf),
    unique: nonUnique === "0",
    method: text(method).toLowerCase(),
    predicate: "",
    ignored: ignored === "1",
  };
}

/** Other methods than a tree have lengths that are not a text's, and no direction. */
function keyOf([, , , method, column, length, direction, expression]: Row): string {
  const key = column ?? text(expression).replaceAll("\\'", "'");
  if (method !== "BTREE" && method !== "HASH") return key;
  return `${key}${length == null ? "" : `(${length})`}${direction === "D" ? " DESC" : ""}`;
}

const referenceQuery = `SELECT k.table_name, k.constraint_name, k.column_name,
  k.referenced_table_schema, k.referenced_table_name, k.referenced_column_name
FROM information_schema.key_column_usage k WHERE ${inDatabase("k")} AND k.referenced_table_name IS NOT NULL
ORDER BY k.table_name, k.constraint_name, k.ordinal_position`;

function describeReferences(rows: readonly Row[]): ForeignKey[] {
  return [...Map.groupBy(rows, ([, name]) => text(name))].map(([name, parts]) => ({
    name,
    fields: parts.map(([, , column]) => text(column)),
    references: formatName(text(parts[0]?.[3]), text(parts[0]?.[4])),
    referencedFields: parts.map((part) => text(part[5])),
  }));
}

const text = (cell: string | null | undefined) => cell ?? "";
const tableOf = ([table]: Row) => text(table);
