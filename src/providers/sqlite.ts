/**
 * SQLite, by Node's own `node:sqlite`: files below a directory of the operator's, read only.
 *
 * A field's type follows from what its column is declared as. A value that is not of it, which
 * SQLite lets in, is told by an error and never passed off as one.
 */
import { constants, DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { z } from "zod";
import { type Failure, invalidRequest } from "../failure.ts";
import type { Field } from "../rows/field.ts";
import type { ForeignKey, Index, Resource, ResourceField } from "./contract/resource.ts";
import { defineProvider, type NativeQuery, type SessionContext } from "./contract.ts";
import { refuseUnstorable } from "./query/operand.ts";
import { answerFailure, classifyFor } from "./sql/classify.ts";
import { dialectWith, type SqlField, type SqlResource, type ValueType } from "./sql/dialect.ts";
import type { Answer, Engine, Statement } from "./sql/engine/engine.ts";
import { fileBelow, fileName } from "./sql/engine/file.ts";
import { serveEngine } from "./sql/engine/serving.ts";
import { type EngineSource, engineSession, type NativePlan } from "./sql/engine/session.ts";
import { cellOf, parameterOf, strayError } from "./sql/engine/value.ts";
import { type Entry, type Meaning, ours, rejected, unavailable, unfitValue } from "./sql/meaning.ts";
import { formatName, parseName } from "./sql/name.ts";
import type { Row, Run } from "./sql/run.ts";
import { nearestResources, unknownResource } from "./sql/unknown.ts";
import { words } from "./sql/words.ts";

const id = "sqlite";

export default defineProvider({
  id,
  title: "SQLite",
  type: "database",
  capabilities: ["test", "schema", "query", "native_query", "explain"],
  config: z.strictObject({
    file: fileName.describe("The file, from your organization's directory on, which the service's operator fills."),
  }),
  credential: z.strictObject({}).default({}),
  // Each connection is a process.
  limits: { maxConcurrency: 4 },
  // A credential would be sent nowhere.
  endpoint: () => ({}),
  open: ({ file }, _credential, context) => engineSession(sourceOf(file, context), context),
  classify: (cause) => classify(cause),
});

const sourceOf = (file: string, { files }: SessionContext): EngineSource => ({
  provider: id,
  module: import.meta.url,
  opening: () => fileBelow(files, file, id),
  async version(run) {
    const [[version] = []] = await run("SELECT sqlite_version(), count(*) FROM sqlite_schema", []);
    return `SQLite ${version}`;
  },
  schema: readSchema,
  dialect,
  lookUp,
  native: planNative,
  explain: async (run, text) =>
    (await run(`EXPLAIN QUERY PLAN ${text}`)).map(([step, parent, , detail]) => {
      return { id: Number(step), parent: Number(parent), detail };
    }),
  classify,
});

/** Milliseconds that it waits for a lock of another process. */
const busyMs = 5_000;
const maxValueBytes = 100_000_000;

/** As SQLite's own "Defense Against The Dark Arts" advises for files of strangers. */
function openEngine(file: unknown): Engine {
  const database = new DatabaseSync(String(file), {
    ...{ readOnly: true, defensive: true, allowExtension: false, timeout: busyMs },
    ...{ returnArrays: true, readBigInts: true, limits: { attach: 0, length: maxValueBytes } },
  });
  database.exec("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON; PRAGMA cell_size_check = ON");
  const innocuous = database.prepare("SELECT name FROM pragma_function_list WHERE flags & 0x200000").all();
  const functions = new Set([...searching, ...innocuous.flatMap((row) => Object.values(row))]);
  database.setAuthorizer((action, name, called) => {
    const allowed =
      reading.has(action) ||
      (action === constants.SQLITE_FUNCTION && functions.has(called)) ||
      (action === constants.SQLITE_PRAGMA && pragmas.has(String(name)));
    return allowed ? constants.SQLITE_OK : constants.SQLITE_DENY;
  });
  return { run: (statement) => begin(database, statement) };
}

const reading: ReadonlySet<number> = new Set([
  ...[constants.SQLITE_SELECT, constants.SQLITE_READ, constants.SQLITE_RECURSIVE],
]);
/** Functions of full text search and statistics, which SQLite does not declare to be innocuous and which only read. */
const searching = words("match bm25 highlight snippet median percentile percentile_cont percentile_disc");
const pragmas = words("table_list table_xinfo index_list index_xinfo foreign_key_list data_version");

function begin(database: DatabaseSync, { text, parameters, columns: known }: Statement): Answer {
  const statement = database.prepare(text);
  const columns =
    known ?? statement.columns().map(({ name, type }) => ({ name, nullable: true, ...typeOf(type ?? "") }));
  return { columns, rows: rowsOf(statement.iterate(...parameters) as Iterable<unknown>, columns) };
}

function* rowsOf(rows: Iterable<unknown>, columns: readonly Field[]) {
  for (const row of rows as Iterable<SQLOutputValue[]>) {
    yield row.map((value, i) => (value === null ? null : textOf(value, columns[i] as Field)));
  }
}

function textOf(value: NonNullable<SQLOutputValue>, field: Field): string {
  // Where numbers and texts may be, texts that look like bytes or an infinity are texts.
  const isNumeric = field.type === "other" && field.nativeType !== any;
  if (isNumeric && (value instanceof Uint8Array || Math.abs(Number(value)) === Infinity)) throw strayError(field.name);
  return cellOf(value, field);
}

/** What a column is said to be declared as that says nothing. */
const any = "ANY";

/**
 * By SQLite's own rules of affinity (https://sqlite.org/datatype3.html#determination_of_column_affinity),
 * with BOOLEAN. What may be a number or a text, as a DATE, is of type `other`: the number's text, or
 * the text; where a column says nothing, and in what is computed, there may also be bytes, as `\x…`.
 */
function typeOf(declared: string): ValueType {
  const [, type, comparison] = affinities.find(([pattern]) => pattern.test(declared)) ?? numeric;
  return { type, nativeType: declared === "" ? any : declared, castType: "", comparison, finite: true };
}

const affinities = [
  [/int/i, "int64", "ordered"],
  [/char|clob|text/i, "string", "ordered"],
  [/blob/i, "bytes", "ordered"],
  [/real|floa|doub/i, "double", "ordered"],
  [/^bool/i, "bool", "ordered"],
  [/^(?:any)?$/i, "other", "none"],
] as const;
const numeric = [undefined, "other", "ordered"] as const;

const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** Compared and sorted by the very characters, whatever the column's collation is: so every unique index is one. */
const exact = (column: string) => `${column} COLLATE BINARY`;

const dialect = dialectWith({
  quote,
  placeholder: () => "?",
  typed: (expression) => expression,
  operand(value, { type }, bind) {
    if (type === "bool") return `CAST(${bind(value === "t" ? "1" : "0")} AS INTEGER)`;
    if (type === "bytes") return `unhex(${bind(value.slice(2))})`;
    if (type === "int64") return `CAST(${bind(value)} AS INTEGER)`;
    // Where a page ends there may be one.
    return type === "double" ? `CAST(${bind(value.replace("Infinity", "9e999"))} AS REAL)` : bind(value);
  },
  compare: ({ column, type, value }, symbol, bind) =>
    `${exact(column)} ${symbol} ${dialect.operand(value, type, bind)}`,
  compareRow(row, symbol, bind) {
    const operands = row.map(({ value, type }) => dialect.operand(value, type, bind));
    return `(${row.map(({ column }) => exact(column)).join(", ")}) ${symbol} (${operands.join(", ")})`;
  },
  oneOf: (column, type, values, bind) =>
    `${exact(column)} IN (${values.map((value) => dialect.operand(value, type, bind)).join(", ")})`,
  contains: (column, _type, value, bind) => `instr(${column}, ${bind(value)}) > 0`,
  startsWith: (column, _type, value, bind) => `substr(${column}, 1, ${[...value].length}) = ${bind(value)}`,
  orderKey: (column, descending, nullable) =>
    `${exact(column)}${descending ? " DESC" : ""}${nullable ? " NULLS LAST" : ""}`,
});

const namespace = "main";

/** Tables and views, but for SQLite's own and those in which a virtual table keeps what it has. */
const relationQuery = `SELECT name, type, wr FROM pragma_table_list
  WHERE schema = 'main' AND type <> 'shadow' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`;

async function lookUp(run: Run, name: string): Promise<SqlResource> {
  const parsed = parseName(name);
  const relations = await run(relationQuery, []);
  const relation = relations.find(([localName]) => localName === parsed?.localName);
  if (parsed === undefined || relation === undefined || (parsed.namespace ?? namespace) !== namespace) {
    const there = relations.map(([localName]) => [namespace, localName ?? ""] as const);
    throw unknownResource(name, parsed === undefined ? [] : nearestResources(name, parsed, there));
  }
  const resource = await describe(run, relation);
  const fields = resource.fields.map(({ name, nullable, nativeType }): SqlField => {
    return { ...typeOf(nativeType), name, nullable };
  });
  const serving = new Set(fields.filter((f) => !f.nullable && f.comparison === "ordered").map((f) => f.name));
  const keys = [resource.primaryKey, ...resource.uniqueKeys.map((key) => key.fields)];
  return {
    ...{ name: resource.name, sqlName: quote(resource.localName), fields },
    keys: keys.filter((key) => key.length > 0 && key.every((field) => serving.has(field))),
  };
}

async function readSchema(run: Run): Promise<Resource[]> {
  const resources: Resource[] = [];
  for (const relation of await run(relationQuery, [])) {
    // A view of what is not there any more has no fields: SQLite says so by an error.
    const resource = await describe(run, relation).catch((error) =>
      isAnswer(error) ? undefined : Promise.reject(error),
    );
    if (resource !== undefined) resources.push(resource);
  }
  return resources.sort((a, b) => (a.localName < b.localName ? -1 : 1));
}

async function describe(run: Run, [name, kind, withoutRowid]: Row): Promise<Resource> {
  const table = name ?? "";
  const columns = await run(columnQuery, [table]);
  const indexes = await readIndexes(run, table);
  const primaryKey = columns.filter(([, , , place]) => place !== "0").sort((a, b) => Number(a[3]) - Number(b[3]));
  // An INTEGER PRIMARY KEY is the row's own number and needs no index; other keys may hold nulls, in SQLite.
  const neverNull = withoutRowid === "1" || !indexes.some(({ origin }) => origin === "pk");
  return {
    ...{ name: formatName(namespace, table), namespace, localName: table, kind: kind === "view" ? "view" : "table" },
    ...{ comment: "", estimatedRows: undefined, partitionOf: "" },
    fields: columns.map(([name, declared, notNull, place, hidden, initial]): ResourceField => {
      // What a view computes has no type of its own, whatever SQLite calls it.
      const { type, nativeType } = typeOf(kind === "view" && declared === "BLOB" ? "" : (declared ?? ""));
      return {
        ...{ name: name ?? "", type, nativeType, nullable: notNull === "0" && !(place !== "0" && neverNull) },
        ...{ defaultExpression: initial ?? "", generated: hidden !== "0", comment: "", enumLabels: [] },
      };
    }),
    primaryKey: primaryKey.map(([name]) => name ?? ""),
    uniqueKeys: indexes.filter(isKey).map(({ name, fields }) => ({ name, fields })),
    foreignKeys: await readForeignKeys(run, table),
    indexes: indexes.map(({ fields: _, origin: __, ...index }) => index),
  };
}

/** Not those that a virtual table hides. */
const columnQuery = `SELECT name, type, "notnull", pk, hidden, dflt_value FROM pragma_table_xinfo(?, 'main')
  WHERE hidden <> 1 ORDER BY cid`;

interface DescribedIndex extends Index {
  /** `pk` of a primary key. */
  readonly origin: string;
  /** Empty when one of its keys is an expression. */
  readonly fields: readonly string[];
}

const isKey = ({ unique, predicate, origin, fields }: DescribedIndex) =>
  unique && predicate === "" && origin !== "pk" && fields.length > 0;

const indexQuery = `SELECT l.name, l."unique", l.origin, l.partial, x.name, x."desc", s.sql
  FROM pragma_index_list(?, 'main') l JOIN pragma_index_xinfo(l.name, 'main') x
    LEFT JOIN sqlite_schema s ON s.type = 'index' AND s.name = l.name
  WHERE x.key ORDER BY l.name, x.seqno`;

async function readIndexes(run: Run, table: string): Promise<DescribedIndex[]> {
  const rows = await run(indexQuery, [table]);
  return [...Map.groupBy(rows, ([index]) => index ?? "")].map(([name, parts]) => {
    const [, unique, origin, partial, , , sql] = parts[0] ?? [];
    const fields = parts.flatMap(([, , , , field]) => field ?? []);
    return {
      ...{ name, unique: unique === "1", method: "btree", origin: origin ?? "" },
      keys: parts.map(
        ([, , , , field, descending]) => `${field ?? "(expression)"}${descending === "1" ? " DESC" : ""}`,
      ),
      predicate: partial === "1" ? (/\bWHERE\b\s*(.*)$/is.exec(sql ?? "")?.[1] ?? "(condition)") : "",
      fields: fields.length === parts.length ? fields : [],
    };
  });
}

const referenceQuery = `SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(?, 'main') ORDER BY id, seq`;

/** They have no names; one that names no fields of the other table refers to its primary key. */
async function readForeignKeys(run: Run, table: string): Promise<ForeignKey[]> {
  return [...Map.groupBy(await run(referenceQuery, [table]), ([key]) => key).values()].map((parts) => ({
    name: "",
    fields: parts.map(([, , from]) => from ?? ""),
    references: formatName(namespace, parts[0]?.[1] ?? ""),
    referencedFields: parts.flatMap(([, , , to]) => to ?? []),
  }));
}

/** What SQLite reads nothing in. An end that is missing is SQLite's to find. */
const quoted = /'[^']*(?:'|$)|"[^"]*(?:"|$)|`[^`]*(?:`|$)|\[[^\]]*(?:\]|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/g;

/** SQLite itself takes the first statement and leaves the rest, and a parameter that is not given for null. */
function planNative({ text, parameters }: NativeQuery): NativePlan {
  refuseUnstorable(text, "query.native.text");
  const bare = text.replace(quoted, " ");
  const refuse = (description: string) => invalidRequest({ field: "query.native.text", description });
  if (/;\s*[^\s;]/.test(bare)) throw refuse("Only one statement may be given.");
  if (/[:@$#]\w|\?\d/.test(bare)) throw refuse("Parameters are written as `?`, without names or numbers.");
  const wanted = bare.split("?").length - 1;
  if (wanted !== parameters.length) {
    const description = `The statement has ${wanted} parameters; ${parameters.length} were given.`;
    throw invalidRequest({ field: "query.native.parameters", description });
  }
  return { text, parameters: parameters.map(parameterOf) };
}

const isAnswer = (cause: unknown): cause is Error & { readonly errcode: number } =>
  cause instanceof Error && "code" in cause && cause.code === "ERR_SQLITE_ERROR";

/** By SQLite's result codes (https://sqlite.org/rescode.html); its own text is never passed on. */
function classify(cause: unknown, statement?: string): Failure | undefined {
  const context = statement === undefined ? {} : { statement };
  return classifyFor(
    {
      upstream: id,
      answer(error) {
        if (!isAnswer(error)) return undefined;
        const code = error.errcode & 0xff;
        const entry = meanings[code] ?? unfitValue;
        const meaning = typeof entry === "function" ? entry(context, undefined) : entry;
        return answerFailure(id, meaning, error, { status: String(error.errcode), place: "", context });
      },
      driver: (error) => ("code" in error && error.code === "ERR_INVALID_ARG_VALUE" ? noStatement : undefined),
    },
    cause,
  );
}

const unusable = (message: string): Meaning => ({
  ...{ kind: "configuration_rejected", where: "connector", message },
  remedy: "Have the service's operator look at the file, or change `config.file` with UpdateConnector.",
});
const noStatement = rejected("The text holds no statement.", "Give one SELECT.");

const meanings: Readonly<Record<number, Entry<undefined>>> = {
  1: ours(
    rejected("SQLite can't carry the query out.", "Make its filter smaller; or the file has just changed: try again."),
    rejected("SQLite can't carry out the statement.", "Check its syntax, and its names against GetSchema."),
  ),
  5: unavailable("Another process keeps the file locked."),
  6: unavailable("Another process keeps the file locked."),
  7: unavailable("SQLite has not enough memory for the statement."),
  8: unusable("The file can't be read without being written to: a change of it was cut off."),
  10: unavailable("The file can't be read from its disk."),
  11: unusable("The file is damaged."),
  14: unusable("The file can't be opened."),
  23: rejected("The statement does more than read, or calls a function that may.", "Give one SELECT."),
  26: unusable("The file is no SQLite database."),
};

// Started as a program, this file is the engine's process.
if (import.meta.main) serveEngine(openEngine);
