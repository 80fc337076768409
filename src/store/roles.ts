/**
 * The roles that the service works as, and what it needs of whoever logs in: to become each
 * of them, and nothing else.
 *
 * A role belongs to the whole server. So another database of it may have made the roles
 * already, or be making them now, or an administrator has, for a user who may not.
 */
import type { EntityManager } from "@mikro-orm/postgresql";
import pg from "pg";
import { Failure } from "../failure.ts";
import { applicationRole, auditRole, keysRole, ownerRole } from "./entities/tenancy.ts";

/** None can log in. */
const names = `ARRAY['${[ownerRole, applicationRole, auditRole, keysRole].join("', '")}']`;

/**
 * Makes what is missing, as far as the user may: as a superuser, or by CREATEROLE and as the
 * schema's owner.
 * @throws Failure "configuration_rejected" that says what an administrator has to run
 */
export async function provideRoles(em: EntityManager): Promise<void> {
  await em.execute(provision);
  const [state] = await em.execute<[State]>(stateOf);
  const lacks = missing(state);
  if (lacks.length === 0) return;
  throw new Failure(
    "configuration_rejected",
    `The user "${state.user}" lacks what the service needs in the database "${state.database}": ${lacks.map(({ what }) => what).join(", ")}.`,
    {
      where: "service",
      remedy: `Have an administrator run in that database: ${lacks.map(({ statement }) => statement).join(" ")}`,
    },
  );
}

// Since PostgreSQL 16 the maker of a role may grant it and yet not become it, and a member
// can do without the role's privileges until it becomes the role.
const becoming = "CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END";
const membership =
  "CASE WHEN current_setting('server_version_num')::int >= 160000 THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END";

/** Who may not do a step is told by what is missing afterwards. */
const provision = `
  DO $$
  DECLARE
    name text;
    privilege text;
  BEGIN
    FOREACH name IN ARRAY ${names} LOOP
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
        BEGIN
          EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN
          NULL;
        END;
      END IF;
      CONTINUE WHEN NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name);
      IF NOT pg_has_role(current_user, name, ${becoming}) THEN
        BEGIN
          EXECUTE format('GRANT %I TO CURRENT_USER%s', name, ${membership});
        EXCEPTION WHEN unique_violation OR insufficient_privilege THEN
          NULL;
        END;
      END IF;
      FOREACH privilege IN ARRAY CASE name WHEN '${ownerRole}' THEN ARRAY['CREATE', 'USAGE'] ELSE ARRAY['USAGE'] END LOOP
        CONTINUE WHEN has_schema_privilege(name, current_schema(), privilege);
        BEGIN
          EXECUTE format('GRANT %s ON SCHEMA %I TO %I', privilege, current_schema(), name);
        EXCEPTION WHEN insufficient_privilege THEN
          NULL;
        END;
      END LOOP;
    END LOOP;
  END
  $$`;

interface State {
  readonly user: string;
  readonly database: string;
  readonly schema: string;
  /** How a member is made that has none of the role's privileges before it becomes the role. */
  readonly membership: string;
  /** The tables are made by the user, who gives them away. */
  readonly makesTables: boolean;
  readonly roles: readonly {
    readonly name: string;
    readonly exists: boolean;
    /** Whether the user may become it. */
    readonly becomes: boolean;
    /** What it may do in the schema. */
    readonly privileges: readonly string[];
  }[];
}

const stateOf = `
  SELECT current_user AS "user", current_database() AS database, current_schema() AS schema,
    ${membership} AS membership,
    to_regclass('migration') IS NOT NULL OR has_schema_privilege(current_schema(), 'CREATE') AS "makesTables",
    (SELECT json_agg(json_build_object(
        'name', name, 'exists', oid IS NOT NULL,
        'becomes', oid IS NOT NULL AND pg_has_role(current_user, oid, ${becoming}),
        'privileges', ARRAY(
          SELECT privilege FROM unnest(ARRAY['CREATE', 'USAGE']) AS privilege
          WHERE oid IS NOT NULL AND has_schema_privilege(oid, current_schema(), privilege))))
      FROM unnest(${names}) AS name LEFT JOIN pg_roles ON rolname = name) AS roles`;

interface Missing {
  /** For the message. */
  readonly what: string;
  /** For the remedy. */
  readonly statement: string;
}

function missing({ user, schema, membership, makesTables, roles }: State): Missing[] {
  const inSchema = `ON SCHEMA ${pg.escapeIdentifier(schema)}`;
  const member = `${pg.escapeIdentifier(user)}${membership}`;
  const missing: Missing[] = [];
  const add = (what: string, statement: string) => missing.push({ what, statement });
  for (const { name, exists, becomes, privileges } of roles) {
    if (!exists) add(`the role ${name}`, `CREATE ROLE ${name} NOLOGIN;`);
    if (!becomes) add(`to become ${name}`, `GRANT ${name} TO ${member};`);
    const lacking = (name === ownerRole ? ["CREATE", "USAGE"] : ["USAGE"]).filter((each) => !privileges.includes(each));
    if (lacking.length > 0) {
      add(`${lacking.join(" and ")} ${inSchema} for ${name}`, `GRANT ${lacking.join(", ")} ${inSchema} TO ${name};`);
    }
  }
  if (!makesTables) add(`CREATE ${inSchema}`, `GRANT CREATE ${inSchema} TO ${pg.escapeIdentifier(user)};`);
  return missing;
}

/**
 * Sees that row-level security binds the role that the transaction runs as, whatever an
 * administrator has made of it since.
 * @throws Failure "configuration_rejected" that names the way around, and how to close it
 */
export async function refuseWayAround(em: EntityManager): Promise<void> {
  const found = await em.execute<{ way: string; remedy: string }[]>(waysAround);
  if (found.length === 0) return;
  throw new Failure(
    "configuration_rejected",
    `Organizations are not kept apart in the service's database: ${found.map(({ way }) => way).join("; ")}.`,
    { where: "service", remedy: `Have an administrator run: ${found.map(({ remedy }) => remedy).join(" ")}` },
  );
}

// A superuser is taken for a member of every role, and a member has that role's tables as well.
const waysAround = `
  WITH self AS (SELECT * FROM pg_roles WHERE rolname = current_user),
  joined AS (
    SELECT other.rolname FROM self, pg_roles AS other
    WHERE NOT self.rolsuper AND other.oid <> self.oid AND pg_has_role(self.oid, other.oid, 'MEMBER')
  )
  SELECT format('the role %s is a superuser', rolname) AS way, format('ALTER ROLE %I NOSUPERUSER;', rolname) AS remedy
  FROM self WHERE rolsuper
  UNION ALL
  SELECT format('the role %s bypasses row-level security', rolname), format('ALTER ROLE %I NOBYPASSRLS;', rolname)
  FROM self WHERE rolbypassrls
  UNION ALL
  SELECT format('the role %s is a member of %s', self.rolname, joined.rolname),
         format('REVOKE %I FROM %I;', joined.rolname, self.rolname)
  FROM self, joined
  UNION ALL
  SELECT format('row-level security does not bind %s in the table %s', self.rolname, relname),
         format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;', pg_class.oid::regclass)
  FROM self, pg_class
  WHERE NOT self.rolsuper AND NOT self.rolbypassrls AND NOT EXISTS (SELECT FROM joined)
    AND relkind IN ('r', 'p') AND relowner = (SELECT oid FROM pg_roles WHERE rolname = '${ownerRole}')
    AND (has_any_column_privilege(pg_class.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege(pg_class.oid, 'DELETE'))
    AND NOT row_security_active(pg_class.oid)`;
