import type { FieldType } from "../../src/rows/field.ts";
import { freshMysqlDatabase, newMysqlLogin } from "../support/mariadb.ts";
import { mysqlClient } from "../support/mysql-client.ts";
import { isMariadb, processlist } from "../support/mysql-server.ts";
import { connectorTo } from "../support/service.ts";
import { providerConformance } from "./conformance.ts";
import { type Fixture, hostAndPort, type OpenedSource, type Target } from "./fixture.ts";
import { sqlTables, standardLiteral } from "./sql.ts";

/** In the collation of bytes, so that texts are equal when they are the same. */
const types = {
  ...{ int32: "int", int64: "bigint", uint64: "bigint unsigned", float: "float", double: "double" },
  ...{ decimal: "decimal(30,10)", string: "text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", bytes: "blob" },
  ...{ date: "date", time: "time(6)", timestamp: "datetime(6)", timestamp_tz: "timestamp(6) NULL", json: "json" },
  enum: "enum('sad','ok','happy')",
  // MySQL has no such type.
  ...(isMariadb ? { uuid: "uuid" } : {}),
} satisfies Fixture["types"];

const extremes: Fixture["extremes"] = {
  date: ["0000-00-00"],
  time: ["-838:59:59", "838:59:59", "24:00:00.5", "-00:00:00.000001"],
  timestamp: ["0000-00-00 00:00:00"],
};

function literal(cell: string, type: FieldType): string {
  if (type === "bytes") return `x'${cell.slice(2)}'`;
  // Its text is the shortest that gives the same number again, which may be beyond the greatest there is.
  if (type === "float") return `'${Math.fround(Number(cell))}'`;
  return standardLiteral(type === "timestamp_tz" ? cell.replace(/\+00$/, "") : cell.replaceAll("\\", "\\\\"));
}

/** A view that writes when it is read: no statement that reads it shows that. */
const writingView = `CREATE FUNCTION conformance_write() RETURNS int NOT DETERMINISTIC MODIFIES SQL DATA
    BEGIN DELETE FROM conformance_kept; RETURN 1; END;
  CREATE VIEW conformance_writing AS SELECT conformance_write() AS id`;

const quote = (name: string) => `\`${name.replaceAll("`", "``")}\``;

async function open(): Promise<OpenedSource> {
  const database = await freshMysqlDatabase();
  const name = new URL(database.url).pathname.slice(1);
  const login = await newMysqlLogin(database.url, "a good 'password'", [`CREATE, DROP, ALTER ON ${name}.*`]);
  const own = await mysqlClient(database.url);
  await own.run("SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'");
  await own.run(`${writingView}; GRANT SELECT ON ${name}.conformance_writing TO '${login.user}'@'%'`);
  const { config, credential } = connectorTo(login.url);
  const tables = sqlTables({ types, quote, literal, run: own.run });
  const onTable = (table: string) => `${name}.${quote(table)}`;
  return {
    ...{ target: { config, credential }, ...tables },
    async create(made) {
      await tables.create(made);
      for (const table of made) {
        await own.run(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${onTable(table.name)} TO '${login.user}'@'%'`);
      }
    },
    forbid: async (table) => void (await own.run(`REVOKE ALL ON ${onTable(table.name)} FROM '${login.user}'@'%'`)),
    async running() {
      const rows = await own.run(`SELECT INFO FROM ${processlist}
        WHERE USER = '${login.user}' AND COMMAND NOT IN ('Sleep', 'Connect')`);
      return rows.map(([text]) => text ?? "");
    },
    async close() {
      await own.close();
      await login.drop();
      await database.drop();
    },
  };
}

const configured = (target: Target, config: object) => ({ ...target, config: { ...target.config, ...config } });

const parameters: Partial<Record<FieldType, string>> = {
  ...{ int32: "CAST(? AS SIGNED)", int64: "CAST(? AS SIGNED)", uint64: "CAST(? AS UNSIGNED)", double: "? + 0e0" },
  ...{
    decimal: "CAST(? AS DECIMAL(30,10))",
    string: "?",
    date: "CAST(? AS DATE)",
    timestamp: "CAST(? AS DATETIME(6))",
  },
};

providerConformance("mysql", {
  ...{ types, extremes, network: hostAndPort, open },
  mistakes: {
    credential: (target) => ({ ...target, credential: { password: "not the password" } }),
    database: (target) => configured(target, { database: "nowhere" }),
    tls: (target) => configured(target, { tls: "verify_full" }),
  },
  native: {
    tenRows: `WITH RECURSIVE numbers AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM numbers WHERE n < 10)
      SELECT n, CONCAT('row ', n) AS text FROM numbers ORDER BY n`,
    parameter: (type) => (parameters[type] === undefined ? undefined : `SELECT ${parameters[type]} AS value`),
    // Compares each three of ten thousand rows.
    slow: `SELECT COUNT(*) FROM conformance_many a, conformance_many b, conformance_many c
      WHERE a.text < b.text AND b.text < c.text`,
    failing: `SELECT number, (SELECT id FROM conformance_kept WHERE id <= 1 + (number > 9000)) AS x
      FROM conformance_many ORDER BY number`,
    syntaxError: "SELEC 1",
    stacked: ["SELECT 1; SELECT 2", "SELECT 1; DELETE FROM conformance_kept", "COMMIT; DELETE FROM conformance_kept"],
    writes: [
      "INSERT INTO conformance_kept VALUES (100, 'new', NULL)",
      "REPLACE INTO conformance_kept VALUES (1, 'new', NULL)",
      "UPDATE conformance_kept SET text = 'changed'",
      "DELETE FROM conformance_kept",
      "WITH one AS (SELECT 1 AS id) DELETE FROM conformance_kept WHERE id IN (SELECT id FROM one)",
      "TRUNCATE TABLE conformance_kept",
      "CREATE TABLE conformance_new (id int)",
      "DROP TABLE conformance_kept",
      "ALTER TABLE conformance_kept ADD COLUMN more int",
      "SELECT * FROM conformance_kept INTO OUTFILE '/tmp/conformance'",
      "SELECT id FROM conformance_kept FOR UPDATE",
      "SET SESSION TRANSACTION READ WRITE",
      "/*! DELETE FROM conformance_kept */",
      "SELECT * FROM conformance_writing",
    ],
  },
});
