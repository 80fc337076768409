import pg from "pg";
import { newLogin } from "../service/customer.ts";
import { rowsOf } from "../service/source.ts";
import { freshDatabase } from "../support/postgres.ts";
import { connectorTo } from "../support/service.ts";
import { providerConformance } from "./conformance.ts";
import { type Fixture, hostAndPort, type OpenedSource, type Target } from "./fixture.ts";
import { sqlTables, standardLiteral } from "./sql.ts";

const types = {
  ...{ bool: "boolean", int32: "int4", int64: "int8", uint64: "xid8", float: "float4", double: "float8" },
  ...{ decimal: "numeric(30,10)", string: "text", bytes: "bytea", date: "date", time: "time" },
  ...{ timestamp: "timestamp", timestamp_tz: "timestamptz", interval: "interval", uuid: "uuid", json: "json" },
  ...{ array: "int4[]", enum: "mood" },
} satisfies Fixture["types"];

/** Each value as a cell of its type, which the table gives back. */
const extremes: Fixture["extremes"] = {
  float: ["NaN", "Infinity", "-Infinity", "-0", "1e-45"],
  double: ["NaN", "Infinity", "-Infinity", "-0", "5e-324"],
  decimal: ["NaN"],
  date: ["4714-11-24 BC", "0044-03-15 BC", "5874897-12-31", "infinity", "-infinity"],
  time: ["24:00:00"],
  timestamp: ["4714-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999", "infinity"],
  timestamp_tz: ["4714-11-24 00:00:00+00 BC", "294276-12-31 23:59:59.999999+00", "-infinity"],
  interval: ["P178956970Y7M2147483647DT2562047788H54.775806S", "infinity"],
  json: ['{"a" :  1,\n "a":2 , "big": 12345678901234567890.10}', "[1e400]"],
  array: ["{{1,2},{3,4}}", "[0:1]={5,6}"],
};

const running = `SELECT query FROM pg_stat_activity
  WHERE application_name = 'connector-service' AND datname = current_database() AND state <> 'idle'`;

/** A view that writes when it is read: no statement that reads it shows that. */
const writingView = `CREATE FUNCTION conformance_write() RETURNS int VOLATILE LANGUAGE plpgsql
    AS 'BEGIN DELETE FROM conformance_kept; RETURN 1; END';
  CREATE VIEW conformance_writing AS SELECT conformance_write() AS id`;

async function open(): Promise<OpenedSource> {
  const database = await freshDatabase();
  const login = await newLogin(database.url, "a good 'password'");
  const own = new pg.Client({ connectionString: database.url, application_name: "the suite" });
  await own.connect();
  const run = (statement: string) => rowsOf(own, statement);
  await run(`CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy'); GRANT ALL ON SCHEMA public TO ${login.user};
    ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO ${login.user}; ${writingView}`);
  const { config, credential } = connectorTo(login.url);
  const literal = (cell: string) => standardLiteral(cell);
  return {
    target: { config, credential },
    ...sqlTables({ types, quote: pg.escapeIdentifier, literal, run }),
    forbid: async ({ name }) => void (await run(`REVOKE ALL ON ${name} FROM ${login.user}`)),
    running: async () => (await run(running)).map(([text]) => text ?? ""),
    async close() {
      await own.end();
      await database.drop();
      await login.drop();
    },
  };
}

const with_ = (target: Target, config: object) => ({ ...target, config: { ...target.config, ...config } });

providerConformance("postgresql", {
  types,
  extremes,
  network: hostAndPort,
  mistakes: {
    credential: (target) => ({ ...target, credential: { password: "not the password" } }),
    database: (target) => with_(target, { database: "nowhere" }),
    tls: (target) => with_(target, { tls: "verify_full" }),
  },
  native: {
    tenRows: "SELECT n, 'row ' || n AS text FROM generate_series(1, 10) AS n ORDER BY n",
    parameter: (type) =>
      types[type as keyof typeof types] ? `SELECT $1::${types[type as keyof typeof types]} AS value` : undefined,
    slow: "SELECT pg_sleep(60)",
    failing: "SELECT i, 1 / (15000 - i) AS x FROM generate_series(1, 20000) AS i",
    syntaxError: "SELEC 1",
    stacked: ["SELECT 1; SELECT 2", "SELECT 1; DELETE FROM conformance_kept", "COMMIT; DELETE FROM conformance_kept"],
    writes: [
      "INSERT INTO conformance_kept VALUES (100, 'new', NULL)",
      "UPDATE conformance_kept SET text = 'changed'",
      "DELETE FROM conformance_kept RETURNING id",
      "WITH gone AS (DELETE FROM conformance_kept RETURNING id) SELECT * FROM gone",
      "TRUNCATE conformance_kept",
      "CREATE TABLE conformance_new (id int)",
      "DROP TABLE conformance_kept",
      "SELECT * INTO conformance_new FROM conformance_kept",
      "SET TRANSACTION READ WRITE",
      "SELECT id FROM conformance_kept FOR UPDATE",
      "SELECT * FROM conformance_writing",
    ],
  },
  open,
});
