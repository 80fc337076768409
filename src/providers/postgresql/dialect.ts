/** PostgreSQL's SQL. Functions are named with their schema: the search path is the user's. */
import { type Dialect, dialectWith, type ValueType } from "../sql/dialect.ts";

export const postgresqlDialect: Dialect = dialectWith({
  quote: quoteIdentifier,
  placeholder: (position) => `$${position}`,
  typed: (expression, { castType }) => `${expression}::${castType}`,
  compare: ({ column, type, value }, symbol, bind) =>
    `${column} ${operator(symbol, type)} ${bind(value)}::${type.castType}`,
  compareRow(row, symbol, bind) {
    // A row comparison has one operator for all columns.
    if (row.some(({ type }) => type.operatorSchema !== undefined)) return undefined;
    const columns = row.map(({ column }) => column).join(", ");
    return `(${columns}) ${symbol} (${row.map(({ type, value }) => `${bind(value)}::${type.castType}`).join(", ")})`;
  },
  oneOf: (column, type, values, bind) =>
    // An array of arrays has no other elements than theirs.
    type.type === "array"
      ? `${column} IN (${values.map((value) => `${bind(value)}::${type.castType}`).join(", ")})`
      : `${column} ${operator("=", type)} ANY(${bind(arrayLiteral(values))}::${type.castType}[])`,
  // As `text`, since citext would ignore case.
  contains: (column, _type, value, bind) =>
    `pg_catalog.strpos(${column}::pg_catalog.text, ${bind(value)}::pg_catalog.text) > 0`,
  startsWith: (column, _type, value, bind) =>
    `pg_catalog.starts_with(${column}::pg_catalog.text, ${bind(value)}::pg_catalog.text)`,
  // Unlike `= ANY`, an index can serve it, and elements that are null don't make it null.
  hasElement: (column, { castType }, value, bind) => `${column} @> ARRAY[${bind(value)}::${castType}]`,
  // `IS NULL` is also true of a composite whose fields are all null.
  isNull: (column, { type }) => (type === "struct" ? `${column} IS NOT DISTINCT FROM NULL` : `${column} IS NULL`),
  orderKey: (column, descending, nullable) =>
    // An ascending order has its nulls last anyway, and where there are none the
    // words would only keep an index from serving it.
    descending ? `${column} DESC${nullable ? " NULLS LAST" : ""}` : column,
});

/**
 * An extension's operators are named with their schema: outside the search path they
 * would give way to those of a type that it converts to, citext's to text's.
 */
function operator(symbol: string, { operatorSchema }: ValueType): string {
  return operatorSchema === undefined ? symbol : `OPERATOR(${quoteIdentifier(operatorSchema)}.${symbol})`;
}

export function quoteIdentifier(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** An array of one dimension in PostgreSQL's text form. */
export function arrayLiteral(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replace(/["\\]/g, "\\$&")}"`).join(",")}}`;
}
