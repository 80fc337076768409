/** Defaults of columns in one form: as an expression of SQL, which MariaDB tells and MySQL does not. */
import type { TableColumn } from "./catalogue-columns.ts";

/** Empty when there is none; of a generated column, what it is computed by. */
export function defaultOf(column: TableColumn, isMariaDb: boolean): string {
  const { generation, defaultText } = column;
  if (isMariaDb)
    return generation !== "" ? generation : defaultText === null || defaultText === "NULL" ? "" : defaultText;
  if (generation !== "") return unescaped(generation);
  return defaultText === null ? "" : mysqlDefault(defaultText, column);
}

/** Whether the source computes the column. One that counts up by itself takes other values, too. */
export function isGenerated({ extra }: TableColumn): boolean {
  return /\b(?:VIRTUAL|STORED) GENERATED\b/.test(extra);
}

const now = /^CURRENT_TIMESTAMP(?:\((\d)\))?$/i;
const written = /^(?:b'[01]*'|0x[\da-f]+)$/i;
const numbers = /^(?:tinyint|smallint|mediumint|int|bigint|decimal|float|double|year)$/;

/** MySQL tells a literal's value, and marks what is an expression. */
function mysqlDefault(text: string, { dataType, extra }: TableColumn): string {
  const instant = now.exec(text);
  if (instant !== null && /^(?:timestamp|datetime)$/.test(dataType)) return `current_timestamp(${instant[1] ?? ""})`;
  if (/\bDEFAULT_GENERATED\b/.test(extra)) return unescaped(text);
  if (numbers.test(dataType)) return text;
  if (written.test(text) && /^(?:bit|binary|varbinary)$/.test(dataType)) return text;
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

/** MySQL escapes an expression's quotes once more, and names the character set that a literal has anyway. */
function unescaped(expression: string): string {
  return expression.replace(/\\(['\\])/g, "$1").replace(/_utf8mb4(?=')/g, "");
}
