/** Looks a resource up in PostgreSQL's catalogue, by parameters only. */
import { Failure } from "../../failure.ts";
import type { ResourceKind } from "../contract/resource.ts";
import type { SqlField, SqlResource } from "../sql/dialect.ts";
import { formatName, parseName } from "../sql/name.ts";
import type { Run } from "../sql/run.ts";
import { nearestResources, tellingTooMuch, unknownResource } from "../sql/unknown.ts";
import { quoteIdentifier } from "./dialect.ts";
import { isReadable } from "./system-relations.ts";
import type { TypeCatalogue } from "./types.ts";

/** A relation that the stored credential may read, as a query needs to know it. */
export interface PostgresqlResource extends SqlResource {
  readonly oid: number;
  readonly kind: ResourceKind;
  readonly fields: readonly PostgresqlField[];
  readonly primaryKey: readonly string[];
}

interface PostgresqlField extends SqlField {
  readonly attnum: number;
  readonly typeOid: number;
  readonly typmod: number;
}

/** What a relation is, in SQL; a part of a partitioned table may itself be partitioned. */
export const kindExpression = `CASE
    WHEN c.relispartition THEN 'partition'
    WHEN c.relkind = 'r' THEN 'table'
    WHEN c.relkind = 'v' THEN 'view'
    WHEN c.relkind = 'm' THEN 'materialized_view'
    WHEN c.relkind = 'p' THEN 'partitioned_table'
    ELSE 'foreign_table'
  END`;

/** Relations that hold rows to query. */
export const queryable = `c.relkind IN ('r', 'v', 'm', 'p', 'f')`;

/** Schemas that are not the system's own. No user can make one that begins with pg_. */
export const ofUsers = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

/**
 * Three statements, and one more when a type is met for the first time.
 *
 * @param name as a caller writes it: `cities` is looked up along the search path,
 *   `public.cities` in its schema; `name.ts` says how to quote
 * @throws Failure `unknown_resource` with the nearest names, `upstream_permission_denied`
 *   when it is there and may not be read, or `statement_rejected` for a relation of the
 *   system's that no query may read
 */
export async function lookUpResource(run: Run, name: string, types: TypeCatalogue): Promise<PostgresqlResource> {
  const parsed = parseName(name);
  if (parsed === undefined || name.includes("\0")) throw unknownResource(name, []);
  const [relation] = await run(relationQuery, [parsed.namespace ?? null, parsed.localName]);
  if (relation === undefined) throw unknownResource(name, nearestResources(name, parsed, await readNames(run)));
  // A part is null when the relation is dropped meanwhile.
  if (relation.includes(null)) throw unknownResource(name, []);
  const [oid, namespace, localName, kind, readable] = relation as [string, string, string, ResourceKind, string];
  const fullName = formatName(namespace, localName);
  if (!isReadable(namespace, localName)) throw tellingTooMuch(fullName);
  if (readable !== "t") throw unreadable(fullName);
  const fields = await readFields(run, oid, types);
  const keys = await readKeys(run, oid, fields);
  return {
    oid: Number(oid),
    name: fullName,
    sqlName: `${quoteIdentifier(namespace)}.${quoteIdentifier(localName)}`,
    kind,
    fields,
    primaryKey: keys.primary,
    keys: keys.paging,
  };
}

const relationQuery = `SELECT c.oid, n.nspname, c.relname, ${kindExpression},
  pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = $2::text AND ${queryable}
  AND CASE WHEN $1::text IS NULL THEN n.nspname = ANY(pg_catalog.current_schemas(true)) ELSE n.nspname = $1::text END
ORDER BY pg_catalog.array_position(pg_catalog.current_schemas(true), n.nspname)
LIMIT 1`;

// Labels are read each time, since an enum may get new ones.
const fieldQuery = `WITH RECURSIVE base AS (
  SELECT a.attnum, t.oid, t.typtype, t.typbasetype, t.typnotnull
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
  WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT b.attnum, t.oid, t.typtype, t.typbasetype, b.typnotnull OR t.typnotnull
  FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typbasetype
)
SELECT a.attname, a.attnum, a.atttypid, a.atttypmod, a.attnotnull OR b.typnotnull,
  pg_catalog.format_type(a.atttypid, a.atttypmod),
  (SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_catalog.pg_enum e WHERE e.enumtypid = b.oid)
FROM pg_catalog.pg_attribute a JOIN base b ON b.attnum = a.attnum AND b.typtype <> 'd'
WHERE a.attrelid = $1::oid AND pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT')
ORDER BY a.attnum`;

async function readFields(run: Run, oid: string, types: TypeCatalogue): Promise<PostgresqlField[]> {
  const rows = await run(fieldQuery, [oid]);
  const infos = await types.resolve(
    run,
    rows.map((row) => Number(row[2])),
  );
  return rows.flatMap((row) => {
    const [name, attnum, typeOid, typmod, notNull, nativeType, labels] = row as [string, ...string[]];
    const info = infos.get(Number(typeOid));
    if (info === undefined || nativeType === undefined) return [];
    const field = {
      name,
      nullable: notNull !== "t",
      attnum: Number(attnum),
      typeOid: Number(typeOid),
      typmod: Number(typmod),
      nativeType,
    };
    return [{ ...info, ...field, ...(labels == null ? {} : { enumLabels: JSON.parse(labels) as string[] }) }];
  });
}

/**
 * A unique index says nothing about the children of a table that others inherit
 * from, before it is valid or, when deferrable, before the commit; and nothing about
 * equality by another collation than its own.
 */
const keyQuery = `SELECT i.indisprimary,
  c.relkind = 'r' AND c.relhassubclass OR NOT (i.indimmediate AND i.indisvalid)
    OR pg_catalog.bool_or(a.attcollation <> k.rule),
  pg_catalog.json_agg(a.attname ORDER BY k.n)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indcollation::oid[]) WITH ORDINALITY AS k(attnum, rule, n)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indrelid = $1::oid AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AND k.n <= i.indnkeyatts
GROUP BY i.indexrelid, i.indisprimary, i.indimmediate, i.indisvalid, c.relkind, c.relhassubclass
ORDER BY i.indisprimary DESC, pg_catalog.count(*), i.indexrelid`;

async function readKeys(run: Run, oid: string, fields: readonly SqlField[]) {
  const serving = new Set(fields.filter((f) => !f.nullable && f.comparison === "ordered").map(({ name }) => name));
  let primary: readonly string[] = [];
  const paging: (readonly string[])[] = [];
  for (const [isPrimary, unsafe, json] of await run(keyQuery, [oid])) {
    const names = JSON.parse(json ?? "[]") as string[];
    if (isPrimary === "t") primary = names;
    if (unsafe !== "t" && names.every((name) => serving.has(name))) paging.push(names);
  }
  return { primary, paging };
}

const namesQuery = `SELECT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE ${queryable} AND ${ofUsers}
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
ORDER BY c.relispartition, n.nspname, c.relname LIMIT 20000`;

async function readNames(run: Run): Promise<readonly (readonly [string, string])[]> {
  return (await run(namesQuery, [])) as readonly (readonly [string, string])[];
}

function unreadable(name: string): Failure {
  return new Failure("upstream_permission_denied", `The connector's user may not read \`${name}\`.`, {
    where: "upstream",
    upstream: "postgresql",
    status: "42501",
    remedy: "Grant it SELECT on the resource and USAGE on its schema.",
  });
}
