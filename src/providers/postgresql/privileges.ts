/**
 * What a user may do at the server that a reader of data should not be able to, and the
 * statements that take it away.
 */
import { type Privileges, type Risk, refuseRisky as refuse } from "../sql/privileges.ts";
import type { SourceConnection } from "./connection.ts";
import { quoteIdentifier } from "./dialect.ts";

const attributes = [
  ["bypasses row-level security (BYPASSRLS)", "NOBYPASSRLS"],
  ["may make and change users (CREATEROLE)", "NOCREATEROLE"],
  ["may copy the whole server (REPLICATION)", "NOREPLICATION"],
] as const;

const riskyRoles: Readonly<Record<string, string>> = {
  pg_read_server_files: "may read files of the server",
  pg_write_server_files: "may write files of the server",
  pg_execute_server_program: "may run programs on the server",
};

const broadRoles: Readonly<Record<string, string>> = {
  pg_read_all_data: "may read every table",
  pg_write_all_data: "may write every table",
  pg_read_all_settings: "may read every setting",
  pg_read_all_stats: "sees other users' statements",
  pg_signal_backend: "may end other users' sessions",
  pg_maintain: "may lock and rewrite every table",
};

/** By which SQL reaches other servers, files or the operating system. */
const reachingExtensions = ["dblink", "file_fdw", "adminpack", "http", "pg_net", "plsh", "orafce"];

const listed = (names: readonly string[]) => `ARRAY[${names.map((name) => `'${name}'`).join(", ")}]`;

// Membership counts even where a role is not inherited: a function may become it.
const query = `SELECT
  pg_catalog.current_setting('server_version'),
  current_user,
  pg_catalog.pg_is_in_recovery() OR pg_catalog.current_setting('default_transaction_read_only') = 'on',
  EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')),
  r.rolsuper, r.rolbypassrls, r.rolcreaterole, r.rolreplication,
  (SELECT pg_catalog.string_agg(g.rolname, ',' ORDER BY g.rolname) FROM pg_catalog.pg_roles g
    WHERE g.rolname = ANY(${listed([...Object.keys(riskyRoles), ...Object.keys(broadRoles)])})
      AND pg_catalog.pg_has_role(current_user, g.oid, 'MEMBER')),
  (SELECT pg_catalog.string_agg(DISTINCT e.extname, ',')
    FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_depend d ON d.refobjid = e.oid AND d.deptype = 'e'
    WHERE e.extname = ANY(${listed(reachingExtensions)})
      AND CASE d.classid
        WHEN 'pg_catalog.pg_proc'::pg_catalog.regclass THEN pg_catalog.has_function_privilege(d.objid, 'EXECUTE')
          AND e.extname NOT LIKE '%\\_fdw'
        WHEN 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass
          THEN pg_catalog.has_foreign_data_wrapper_privilege(d.objid, 'USAGE')
      END),
  (SELECT pg_catalog.string_agg(DISTINCT l.lanname, ',')
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    WHERE l.lanispl AND NOT l.lanpltrusted AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')),
  (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND pg_catalog.pg_has_role(current_user, c.relowner, 'MEMBER'))
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`;

/** One statement. */
export async function readPrivileges(connection: SourceConnection, timeoutMs: number): Promise<Privileges> {
  const [row = []] = await connection.rows({ text: query, parameters: [] }, timeoutMs);
  const [version = "", user = "", ...rest] = row.map((cell) => cell ?? "");
  const [readOnly, mayWrite, superuser, bypasses, createsRoles, replicates, ...lists] = rest;
  const [roles = "", extensions = "", languages = "", owned = "0"] = lists;
  const named = { server: `PostgreSQL ${version}`, user, readOnlyServer: readOnly === "t", mayWrite: mayWrite === "t" };
  const name = quoteIdentifier(user);
  // A superuser may do all of it, whatever else it was given.
  if (superuser === "t") return { ...named, superuser: true, risks: [superuserRisk(name)], notes: [] };
  const held = roles.split(",");
  return {
    ...named,
    superuser: false,
    risks: [
      ...[bypasses, createsRoles, replicates].flatMap((flag, i) => {
        const [is = "", word = ""] = attributes[i] ?? [];
        return flag === "t" ? [{ is, remedy: `ALTER ROLE ${name} ${word}` }] : [];
      }),
      ...membershipsOf(held, riskyRoles, name),
    ],
    notes: [
      ...membershipsOf(held, broadRoles, name),
      ...listOf(extensions).map((extension) => ({
        is: `may use ${extension}, which reaches beyond the database`,
        remedy: extension.endsWith("_fdw")
          ? `REVOKE USAGE ON FOREIGN DATA WRAPPER ${extension} FROM PUBLIC, ${name}`
          : `REVOKE EXECUTE ON FUNCTION … FROM PUBLIC, ${name} for those of ${extension}`,
      })),
      ...listOf(languages).map((language) => ({
        is: `may call functions in ${language}, which may do anything`,
        remedy: `REVOKE EXECUTE ON FUNCTION … FROM PUBLIC, ${name} for those in ${language}`,
      })),
      ...(Number(owned) > 0
        ? [{ is: `owns ${owned} ${owned === "1" ? "table" : "tables"}`, remedy: "ALTER TABLE … OWNER TO …" }]
        : []),
    ],
  };
}

const superuserRisk = (name: string): Risk => ({ is: "is a superuser", remedy: `ALTER ROLE ${name} NOSUPERUSER` });

const listOf = (text: string) => text.split(",").filter((item) => item !== "");

function membershipsOf(held: readonly string[], meanings: Readonly<Record<string, string>>, name: string): Risk[] {
  return held.flatMap((role) => {
    const meaning = meanings[role];
    return meaning === undefined ? [] : [{ is: `${meaning} (${role})`, remedy: `REVOKE ${role} FROM ${name}` }];
  });
}

/** @throws Failure `configuration_rejected` that names the privileges, or the signal's reason */
export function refuseRisky(connection: SourceConnection, signal: AbortSignal): Promise<void> {
  return refuse((timeoutMs) => readPrivileges(connection, timeoutMs), "postgresql", signal);
}
