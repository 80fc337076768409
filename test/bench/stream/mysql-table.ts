/** The table in MariaDB, or MySQL. */
import mysql from "mysql2/promise";
import { type ColumnSums, type columnNames, nullText, tableName } from "./shape.ts";

interface TableColumn {
  readonly name: (typeof columnNames)[number];
  readonly type: string;
  /** Its value in row `i`. */
  readonly expression: string;
  /** Its canonical text. Default: what CAST makes of it. */
  readonly text?: string;
  /** Its text as a Date or a parsed document gives it, where a case reads it so. */
  readonly converted?: string;
}

const isoDate = (value: string) => `CONCAT(LEFT(DATE_FORMAT(${value}, '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z')`;

const columns: readonly TableColumn[] = [
  { name: "id", type: "int PRIMARY KEY", expression: "i" },
  // Numbers that a double holds, too, as the driver reads them.
  { name: "serial", type: "bigint", expression: "(i % 2 * 2 - 1) * i * 791900003" },
  { name: "price", type: "decimal(12,2)", expression: "(i * 7919 % 1000000007) / 100.0" },
  // Fourteen digits: of more than fifteen the driver gets the last one wrong.
  { name: "ratio", type: "double", expression: "ROUND(i * 0.6180339887498949e0, 8)" },
  { name: "active", type: "tinyint(1)", expression: "i % 3 = 0" },
  { name: "code", type: "varchar(20)", expression: "CONCAT('c', i % 1000)" },
  {
    name: "note",
    type: "text",
    expression: `CASE WHEN i % 17 = 0 THEN NULL WHEN i % 100 = 0 THEN CONCAT('Züri, 東京 ', i)
      ELSE CONCAT('a note of some length about the measurement no. ', i) END`,
  },
  { name: "status", type: "varchar(12)", expression: "ELT(1 + i % 4, 'active', 'pending', 'closed', 'failed')" },
  {
    name: "created",
    type: "timestamp(6) NULL",
    expression: "timestamp'2020-01-01 00:00:00' + INTERVAL i * 1.234567 SECOND",
    text: "CONCAT(TRIM(TRAILING '.' FROM TRIM(TRAILING '0' FROM created)), '+00')",
    converted: isoDate("created"),
  },
  { name: "day", type: "date", expression: "date'2000-01-01' + INTERVAL i % 9000 DAY", converted: isoDate("day") },
  { name: "uid", type: "char(36)", expression: "INSERT(INSERT(MD5(i), 9, 0, '-'), 14, 0, '-')" },
  {
    name: "doc",
    type: "json",
    expression: "JSON_OBJECT('n', i, 'tags', JSON_ARRAY('a', i % 7), 'ok', i % 2 = 0)",
    converted: "REPLACE(REPLACE(doc, ': ', ':'), ', ', ',')",
  },
];

/** Makes the table and settles it: what is measured afterwards is reading. */
export async function makeMysqlTable(url: string, rows: number): Promise<void> {
  await withConnection(url, async (connection) => {
    const definitions = columns.map(({ name, type }) => `${name} ${type}`).join(", ");
    await connection.query(`CREATE TABLE ${tableName} (${definitions}) CHARACTER SET utf8mb4`);
    const expressions = columns.map(({ expression }) => expression).join(", ");
    await connection.query(
      `INSERT INTO ${tableName} WITH RECURSIVE numbers AS
        (SELECT CAST(1 AS SIGNED) AS i UNION ALL SELECT i + 1 FROM numbers WHERE i < ${rows})
        SELECT ${expressions} FROM numbers`,
    );
    await connection.query(`ANALYZE TABLE ${tableName}`);
  });
}

/** What SQL itself makes of the columns, in the order of the key, which is that of a scan. */
export async function expectedMysqlSums(url: string): Promise<ColumnSums[]> {
  return withConnection(url, async (connection) => {
    const sums: ColumnSums[] = [];
    for (const { name, text = `CAST(${name} AS CHAR)`, converted = text } of columns) {
      const [rows] = await connection.query<mysql.RowDataPacket[]>(
        `SELECT ${sumOf(text)} AS plain, ${sumOf(converted)} AS converted FROM ${tableName}`,
      );
      sums.push(rows[0] as unknown as ColumnSums);
    }
    return sums;
  });
}

const sumOf = (text: string) =>
  `MD5(CONCAT(GROUP_CONCAT(COALESCE(${text}, '${nullText}') ORDER BY id SEPARATOR '\\n'), '\\n'))`;

async function withConnection<Result>(url: string, use: (connection: mysql.Connection) => Promise<Result>) {
  const connection = await mysql.createConnection(url);
  try {
    await connection.query(`SET time_zone = '+00:00', group_concat_max_len = ${2 ** 30}, sql_mode = ''`);
    await connection.query("SET max_recursive_iterations = 4294967295");
    return await use(connection);
  } finally {
    await connection.end();
  }
}
