/**
 * Hostile inputs without end: what others collected, statements and functions that are
 * known to be dangerous, and both of them changed and put where an application might put
 * what a stranger typed. The same seed gives the same inputs.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Strings for SQL injection, one a line, in files that others made. */
const corpus = new URL(process.env.SQL_INJECTION_CORPUS ?? "../../../../shared/corpora/sqli/", import.meta.url);

/** The collected strings; none when they are not on this machine. */
export function collectedStrings(): string[] {
  if (!existsSync(corpus)) return [];
  return readdirSync(corpus).flatMap((file) =>
    readFileSync(new URL(file, corpus), "latin1")
      .split(/\r?\n/)
      .filter((line) => line.trim() !== ""),
  );
}

/** What a statement would leave when it ran: files go to the directory, rows to or from `journal`. */
export function dangerousStatements(directory: string): string[] {
  const file = `'${directory}/written'`;
  const shell = `'touch ${directory}/run'`;
  return [
    "INSERT INTO journal VALUES ('hostile')",
    "UPDATE city SET name = 'hostile'",
    "DELETE FROM city",
    "TRUNCATE city, journal",
    "MERGE INTO city USING journal ON false WHEN NOT MATCHED THEN INSERT VALUES (9, 'hostile')",
    "WITH w AS (INSERT INTO journal VALUES ('hostile') RETURNING *) SELECT * FROM w",
    "WITH w AS (DELETE FROM city RETURNING *) SELECT * FROM w",
    "SELECT * INTO copied FROM city",
    "SELECT 1 INTO TEMP t",
    "CREATE TABLE made (i int)",
    "CREATE TEMP TABLE made (i int)",
    "CREATE TABLE made AS SELECT 1",
    "CREATE FUNCTION made() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE ROLE hostile_made SUPERUSER",
    "CREATE EXTENSION dblink",
    "CREATE DATABASE hostile_made",
    "CREATE LANGUAGE plperlu",
    "ALTER TABLE city ADD COLUMN hostile int",
    "ALTER SYSTEM SET work_mem = '1GB'",
    "ALTER ROLE CURRENT_USER SET work_mem = '1GB'",
    "ALTER DATABASE postgres SET work_mem = '1GB'",
    "DROP TABLE city",
    "DROP SCHEMA public CASCADE",
    "DROP OWNED BY CURRENT_USER",
    "GRANT ALL ON city TO PUBLIC",
    "REVOKE ALL ON city FROM PUBLIC",
    "COMMENT ON TABLE city IS 'hostile'",
    "SECURITY LABEL ON TABLE city IS 'x'",
    `COPY city TO ${file}`,
    `COPY (SELECT 1) TO ${file}`,
    `COPY (SELECT 1) TO PROGRAM ${shell}`,
    `COPY journal FROM PROGRAM ${shell}`,
    "COPY journal FROM '/etc/passwd'",
    "COPY city TO STDOUT",
    "COPY journal FROM STDIN",
    "DO $$ BEGIN DELETE FROM city; END $$",
    "CALL hostile()",
    "EXECUTE hostile",
    "PREPARE hostile AS SELECT 1",
    "DEALLOCATE ALL",
    "DECLARE hostile CURSOR WITH HOLD FOR SELECT 1",
    "FETCH ALL FROM hostile",
    "CLOSE ALL",
    "LISTEN hostile",
    "UNLISTEN *",
    "NOTIFY hostile, 'x'",
    "LOCK TABLE city IN ACCESS EXCLUSIVE MODE",
    "SELECT * FROM city FOR UPDATE",
    "SELECT * FROM city FOR KEY SHARE SKIP LOCKED",
    "SET work_mem = '1GB'",
    "SET LOCAL statement_timeout = 0",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "SET TRANSACTION READ WRITE",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "RESET ALL",
    "RESET ROLE",
    "DISCARD ALL",
    "BEGIN READ WRITE",
    "START TRANSACTION READ WRITE",
    "COMMIT",
    "COMMIT AND CHAIN",
    "ROLLBACK",
    "ROLLBACK AND CHAIN",
    "END",
    "ABORT",
    "SAVEPOINT hostile",
    "ROLLBACK TO hostile",
    "PREPARE TRANSACTION 'hostile'",
    "COMMIT PREPARED 'hostile'",
    "VACUUM",
    "ANALYZE city",
    "CLUSTER",
    "REINDEX DATABASE postgres",
    "CHECKPOINT",
    `LOAD '${directory}/hostile'`,
    "REFRESH MATERIALIZED VIEW v",
    "REASSIGN OWNED BY CURRENT_USER TO postgres",
    "IMPORT FOREIGN SCHEMA s FROM SERVER s INTO public",
    "EXPLAIN ANALYZE DELETE FROM city",
    "EXPLAIN (ANALYZE) SELECT nextval('counter')",
    "SHOW ALL",
    "SHOW hba_file",
    "TABLE pg_authid",
    "SELECT usename, passwd FROM pg_shadow",
    "SELECT rolpassword FROM pg_catalog.pg_authid",
    "SELECT query FROM pg_stat_activity",
    "SELECT * FROM pg_hba_file_rules",
    `SELECT pg_read_file('${directory}/secret')`,
    `SELECT pg_catalog.pg_read_binary_file('${directory}/secret')`,
    `SELECT * FROM pg_ls_dir('${directory}')`,
    `SELECT lo_export(lo_from_bytea(0, 'x'), ${file})`,
    `SELECT lo_import('${directory}/secret')`,
    "SELECT query_to_xml('DELETE FROM city', true, true, '')",
    "SELECT table_to_xml('pg_authid', true, true, '')",
    "SELECT * FROM ts_stat('SELECT to_tsvector(name) FROM city')",
    "SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, ''b''::tsquery')",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_try_advisory_lock_shared(1, 2)",
    "SELECT pg_notify('hostile', 'x')",
    "SELECT nextval('counter'), setval('counter', 99)",
    "SELECT public.writes()",
    "SELECT c.touches FROM city c",
    "SELECT 'a' ### 'b'",
    "SELECT pg_sleep(30)",
    "SELECT count(*) FROM generate_series(1, 1000000000000)",
    "SELECT pg_terminate_backend(0), pg_cancel_backend(0), pg_reload_conf()",
    "SELECT txid_current()",
    "SELECT pg_export_snapshot()",
    "SELECT pg_logical_emit_message(false, 'a', 'b')",
    "SELECT current_setting('data_directory')",
  ];
}

/** From 0 to 1, the same ones for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Change = (text: string, random: () => number, another: string) => string;

const spaces = [
  " ",
  "\t",
  "\n",
  "\r",
  "\f",
  "\v",
  "/**/",
  "/*x*/",
  "--\n",
  "\u00a0",
  "\u2003",
  "\u3000",
  "\ufeff",
  "+",
];

const pick = <T>(random: () => number, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;

/** What becomes of a string on its way. */
const changes: readonly Change[] = [
  (text) => text,
  (text, random) => text.replace(/[a-z]/gi, (c) => (random() < 0.5 ? c.toUpperCase() : c.toLowerCase())),
  (text, random) => text.replace(/ /g, () => pick(random, spaces)),
  (text) => text.replace(/'/g, "''"),
  (text) => text.replace(/'/g, "\\'"),
  (text) => text.replace(/'/g, "\u2019"),
  (text) => encodeURIComponent(text.toWellFormed()),
  (text) => text.replace(/[a-z]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`),
  (text, random) => text.slice(0, Math.floor(random() * text.length)),
  (text, random) => {
    const at = Math.floor(random() * text.length);
    return (
      text.slice(0, at) +
      pick(random, ["\0", "\ud800", "\u202e", "'", '"', "\\", ";", "$$", "/*", "--"]) +
      text.slice(at)
    );
  },
  (text, _random, another) => `${text}; ${another}`,
  (text, _random, another) => `COMMIT; ${another}; ${text}`,
  (text) => `\0${text}`,
  (text) => `${text} -- `,
  (text) => `(${text})`,
  (text) => `EXPLAIN ${text}`,
  (text) => `EXPLAIN (ANALYZE, FORMAT JSON) ${text}`,
  (text) => text.replace(/[A-Za-z]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0)),
];

/** Where an application might put it. */
const places: readonly Change[] = [
  (text) => text,
  (text) => text,
  (text) => `SELECT * FROM city WHERE name = '${text}'`,
  (text) => `SELECT * FROM city WHERE name LIKE '%${text}%' LIMIT 5`,
  (text) => `SELECT * FROM city WHERE name = E'${text}'`,
  (text) => `SELECT * FROM city WHERE name = $$${text}$$`,
  (text) => `SELECT * FROM city WHERE name = U&'${text}'`,
  (text) => `SELECT * FROM city WHERE id = ${text}`,
  (text) => `SELECT "${text}" FROM city`,
  (text) => `SELECT * FROM "${text}"`,
  (text) => `SELECT * FROM city ORDER BY ${text}`,
  (text) => `SELECT * FROM city LIMIT ${text}`,
  (text) => `SELECT (${text})`,
  (text) => `SELECT * FROM (${text}) AS inner_query`,
  (text) => `WITH w AS (${text}) SELECT * FROM w`,
  (text) => `WITH w AS MATERIALIZED (${text}) SELECT count(*) FROM w`,
  (text) => `SELECT * FROM city WHERE EXISTS (${text})`,
  (text) => `SELECT * FROM city, LATERAL (${text}) AS l`,
  (text) => `SELECT CASE WHEN (${text}) IS NULL THEN 1 END`,
  (text) => `SELECT ARRAY(${text})`,
  (text) => `${text} UNION ALL SELECT NULL`,
  (text) => `VALUES ((${text}))`,
];

/** One input after the other. */
export function* hostileInputs(seeds: readonly string[], seed: number): Generator<string, never> {
  const random = randomFrom(seed);
  for (const text of seeds) yield text;
  for (;;) {
    let text = pick(random, seeds);
    for (let i = Math.floor(random() * 3); i > 0; i--) text = pick(random, changes)(text, random, pick(random, seeds));
    yield pick(random, places)(text, random, "");
  }
}
