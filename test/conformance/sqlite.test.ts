import { mkdirSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { FieldType } from "../../src/rows/field.ts";
import { providerConformance } from "./conformance.ts";
import type { Fixture, OpenedSource } from "./fixture.ts";
import { sqlTables, standardLiteral } from "./sql.ts";

const types = {
  ...{ bool: "BOOLEAN", int64: "INTEGER", double: "REAL", string: "TEXT", bytes: "BLOB" },
} satisfies Fixture["types"];

// Made at once, since the service is told of it before there is a source.
const directory = mkdtempSync(path.join(os.tmpdir(), "connector-service-files-"));
const file = "sales/2026.db";

function literal(cell: string, type: FieldType): string {
  if (type === "bytes") return `x'${cell.slice(2)}'`;
  if (type === "bool") return cell === "t" ? "1" : "0";
  return type === "string" ? standardLiteral(cell) : cell;
}

async function open(): Promise<OpenedSource> {
  const own = path.join(directory, "acme", file);
  mkdirSync(path.dirname(own), { recursive: true });
  const database = new DatabaseSync(own, { timeout: 60_000 });
  // The reader of a stream keeps no writer waiting, nor the other way round.
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
  const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
  return {
    target: { config: { file }, credential: {} },
    ...sqlTables({ types, quote, literal, run: async (statement) => database.exec(statement) }),
    async close() {
      database.close();
      await rm(directory, { recursive: true });
    },
  };
}

providerConformance("sqlite", {
  ...{ types, open, environment: { FILES_DIRECTORY: directory } },
  mistakes: { database: ({ credential }) => ({ config: { file: "sales/2027.db" }, credential }) },
  native: {
    tenRows: `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10)
      SELECT n, 'row ' || n AS text FROM numbers ORDER BY n`,
    parameter: (type) => (type === "bool" ? undefined : "SELECT ? AS value"),
    slow: `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000000000)
      SELECT count(*) FROM numbers`,
    failing: `SELECT number, abs(iif(number > 9000, -9223372036854775807 - 1, 1)) AS x FROM conformance_many`,
    syntaxError: "SELEC 1",
    stacked: ["SELECT 1; SELECT 2", "SELECT 1; DELETE FROM conformance_kept", "COMMIT; DELETE FROM conformance_kept"],
    writes: [
      "INSERT INTO conformance_kept VALUES (100, 'new', NULL)",
      "REPLACE INTO conformance_kept VALUES (1, 'new', NULL)",
      "UPDATE conformance_kept SET text = 'changed' RETURNING id",
      "DELETE FROM conformance_kept",
      "WITH one AS (SELECT 1 AS id) DELETE FROM conformance_kept WHERE id IN (SELECT id FROM one)",
      "CREATE TABLE conformance_new (id int)",
      "CREATE TEMP TABLE conformance_new (id int)",
      "DROP TABLE conformance_kept",
      "ALTER TABLE conformance_kept ADD COLUMN more int",
      "ATTACH '/tmp/conformance.db' AS conformance_new",
      "VACUUM INTO '/tmp/conformance.db'",
      "PRAGMA query_only = OFF",
      "PRAGMA writable_schema = ON",
      "PRAGMA journal_mode = DELETE",
      "BEGIN EXCLUSIVE",
      "EXPLAIN DELETE FROM conformance_kept",
      "SELECT load_extension('/tmp/conformance')",
      "SELECT file FROM pragma_database_list",
    ],
  },
});
