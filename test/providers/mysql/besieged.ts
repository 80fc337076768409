/**
 * A database with a user who may do everything, so that nothing but the service
 * stands between an input and the server; and what shows whether anything came through.
 */
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { enterableDirectory } from "../../support/directory.ts";
import { freshMysqlDatabase, newMysqlLogin } from "../../support/mariadb.ts";
import { mysqlClient } from "../../support/mysql-client.ts";
import { isMariadb, processlist } from "../../support/mysql-server.ts";
import type { SourceClient } from "../../support/source-kind.ts";
import type { Besieged } from "../sql/siege.ts";
import { dangerousStatements } from "./hostile-inputs.ts";

/** Stands in a file that only the server's own functions reach. */
export const canary = "canary-5e1f0c";

/** Where the server tells of a session's variables, those of its users, and which differ without meaning anything. */
const telling = isMariadb
  ? {
      ...{ session: "information_schema.SESSION_VARIABLES", all: "information_schema.GLOBAL_VARIABLES" },
      users: "information_schema.USER_VARIABLES",
      limit: "MAX_STATEMENT_TIME",
    }
  : {
      ...{ session: "performance_schema.session_variables", all: "performance_schema.global_variables" },
      users: "performance_schema.user_variables_by_thread WHERE THREAD_ID = PS_CURRENT_THREAD_ID()",
      limit: "MAX_EXECUTION_TIME",
    };

const setUp = `
  CREATE TABLE city (id int PRIMARY KEY, name varchar(100) NOT NULL);
  INSERT INTO city VALUES (1, 'Bern'), (2, 'Chur'), (3, 'Ulm');
  CREATE TABLE journal (note varchar(100));
  ${isMariadb ? "CREATE SEQUENCE counter;" : ""}
  CREATE VIEW cities AS SELECT * FROM city;
  CREATE FUNCTION writes() RETURNS int NO SQL BEGIN INSERT INTO journal VALUES ('w'); RETURN 1; END;
  CREATE VIEW writing AS SELECT writes() AS w;
  CREATE PROCEDURE hostile() DELETE FROM city;
  CREATE FUNCTION pause() RETURNS int NO SQL RETURN SLEEP(0.05);
  CREATE FUNCTION residue() RETURNS text READS SQL DATA RETURN CONCAT_WS(' ',
    (SELECT GROUP_CONCAT(s.VARIABLE_NAME, '=', s.VARIABLE_VALUE ORDER BY 1 SEPARATOR ' ')
      FROM ${telling.session} s JOIN ${telling.all} g USING (VARIABLE_NAME)
      WHERE s.VARIABLE_VALUE <> g.VARIABLE_VALUE
      AND VARIABLE_NAME NOT IN ('${telling.limit}', 'NET_WRITE_TIMEOUT', 'SQL_SELECT_LIMIT', 'PSEUDO_THREAD_ID')),
    (SELECT GROUP_CONCAT('@', VARIABLE_NAME SEPARATOR ' ') FROM ${telling.users}),
    IF(IS_USED_LOCK('hostile') = CONNECTION_ID(), 'locks', NULL),
    LAST_INSERT_ID(), DATABASE(), CURRENT_USER(), CURRENT_ROLE());`;

export async function besieged(): Promise<Besieged & { readonly directory: string }> {
  const database = await freshMysqlDatabase();
  const name = new URL(database.url).pathname.slice(1);
  const directory = await enterableDirectory();
  const open = path.join(directory, "open");
  await mkdir(open, { mode: 0o777 });
  await writeFile(path.join(open, "secret"), canary, { mode: 0o644 });
  const own = await mysqlClient(database.url);
  await own.run(setUp);
  const login = await newMysqlLogin(database.url, "x", ["ALL ON *.*"]);
  const [[data = ""] = []] = await own.run("SELECT @@datadir");
  return {
    url: login.url,
    directory: open,
    seeds: dangerousStatements(open),
    functions: [`${name}.residue`, `${name}.pause`],
    notifications: [],
    async state() {
      const files = [(await readdir(open)).sort(), (await readdir(path.join(data ?? "", name))).sort()];
      return [await stateOf(own, name), files];
    },
    leftovers: () => leftoversOf(own, login.user),
    async running() {
      const busy = `SELECT count(*) FROM ${processlist} WHERE user = '${login.user}' AND command <> 'Sleep'`;
      return Number((await own.run(busy))[0]?.[0]);
    },
    async stop() {
      await own.close();
      await login.drop();
      await database.drop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What a statement could change here, or anywhere under a name of the inputs'. */
async function stateOf(own: SourceClient, database: string): Promise<unknown> {
  const of = (column: string) => `WHERE ${column} = '${database}' ORDER BY 1, 2`;
  const queries = [
    "CHECKSUM TABLE city, journal",
    "SELECT * FROM city ORDER BY id",
    ...(isMariadb ? ["SELECT next_not_cached_value FROM counter"] : []),
    `SELECT table_name, create_time, table_type, table_comment FROM information_schema.tables ${of("table_schema")}`,
    `SELECT table_name, column_name, column_type FROM information_schema.columns ${of("table_schema")}`,
    `SELECT index_name, column_name FROM information_schema.statistics ${of("table_schema")}`,
    `SELECT routine_name, routine_type, last_altered FROM information_schema.routines ${of("routine_schema")}`,
    `SELECT trigger_name, event_manipulation FROM information_schema.triggers ${of("trigger_schema")}`,
    `SELECT event_name, status FROM information_schema.events ${of("event_schema")}`,
    `SELECT schema_name${isMariadb ? ", schema_comment" : ""} FROM information_schema.schemata
      WHERE schema_name LIKE 'hostile%' OR schema_name = '${database}'`,
    `SELECT User, Host FROM mysql.${isMariadb ? "global_priv" : "user"} WHERE User LIKE 'hostile%' OR User = 'root' ORDER BY 1, 2`,
    "SELECT Server_name FROM mysql.servers WHERE Server_name LIKE 'hostile%'",
    `SELECT @@global.general_log, @@global.general_log_file, @@global.sql_mode, @@global.${telling.limit}`,
  ];
  const answers: unknown[] = [];
  for (const query of queries) answers.push(await own.run(query));
  return answers;
}

async function leftoversOf(own: SourceClient, user: string): Promise<string[]> {
  const found: string[] = [];
  const [[holder] = []] = await own.run("SELECT IS_USED_LOCK('hostile')");
  if (holder !== null) found.push("a lock by name");
  const [[changing] = []] = await own.run(`SELECT count(*) FROM information_schema.innodb_trx t
    JOIN ${processlist} p ON p.id = t.trx_mysql_thread_id
    WHERE p.user = '${user}' AND (t.trx_rows_locked > 0 OR t.trx_rows_modified > 0)`);
  if (changing !== "0") found.push("a transaction that locks");
  await own
    .run("SET SESSION lock_wait_timeout = 10; LOCK TABLES city WRITE, journal WRITE; UNLOCK TABLES")
    .catch(() => found.push("a lock of a table"));
  const [[prepared] = []] = await own.run("XA RECOVER");
  if (prepared !== undefined) found.push("a prepared transaction");
  return found;
}
