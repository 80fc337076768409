/** Looks a resource up in the server's catalogue, by parameters only. */
import { Failure } from "../../failure.ts";
import type { ResourceKind } from "../contract/resource.ts";
import type { SqlField, SqlResource } from "../sql/dialect.ts";
import { formatName, parseName } from "../sql/name.ts";
import type { Row, Run } from "../sql/run.ts";
import { nearestResources, tellingTooMuch, unknownResource } from "../sql/unknown.ts";
import { readCheckedAsJson, readColumns } from "./catalogue-columns.ts";
import { quoteIdentifier, type Server } from "./dialect.ts";
import { isClosedDatabase, isInformationSchema } from "./system-databases.ts";
import { valueTypeOf } from "./value-type.ts";

/** A table or view that the stored credential may read, as a query needs to know it. */
export interface MysqlResource extends SqlResource {
  readonly kind: ResourceKind;
  readonly primaryKey: readonly string[];
  /** Who holds its rows: `InnoDB`; empty for a view. */
  readonly engine: string;
  /** How many unique indexes there are, the primary key among them. */
  readonly uniqueIndexes: number;
  /** The field that the server itself gives the next number to, when a row comes without. */
  readonly counted: string | undefined;
}

/** Whose catalogue it is. */
export interface Catalogue {
  /** As the connector is configured: its resources are the tables and views of this one. */
  readonly database: string;
  readonly server: Server;
}

/** Tables and views; not MariaDB's sequences and a session's own tables. */
export const queryable = "t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW')";

/** What `kindOf` needs of `information_schema.tables`. */
export const kindColumns = "t.table_type, t.engine, t.create_options";

/**
 * What no name holds (MySQL, "Schema Object Names"), and what the catalogue can't be asked for:
 * NUL, and characters beyond the Basic Multilingual Plane.
 */
const namesNothing = /[\0\u{10000}-\u{10ffff}]/u;

/** Engines whose tables live elsewhere, where nothing makes sure of the keys that are declared here. */
const foreignEngines = new Set(["FEDERATED", "CONNECT", "SPIDER"]);

export function kindOf([type, engine, options]: Row): ResourceKind {
  if (type === "VIEW") return "view";
  if (foreignEngines.has(engine ?? "")) return "foreign_table";
  return (options ?? "").split(" ").includes("partitioned") ? "partitioned_table" : "table";
}

/** Whether a database is the server's own: it holds nothing that is a resource. */
export function isSystemDatabase(name: string): boolean {
  return isClosedDatabase(name) || isInformationSchema(name);
}

/**
 * Three statements, and at MariaDB one more.
 *
 * @param name as a caller writes it: `cities`, or `shop.cities` with the connector's own
 *   database; `name.ts` says how to quote
 * @throws Failure `unknown_resource` with the nearest names, `upstream_permission_denied`
 *   when it is there and may not be read, or `statement_rejected` in a database of the
 *   server's own
 */
export async function lookUpResource(run: Run, name: string, catalogue: Catalogue): Promise<MysqlResource> {
  const parsed = parseName(name);
  if (parsed === undefined || namesNothing.test(name)) throw unknownResource(name, []);
  const { database } = catalogue;
  if (isSystemDatabase(database)) throw tellingTooMuch(formatName(database, parsed.localName));
  const rows = await run(relationQuery, [database, parsed.localName]);
  const relation = rows.find(([schema, table, capitals]) => {
    const same = capitals === "0" ? sameText : sameLetters;
    return same(schema, database) && same(parsed.namespace ?? schema, schema) && same(table, parsed.localName);
  });
  if (relation === undefined)
    throw unknownResource(name, nearestResources(name, parsed, await readNames(run, database)));
  const [schema, table, , ...kind] = relation as [string, string, string, ...(string | null)[]];
  const { fields, counted } = await readFields(run, schema, table, catalogue.server);
  if (fields.length === 0) throw unreadable(formatName(schema, table), kindOf(kind) === "view");
  const keys = await readKeys(run, schema, table, fields);
  return {
    name: formatName(schema, table),
    sqlName: `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`,
    kind: kindOf(kind),
    fields,
    primaryKey: keys.primary,
    keys: holdsItsKeys(kind) ? keys.paging : [],
    engine: kind[1] ?? "",
    uniqueIndexes: keys.indexes,
    counted,
  };
}

// How the server compares names is told by a number: 0 by every letter, else by no capitals.
const relationQuery = `SELECT t.table_schema, t.table_name, @@lower_case_table_names, ${kindColumns}
FROM information_schema.tables t
WHERE t.table_schema = ? AND t.table_name = ? AND ${queryable}`;

type Cell = string | null | undefined;

const sameText = (a: Cell, b: Cell) => a === b;
const sameLetters = (a: Cell, b: Cell) => a?.toLowerCase() === b?.toLowerCase();

/** Tables of these engines may hold rows that break the keys that they declare: those of other tables. MySQL writes MRG_MYISAM, and MariaDB MRG_MyISAM. */
function holdsItsKeys([, engine]: Row): boolean {
  return engine?.toUpperCase() !== "MRG_MYISAM" && !foreignEngines.has(engine ?? "");
}

/** The catalogue compares names in its own way, which takes some for each other. */
const ofTable = (alias: string) => `${alias}.table_schema = ? AND ${alias}.table_name = ?
  AND CAST(${alias}.table_schema AS BINARY) = CAST(? AS BINARY) AND CAST(${alias}.table_name AS BINARY) = CAST(? AS BINARY)`;

const columnsOfTable = ofTable("c");

async function readFields(run: Run, schema: string, table: string, { isMariaDb }: Server) {
  const named = [schema, table, schema, table];
  const columns = await readColumns(run, columnsOfTable, named);
  const json = isMariaDb ? await readCheckedAsJson(run, "k.table_name = ?", [schema, table]) : undefined;
  const fields = columns.map(
    (column): SqlField => ({
      name: column.name,
      nullable: column.nullable,
      ...valueTypeOf({ ...column, isJson: json?.has(column) ?? false, isMariaDb }),
    }),
  );
  return { fields, counted: columns.find(({ extra }) => /\bauto_increment\b/i.test(extra))?.name };
}

const keyQuery = `SELECT s.index_name, s.column_name, s.sub_part, s.index_type
FROM information_schema.statistics s
WHERE ${ofTable("s")} AND s.non_unique = 0
ORDER BY s.index_name, s.seq_in_index`;

async function readKeys(run: Run, schema: string, table: string, fields: readonly SqlField[]) {
  const serving = new Set(fields.filter((f) => !f.nullable && f.comparison === "ordered").map(({ name }) => name));
  const parts = Map.groupBy(await run(keyQuery, [schema, table, schema, table]), ([index]) => index);
  const primary = (parts.get("PRIMARY") ?? []).map(([, column]) => column ?? "");
  const paging = [...parts]
    .filter(([, rows]) => rows.every((row) => holdsWhole(row) && serving.has(row[1] ?? "")))
    .map(([index, rows]) => ({ isPrimary: index === "PRIMARY", names: rows.map(([, column]) => column ?? "") }))
    .sort((a, b) => Number(b.isPrimary) - Number(a.isPrimary) || a.names.length - b.names.length)
    .map(({ names }) => names);
  return { primary, paging, indexes: parts.size };
}

/** A part of a text is no key, and neither is an expression. Hashes hold texts that are longer than those that are sorted. */
function holdsWhole([, column, length, method]: Row): boolean {
  return column !== null && length === null && method === "BTREE";
}

const namesQuery = `SELECT t.table_schema, t.table_name FROM information_schema.tables t
WHERE t.table_schema = ? AND ${queryable} ORDER BY t.table_name LIMIT 20000`;

// One of them for each column: DISTINCT would take names for each other that differ in capitals.
const readableQuery = `SELECT c.table_name FROM information_schema.columns c
WHERE c.table_schema = ? AND FIND_IN_SET('select', c.privileges) LIMIT 1000000`;

async function readNames(run: Run, database: string): Promise<readonly (readonly [string, string])[]> {
  const names = (await run(namesQuery, [database])) as readonly (readonly [string, string])[];
  const readable = new Set((await run(readableQuery, [database])).map(([table]) => table));
  return names.filter(([, table]) => readable.has(table));
}

function unreadable(name: string, isView: boolean): Failure {
  const broken = isView ? ", or it is a view of something that is not there any more" : "";
  return new Failure("upstream_permission_denied", `The connector's user may not read \`${name}\`${broken}.`, {
    where: "upstream",
    upstream: "mysql",
    status: "42000",
    remedy: "Grant it SELECT on the resource.",
  });
}
