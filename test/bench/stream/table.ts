/** The table in PostgreSQL. */
import pg from "pg";
import { type ColumnSums, type columnNames, nullText, tableName } from "./shape.ts";

/** How a column's values are told apart when they are checked. */
export interface TableColumn {
  readonly name: (typeof columnNames)[number];
  readonly type: string;
  /** Its value in row `i`. */
  readonly expression: string;
  /** Its text as a Date or a parsed document gives it, where a case reads it so. */
  readonly converted?: string;
}

const isoDate = (value: string) => `to_char(${value}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

export const columns: readonly TableColumn[] = [
  { name: "id", type: "int4", expression: "i" },
  { name: "serial", type: "int8", expression: "(i % 2 * 2 - 1) * i::int8 * 7919000003" },
  { name: "price", type: "numeric(12,2)", expression: "(i::int8 * 7919 % 1000000007) / 100.0" },
  { name: "ratio", type: "float8", expression: "i * 0.6180339887498949::float8" },
  { name: "active", type: "bool", expression: "i % 3 = 0" },
  { name: "code", type: "text", expression: "'c' || i % 1000" },
  {
    name: "note",
    type: "text",
    expression: `CASE WHEN i % 17 = 0 THEN NULL WHEN i % 100 = 0 THEN 'Züri, 東京 ' || i
      ELSE 'a note of some length about the measurement no. ' || i END`,
  },
  { name: "status", type: "varchar(12)", expression: "(ARRAY['active', 'pending', 'closed', 'failed'])[1 + i % 4]" },
  {
    name: "created",
    type: "timestamptz",
    expression: "timestamptz '2020-01-01 00:00:00+00' + i * interval '1.234567 seconds'",
    converted: isoDate("date_trunc('milliseconds', created AT TIME ZONE 'UTC')"),
  },
  { name: "day", type: "date", expression: "date '2000-01-01' + i % 9000", converted: isoDate("day::timestamp") },
  { name: "uid", type: "uuid", expression: "md5(i::text)::uuid" },
  {
    name: "doc",
    type: "jsonb",
    expression: "jsonb_build_object('n', i, 'tags', jsonb_build_array('a', i % 7), 'ok', i % 2 = 0)",
    converted: "replace(replace(doc::text, ': ', ':'), ', ', ',')",
  },
];

/** Makes the table and settles it: what is measured afterwards is reading. */
export async function makeTable(url: string, rows: number): Promise<void> {
  await withClient(url, async (client) => {
    const database = (await client.query<{ name: string }>("SELECT current_database() AS name")).rows[0]?.name ?? "";
    // Scans that begin in the middle of a table would give its rows in another order each time.
    await client.query(`ALTER DATABASE ${pg.escapeIdentifier(database)} SET synchronize_seqscans = off`);
    const definitions = columns.map(({ name, type }) => `${name} ${type}`).join(", ");
    await client.query(`CREATE TABLE ${tableName} (${definitions})`);
    const expressions = columns.map(({ expression }) => expression).join(", ");
    await client.query(`INSERT INTO ${tableName} SELECT ${expressions} FROM generate_series(1, ${rows}) AS i`);
    await client.query(`ALTER TABLE ${tableName} ADD PRIMARY KEY (id)`);
    await client.query(`VACUUM (FREEZE, ANALYZE) ${tableName}`);
    await client.query("CHECKPOINT");
  });
}

/** What SQL itself makes of the columns. */
export async function expectedSums(url: string): Promise<ColumnSums[]> {
  return withClient(url, async (client) => {
    await client.query("SET TimeZone = 'UTC'; SET max_parallel_workers_per_gather = 0");
    const sums: ColumnSums[] = [];
    for (const { name, type, converted } of columns) {
      const plain = type === "bool" ? `CASE WHEN ${name} THEN 't' ELSE 'f' END` : `${name}::text`;
      const { rows } = await client.query<ColumnSums>(
        `SELECT ${sumOf(plain)} AS plain, ${sumOf(converted ?? plain)} AS converted FROM ${tableName}`,
      );
      sums.push(rows[0] as ColumnSums);
    }
    return sums;
  });
}

/** In the order of a scan, which is not the order of insertion: pages with room are filled in between. */
const sumOf = (text: string) => `md5(string_agg(coalesce(${text}, '${nullText}'), E'\\n' ORDER BY ctid) || E'\\n')`;

async function withClient<Result>(url: string, use: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
