/**
 * What a database must be like so that no organization reaches another's rows: rules over
 * PostgreSQL's own catalogue, so that they hold for tables, views and functions that are yet
 * to be made. What is allowed is said here, and nowhere else; everything else is a violation.
 */
import type pg from "pg";

/** Tables without organizations' rows, and why nobody gets at others' through them. */
const withoutOrganizations: Readonly<Record<string, string>> = {
  migration: "names the migrations that were run; nobody but the owner may read it",
};

/** Unique indexes that do not begin with the organization, and why they must not. */
const uniqueOverAll: Readonly<Record<string, string>> = {
  api_key_id_unique: "who shows a key names no organization: its random id must lead to one row",
};

const ownRows = "((organization_id)::text = NULLIF(current_setting('app.organization_id'::text, true), ''::text))";
/** Every table of organizations' rows has it. */
const isolation = `organization_isolation for ALL to connector_application using ${ownRows} check ${ownRows}`;
const sealed = "(sealed_credential IS NOT NULL)";
const sealedTokens = "(sealed_tokens IS NOT NULL)";
const sealedAnswer = "(sealed_answer IS NOT NULL)";

/** By table; what they let through beside an organization's own rows. */
const morePolicies: Readonly<Record<string, readonly string[]>> = {
  api_key: [
    "lookup_by_id for SELECT to connector_application using (id = (NULLIF(current_setting('app.api_key_id'::text, true), ''::text))::uuid) check null",
  ],
  connector: [
    `keys_read for SELECT to connector_keys using ${sealed} check null`,
    `keys_rewrap for UPDATE to connector_keys using ${sealed} check ${sealed}`,
  ],
  idempotency_key: [
    `keys_read for SELECT to connector_keys using ${sealedAnswer} check null`,
    `keys_rewrap for UPDATE to connector_keys using ${sealedAnswer} check ${sealedAnswer}`,
  ],
  connector_token: [
    `keys_read for SELECT to connector_keys using ${sealedTokens} check null`,
    `keys_rewrap for UPDATE to connector_keys using ${sealedTokens} check ${sealedTokens}`,
  ],
  ...Object.fromEntries(
    ["query_record", "audit_event", "audit_link", "audit_checkpoint", "audit_task"].map((table) => [
      table,
      ["audit_read for SELECT to connector_audit using true check null"],
    ]),
  ),
};

/** All that anybody but the owner may do, by object. */
const grants: Readonly<Record<string, readonly string[]>> = {
  connector: [
    "connector_application: DELETE, INSERT, SELECT, UPDATE",
    "connector_keys: SELECT (config, credential_key_id, credential_version, id, organization_id, provider, sealed_credential)",
    "connector_keys: UPDATE (sealed_credential)",
  ],
  api_key: ["connector_application: INSERT, SELECT", "connector_application: UPDATE (last_use_time, revoke_time)"],
  query_record: ["connector_application: INSERT, SELECT", "connector_audit: SELECT"],
  connector_grant: ["connector_application: DELETE, INSERT, SELECT, UPDATE"],
  grant_usage: ["connector_application: INSERT, SELECT, UPDATE"],
  call_rollup: ["connector_application: DELETE, INSERT, SELECT, UPDATE"],
  idempotency_key: [
    "connector_application: DELETE, INSERT, SELECT, UPDATE",
    "connector_keys: SELECT (connector_id, create_time, key, method, organization_id, sealed_answer)",
    "connector_keys: UPDATE (sealed_answer)",
  ],
  connector_token: [
    "connector_application: DELETE, INSERT, SELECT, UPDATE",
    "connector_keys: SELECT (connector_id, credential_version, endpoint, organization_id, provider, sealed_tokens, token_key_id, version)",
    "connector_keys: UPDATE (sealed_tokens)",
  ],
  connector_authorization: ["connector_application: DELETE, INSERT, SELECT, UPDATE"],
  audit_event: ["connector_application: INSERT, SELECT", "connector_audit: SELECT"],
  audit_link: ["connector_application: INSERT, SELECT", "connector_audit: SELECT"],
  audit_checkpoint: ["connector_application: INSERT, SELECT", "connector_audit: SELECT"],
  audit_task: ["connector_application: DELETE, INSERT, SELECT", "connector_audit: SELECT"],
  audit_add_events: ["connector_application: EXECUTE"],
  audit_append_events: ["connector_application: EXECUTE"],
  audit_extend_chain: ["connector_application: EXECUTE"],
  audit_link_events: ["connector_application: EXECUTE"],
};

const inSchema = "relnamespace = 'public'::regnamespace";

interface Rule {
  readonly sql: string;
  /** What is allowed, for `$1`: names, or lines that the query gives. */
  readonly allowed?: readonly string[];
}

/** Each query gives the names of what breaks the rule. */
const rules: Readonly<Record<string, Rule>> = {
  "row-level security is enabled and forced": {
    sql: `SELECT relname FROM pg_class WHERE ${inSchema} AND relkind IN ('r', 'p')
      AND NOT (relrowsecurity AND relforcerowsecurity) AND relname <> ALL ($1::text[])`,
    allowed: Object.keys(withoutOrganizations),
  },
  "a table has the policy of isolation": {
    sql: `SELECT relname FROM pg_class WHERE ${inSchema} AND relkind IN ('r', 'p') AND relname <> ALL ($1::text[])
      AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid AND polname = 'organization_isolation')`,
    allowed: Object.keys(withoutOrganizations),
  },
  "organization_id is there and never null": {
    sql: `SELECT relname FROM pg_class WHERE ${inSchema} AND relkind IN ('r', 'p') AND relname <> ALL ($1::text[])
      AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'organization_id' AND attnotnull)`,
    allowed: Object.keys(withoutOrganizations),
  },
  "organization_id comes first in the primary key and in every unique index": {
    sql: `SELECT CASE WHEN index.relname IS NULL THEN pg_class.relname ELSE index.relname END
      FROM pg_class LEFT JOIN pg_index ON indrelid = pg_class.oid AND indisunique
        LEFT JOIN pg_class AS index ON index.oid = indexrelid
        LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attnum = indkey[0]
      WHERE pg_class.${inSchema} AND pg_class.relkind IN ('r', 'p') AND pg_class.relname <> ALL ($1::text[])
        AND coalesce(index.relname, '') <> ALL ($1::text[])
        AND (attname IS DISTINCT FROM 'organization_id' OR NOT EXISTS (
          SELECT FROM pg_index AS key WHERE key.indrelid = pg_class.oid AND key.indisprimary))`,
    allowed: [...Object.keys(withoutOrganizations), ...Object.keys(uniqueOverAll)],
  },
  "a foreign key leads to the same organization": {
    sql: `SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype = 'f' AND NOT EXISTS (
      SELECT FROM unnest(conkey, confkey) AS pair (mine, theirs)
        JOIN pg_attribute AS own ON own.attrelid = conrelid AND own.attnum = mine
        JOIN pg_attribute AS other ON other.attrelid = confrelid AND other.attnum = theirs
      WHERE own.attname = 'organization_id' AND other.attname = 'organization_id')`,
  },
  "the owner is connector_owner": {
    sql: `SELECT relname FROM pg_class WHERE ${inSchema} AND relkind NOT IN ('i', 'I', 't', 'c')
        AND relowner <> 'connector_owner'::regrole
      UNION ALL SELECT proname FROM pg_proc
      WHERE pronamespace = 'public'::regnamespace AND proowner <> 'connector_owner'::regrole`,
  },
  "a function runs as its caller, and finds what it calls in a path of its own": {
    sql: `SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
      AND (prosecdef OR NOT coalesce(proconfig::text LIKE '%search_path=%', false))`,
  },
  "a view reads as its reader, and no copy of rows is kept elsewhere": {
    sql: `SELECT relname FROM pg_class WHERE ${inSchema} AND (relkind IN ('m', 'f')
      OR relkind = 'v' AND NOT coalesce(reloptions::text LIKE '%security_invoker=true%', false))`,
  },
  "the roles own nothing else, log in nowhere, and are nobody's members": {
    sql: `SELECT rolname FROM pg_roles WHERE rolname LIKE 'connector\\_%' AND (
      rolcanlogin OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication
      OR EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid)
      OR rolname <> 'connector_owner' AND EXISTS (SELECT FROM pg_shdepend WHERE refobjid = pg_roles.oid AND deptype = 'o'))`,
  },
  "no other role gets by default what is yet to be made": {
    sql: `SELECT acl::text FROM pg_default_acl, unnest(defaclacl) AS acl
      WHERE defaclrole = 'connector_owner'::regrole AND acl::text NOT LIKE 'connector_owner=%'
      UNION ALL SELECT 'functions' WHERE NOT EXISTS (
        SELECT FROM pg_default_acl WHERE defaclrole = 'connector_owner'::regrole AND defaclobjtype = 'f')`,
  },
  "only the known policies let rows through": {
    sql: `SELECT line FROM (
        SELECT format('%s: %s for %s to %s using %s check %s', relname, polname,
          CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
          (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE role::regrole::text END, ', ') FROM unnest(polroles) AS role),
          coalesce(pg_get_expr(polqual, polrelid), 'null'), coalesce(pg_get_expr(polwithcheck, polrelid), 'null')) AS line, relname
        FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid WHERE ${inSchema}) AS policy
      WHERE line <> ALL ($1::text[]) AND line <> relname || ': ${isolation.replaceAll("'", "''")}'`,
    allowed: Object.entries(morePolicies).flatMap(([table, policies]) =>
      policies.map((policy) => `${table}: ${policy}`),
    ),
  },
  "nobody may do more than what is said": {
    sql: `SELECT line FROM (
        SELECT format('%s: %s: %s', name, grantee, string_agg(privilege, ', ' ORDER BY privilege)) AS line
        FROM privileges WHERE columns IS NULL GROUP BY name, grantee
        UNION ALL SELECT format('%s: %s: %s (%s)', name, grantee, privilege, columns) FROM privileges WHERE columns IS NOT NULL
      ) AS given WHERE line <> ALL ($1::text[])`,
    allowed: Object.entries(grants).flatMap(([object, given]) => given.map((each) => `${object}: ${each}`)),
  },
};

/** What others than the owner may do: with a table, a sequence, a function, or some columns. */
const privileges = `
  WITH given AS (
    SELECT relname::text AS name, NULL::name AS field, relowner AS owner, acl.* FROM pg_class, aclexplode(relacl) AS acl
    WHERE ${inSchema}
    UNION ALL
    SELECT relname, attname, relowner, acl.* FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid, aclexplode(attacl) AS acl
    WHERE ${inSchema}
    UNION ALL
    SELECT proname, NULL, proowner, acl.* FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) AS acl
    WHERE pronamespace = 'public'::regnamespace
  ), privileges AS (
    SELECT name, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS grantee,
      privilege_type AS privilege, string_agg(field, ', ' ORDER BY field) AS columns
    FROM given WHERE grantee <> owner GROUP BY name, given.grantee, privilege_type, field IS NULL
  )`;

/** `rule: name` for everything that breaks a rule. */
export async function violations(client: pg.Client): Promise<string[]> {
  const found: string[] = [];
  for (const [rule, { sql, allowed }] of Object.entries(rules)) {
    const { rows } = await client.query<[string]>({
      text: `${privileges} ${sql}`,
      values: allowed === undefined ? [] : [allowed],
      rowMode: "array",
    });
    found.push(...rows.map(([name]) => `${rule}: ${name}`));
  }
  return found;
}
