/**
 * Describes a whole database in a fixed number of statements, each of which reads one
 * kind of thing for all relations at once.
 */
import type { ForeignKey, Index, Resource, ResourceField, ResourceKind } from "../contract/resource.ts";
import { formatName } from "../sql/name.ts";
import type { Run } from "../sql/run.ts";
import { kindExpression, ofUsers, queryable } from "./catalogue.ts";
import { createTypeCatalogue, type TypeCatalogue, type TypeInfo } from "./types.ts";

/** A row of text cells. */
type Row = readonly (string | null)[];

/**
 * Everything outside the system's schemas that the user may SELECT at least a column
 * of, by namespace and name. Five statements, and one more when there are types that
 * the catalogue has not met.
 */
export async function readSchema(run: Run, types: TypeCatalogue = createTypeCatalogue()): Promise<Resource[]> {
  const relations = await run(relationQuery, []);
  const oids = [`{${relations.map(([oid]) => oid).join(",")}}`];
  const fields = await readFields(run, oids, types);
  const constraints = groupByFirst(await run(constraintQuery, oids));
  const indexes = groupByFirst(await run(indexQuery, oids));
  return relations.map((row) => {
    const oid = text(row[0]);
    return {
      ...describeRelation(row),
      fields: fields.get(oid) ?? [],
      ...describeConstraints(constraints.get(oid) ?? []),
      indexes: (indexes.get(oid) ?? []).map(describeIndex),
    };
  });
}

// Never analysed is -1; a partitioned table has only what its parts have.
const relationQuery = `SELECT c.oid, n.nspname, c.relname, ${kindExpression},
  pg_catalog.obj_description(c.oid, 'pg_class'),
  CASE
    WHEN c.relkind = 'v' THEN NULL
    WHEN c.relkind = 'p' THEN (
      SELECT pg_catalog.sum(NULLIF(p.reltuples, -1)::float8)
      FROM pg_catalog.pg_partition_tree(c.oid) t JOIN pg_catalog.pg_class p ON p.oid = t.relid WHERE t.isleaf)
    ELSE NULLIF(c.reltuples, -1)::float8
  END::int8,
  pn.nspname, pc.relname
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_inherits i ON c.relispartition AND i.inhrelid = c.oid
LEFT JOIN pg_catalog.pg_class pc ON pc.oid = i.inhparent
LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace
WHERE ${queryable} AND ${ofUsers}
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
ORDER BY n.nspname, c.relname`;

function describeRelation([, namespace, localName, kind, comment, rows, parentNamespace, parent]: Row) {
  return {
    name: formatName(text(namespace), text(localName)),
    namespace: text(namespace),
    localName: text(localName),
    kind: text(kind) as ResourceKind,
    comment: text(comment),
    estimatedRows: rows == null ? undefined : Number(rows),
    partitionOf: parent == null ? "" : formatName(text(parentNamespace), parent),
  };
}

const fieldQuery = `WITH RECURSIVE base AS (
  SELECT t.oid AS asked, t.oid, t.typtype, t.typbasetype, t.typnotnull
  FROM pg_catalog.pg_type t
  WHERE t.oid IN (SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0)
  UNION ALL
  SELECT b.asked, t.oid, t.typtype, t.typbasetype, b.typnotnull OR t.typnotnull
  FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typbasetype
)
SELECT a.attrelid, a.attname, a.atttypid, pg_catalog.format_type(a.atttypid, a.atttypmod),
  a.attnotnull OR b.typnotnull,
  pg_catalog.pg_get_expr(d.adbin, d.adrelid),
  a.attgenerated <> '' OR a.attidentity = 'a',
  c.description, b.oid
FROM pg_catalog.pg_attribute a
JOIN base b ON b.asked = a.atttypid AND b.typtype <> 'd'
LEFT JOIN pg_catalog.pg_attrdef d ON a.atthasdef AND d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_description c
  ON c.classoid = 'pg_catalog.pg_class'::regclass AND c.objoid = a.attrelid AND c.objsubid = a.attnum
WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
  AND (pg_catalog.has_table_privilege(a.attrelid, 'SELECT')
    OR pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT'))
ORDER BY a.attrelid, a.attnum`;

const labelQuery = `SELECT e.enumtypid, e.enumlabel FROM pg_catalog.pg_enum e ORDER BY e.enumtypid, e.enumsortorder`;

async function readFields(run: Run, oids: string[], types: TypeCatalogue): Promise<Map<string, ResourceField[]>> {
  const rows = await run(fieldQuery, oids);
  const infos = await types.resolve(
    run,
    rows.map((row) => Number(row[2])),
  );
  const labels = groupByFirst(await run(labelQuery, []));
  const labelsOf = new Map([...labels].map(([type, found]) => [type, found.map((row) => text(row[1]))]));
  const fields = new Map<string, ResourceField[]>();
  for (const [relation, found] of groupByFirst(rows)) {
    fields.set(
      relation,
      found.map((row) => describeField(row, infos.get(Number(row[2])), labelsOf.get(text(row[8])) ?? [])),
    );
  }
  return fields;
}

function describeField(row: Row, info: TypeInfo | undefined, enumLabels: readonly string[]): ResourceField {
  const [, name, , nativeType, notNull, defaultExpression, generated, comment] = row;
  return {
    name: text(name),
    type: info?.type ?? "other",
    ...(info?.elementType === undefined ? {} : { elementType: info.elementType }),
    nativeType: text(nativeType),
    nullable: notNull !== "t",
    defaultExpression: text(defaultExpression),
    generated: generated === "t",
    comment: text(comment),
    enumLabels,
  };
}

const namesOf = (relation: string, attnums: string) => `(SELECT pg_catalog.json_agg(a.attname ORDER BY k.n)
    FROM unnest(${attnums}) WITH ORDINALITY AS k(attnum, n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = ${relation} AND a.attnum = k.attnum)`;

const constraintQuery = `SELECT c.conrelid, c.contype, c.conname,
  ${namesOf("c.conrelid", "c.conkey")},
  n.nspname, f.relname,
  ${namesOf("c.confrelid", "c.confkey")}
FROM pg_catalog.pg_constraint c
LEFT JOIN pg_catalog.pg_class f ON f.oid = c.confrelid
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = f.relnamespace
WHERE c.conrelid = ANY($1::oid[]) AND c.contype IN ('p', 'u', 'f')
ORDER BY c.conrelid, c.conname`;

function describeConstraints(rows: readonly Row[]): Pick<Resource, "primaryKey" | "uniqueKeys" | "foreignKeys"> {
  const ofType = (type: string) => rows.filter((row) => row[1] === type);
  return {
    primaryKey: names(ofType("p")[0]?.[3]),
    uniqueKeys: ofType("u").map((row) => ({ name: text(row[2]), fields: names(row[3]) })),
    foreignKeys: ofType("f").map(
      (row): ForeignKey => ({
        name: text(row[2]),
        fields: names(row[3]),
        references: formatName(text(row[4]), text(row[5])),
        referencedFields: names(row[6]),
      }),
    ),
  };
}

// A plain column by its own name, unquoted; only an expression needs deparsing.
const indexQuery = `SELECT i.indrelid, x.relname, m.amname, i.indisunique,
  pg_catalog.pg_get_expr(i.indpred, i.indrelid, true),
  (SELECT pg_catalog.json_agg(COALESCE(a.attname, pg_catalog.pg_get_indexdef(i.indexrelid, k.n::int4, true))
      || CASE WHEN k.habits & 1 = 1 THEN ' DESC' ELSE '' END ORDER BY k.n)
    FROM unnest(i.indkey::int2[], i.indoption::int2[]) WITH ORDINALITY AS k(attnum, habits, n)
    LEFT JOIN pg_catalog.pg_attribute a ON k.attnum <> 0 AND a.attrelid = i.indrelid AND a.attnum = k.attnum
    WHERE k.n <= i.indnkeyatts)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
JOIN pg_catalog.pg_am m ON m.oid = x.relam
WHERE i.indrelid = ANY($1::oid[]) AND i.indislive
ORDER BY i.indrelid, x.relname`;

function describeIndex([, name, method, unique, predicate, keys]: Row): Index {
  return {
    name: text(name),
    keys: names(keys),
    unique: unique === "t",
    method: text(method),
    predicate: text(predicate),
  };
}

const text = (cell: string | null | undefined) => cell ?? "";
const names = (json: string | null | undefined) => (json == null ? [] : (JSON.parse(json) as string[]));

function groupByFirst(rows: readonly Row[]): Map<string, Row[]> {
  return Map.groupBy(rows, (row) => text(row[0])) as Map<string, Row[]>;
}
