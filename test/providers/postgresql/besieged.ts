/**
 * A database with a superuser for a connector's user, so that nothing but the service
 * stands between an input and the server; and what shows whether anything came through.
 */
import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import pg from "pg";
import { effectOf, isAllowedBuiltin } from "../../../src/providers/postgresql/functions.ts";
import { enterableDirectory } from "../../support/directory.ts";
import { freshDatabase } from "../../support/postgres.ts";
import { isTorture } from "../../torture/scale.ts";
import type { Besieged } from "../sql/siege.ts";
import { dangerousStatements } from "./hostile-inputs.ts";

/** Stands in a file that only the server's own functions reach. */
export const canary = "canary-5e1f0c";

const setUp = `
  CREATE TABLE city (id int PRIMARY KEY, name text NOT NULL);
  INSERT INTO city VALUES (1, 'Bern'), (2, 'Chur'), (3, 'Ulm');
  CREATE TABLE journal (note text);
  CREATE SEQUENCE counter;
  CREATE FUNCTION writes() RETURNS text VOLATILE LANGUAGE sql AS $$ INSERT INTO journal VALUES ('w') RETURNING note $$;
  CREATE FUNCTION touches(city) RETURNS text VOLATILE LANGUAGE sql AS $$ SELECT pg_notify('hostile', 'x')::text $$;
  CREATE FUNCTION sharp(text, text) RETURNS text VOLATILE LANGUAGE sql AS $$ SELECT pg_notify('hostile', 'x')::text $$;
  CREATE OPERATOR ### (LEFTARG = text, RIGHTARG = text, FUNCTION = sharp);
  CREATE FUNCTION residue() RETURNS text STABLE LANGUAGE sql AS $$ SELECT concat_ws(' ',
    (SELECT string_agg(name || '=' || setting, ' ' ORDER BY name) FROM pg_settings
      WHERE source = 'session' AND name NOT IN ('statement_timeout', 'idle_in_transaction_session_timeout')),
    (SELECT 'statement ' || name FROM pg_prepared_statements WHERE name <> '' LIMIT 1),
    (SELECT 'cursor ' || name FROM pg_cursors WHERE name <> '' LIMIT 1),
    (SELECT 'listens to ' || c FROM pg_listening_channels() c LIMIT 1),
    (SELECT 'temporary ' || pg_my_temp_schema() WHERE pg_my_temp_schema() <> 0),
    (SELECT 'locks ' || objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() LIMIT 1),
    current_user, session_user) $$`;

/**
 * The checksum of every table's rows, and of every catalogue that a statement could change. Of what the whole server
 * has, only what this user or a hostile statement would have made: others are besieged there at the same time.
 */
const stateQuery = (user: string) => `SELECT
  (SELECT json_object_agg(c.relname, query_to_xml('TABLE ' || c.oid::regclass || ' ORDER BY 1', true, true, ''))
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'S')),
  (SELECT json_agg(d.rows ORDER BY d.name) FROM (VALUES
    ('class', (SELECT md5(string_agg(concat(oid, relname, relkind, relacl, relnatts, relowner), ' ' ORDER BY oid)) FROM pg_class)),
    ('attribute', (SELECT md5(string_agg(concat(attrelid, attname, attisdropped), ' ' ORDER BY attrelid, attnum)) FROM pg_attribute)),
    ('proc', (SELECT md5(string_agg(concat(oid, proname, proacl), ' ' ORDER BY oid)) FROM pg_proc)),
    ('authid', (SELECT string_agg(rolname, ' ' ORDER BY oid) FROM pg_authid WHERE rolname ~ 'hostile')),
    ('database', (SELECT string_agg(datname, ' ' ORDER BY oid) FROM pg_database WHERE datname ~ 'hostile')),
    ('settings', (SELECT md5(string_agg(s::text, ' ')) FROM pg_db_role_setting s WHERE setdatabase IN (SELECT oid FROM pg_database WHERE datname = current_database()) OR setrole IN (SELECT oid FROM pg_roles WHERE rolname ~ 'hostile' OR rolname = '${user}'))),
    ('own settings', (SELECT string_agg(s::text, ' ') FROM pg_file_settings s WHERE s.sourcefile ~ 'auto.conf')),
    ('extension', (SELECT string_agg(extname, ' ' ORDER BY oid) FROM pg_extension)),
    ('large objects', (SELECT count(*)::text FROM pg_largeobject_metadata)),
    ('slots', (SELECT count(*)::text FROM pg_replication_slots)),
    ('comments', (SELECT count(*)::text FROM pg_description)),
    ('files', (SELECT string_agg(f, ' ' ORDER BY f) FROM pg_ls_dir('.') f))
  ) AS d(name, rows))`;

/** A directory besides, which the server may write to. */
export async function besieged(): Promise<Besieged & { readonly directory: string }> {
  const database = await freshDatabase();
  const directory = await enterableDirectory();
  const open = path.join(directory, "open");
  await mkdir(open);
  // Whatever the umask: where the server can't write, that there is no file shows nothing.
  await chmod(open, 0o777);
  await writeFile(path.join(open, "secret"), canary, { mode: 0o644 });
  const user = `besieged_${crypto.randomUUID().replaceAll("-", "")}`;
  const own = new pg.Client({ connectionString: database.url });
  await own.connect();
  // Every refusal by the server costs a connection: logging in need not take long here.
  await own.query(`SET scram_iterations = 1; CREATE ROLE ${user} SUPERUSER LOGIN PASSWORD 'x'; ${setUp}`);
  const notifications: string[] = [];
  own.on("notification", ({ channel }) => notifications.push(channel));
  await own.query("LISTEN hostile; LISTEN x; LISTEN news");
  const rows = async (text: string) => (await own.query({ text, rowMode: "array" })).rows as unknown[][];
  const url = new URL(database.url);
  url.username = user;
  url.password = "x";
  return {
    url: url.href,
    directory: open,
    seeds: [...dangerousStatements(open), ...(await callsOfRefused(rows, open))],
    notifications,
    state: async () => [await rows(stateQuery(user)), (await readdir(open)).sort()],
    leftovers: async () =>
      (
        await rows(`SELECT 'lock', count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
          WHERE l.locktype = 'advisory' AND a.usename = '${user}'
        UNION ALL SELECT 'temporary table', count(*) FROM pg_class WHERE relnamespace::regnamespace::text ~ '^pg_temp'
        UNION ALL SELECT 'prepared transaction', count(*) FROM pg_prepared_xacts WHERE owner = '${user}'`)
      )
        .filter(([, count]) => count !== "0")
        .map(([what]) => String(what)),
    running: async () =>
      Number(
        (await rows(`SELECT count(*) FROM pg_stat_activity WHERE usename = '${user}' AND state <> 'idle'`))[0]?.[0],
      ),
    async stop() {
      await own.query(`DROP ROLE IF EXISTS ${user}`);
      await own.end();
      await database.drop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/**
 * Of PostgreSQL's own functions those that no query may call: those known for an effect, all in a torture;
 * with arguments that would do something: files of the directory, the tables, statements that write.
 */
async function callsOfRefused(rows: (text: string) => Promise<unknown[][]>, directory: string): Promise<string[]> {
  const functions = (await rows(`SELECT p.proname, ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) t)
    FROM pg_proc p WHERE p.pronamespace = 11 AND p.prokind = 'f' AND NOT 'internal'::regtype = ANY(p.proargtypes::oid[])
    ORDER BY p.provolatile DESC, p.oid`)) as [string, string[]][];
  const texts = [`${directory}/secret`, `${directory}/written`, "DELETE FROM city", "hostile", "work_mem"];
  return functions
    .filter(([name]) => !isAllowedBuiltin(name) && (isTorture || effectOf(name) !== undefined))
    .map(
      ([name, types], i) => `SELECT ${name}(${types.map((type) => argument(type, texts[i % 5] as string)).join(", ")})`,
    );
}

function argument(type: string, text: string): string {
  if (type === "text" || type === "name") return `'${text}'`;
  if (type === "regclass" || type === "oid") return "'counter'::regclass";
  if (/^(integer|bigint|smallint)$/.test(type)) return "0";
  if (type === "boolean") return "true";
  return type === "pg_lsn" ? "'0/0'" : `NULL::${type.replace(/^"any"$/, "text")}`;
}
