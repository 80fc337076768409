/** What changes the rows of a resource, as SQL statements that belong into one transaction. */
import { type Failure, invalidRequest } from "../../failure.ts";
import type { ActionRequest, CreateAction, DeleteAction, UpdateAction, UpsertAction } from "../contract/action.ts";
import type { Operand } from "../contract.ts";
import { fieldNamed } from "../query/field.ts";
import { encodeOperand } from "../query/operand.ts";
import type { Bind, Dialect, SqlField, SqlResource } from "./dialect.ts";
import { compileFilter } from "./filter.ts";

/** How one database writes what SQL leaves open of statements that change rows. */
export interface ActionForms {
  /** Parameters of one statement at most. */
  readonly maxParameters: number;
  /** Bytes of one statement with its values at most, about. Default: any number. */
  readonly maxBytes?: number;
  /**
   * What stands behind an INSERT whose rows may be there already: they are known by their
   * key, and get the new values of the other fields.
   *
   * @param key quoted
   * @param changed quoted; empty when the key is all that is given
   */
  onSameKey(key: readonly string[], changed: readonly string[]): string;
}

/** A resource whose rows may be changed. */
export interface ActionResource extends SqlResource {
  readonly primaryKey: readonly string[];
}

export interface ActionStatement {
  readonly text: string;
  readonly parameters: readonly string[];
}

export interface CompiledAction {
  /** To be run one after the other: many rows may need several. */
  readonly statements: readonly [ActionStatement, ...ActionStatement[]];
  /** Counts the rows that would be touched; absent where the request itself says how many. */
  readonly count: ActionStatement | undefined;
  /** Rows that the request gives. */
  readonly givenRows: number;
  /** The fields of the rows that the statements give back. */
  readonly returning: readonly SqlField[];
}

export interface ActionInput {
  readonly dialect: Dialect;
  readonly forms: ActionForms;
  readonly resource: ActionResource;
  readonly request: Pick<ActionRequest, "action" | "returning">;
}

/**
 * Compiles an action. Every value becomes a parameter, every identifier comes from the
 * resource's own fields.
 *
 * @throws Failure `invalid_request` or `unknown_field`, naming the part of the request
 *   that is wrong, before anything is sent
 */
export function compileAction(input: ActionInput): CompiledAction {
  const { resource, request, dialect } = input;
  const returning = returnedFields(resource, request.returning);
  const columns = returning.map(({ name }) => dialect.quote(name)).join(", ");
  const tail = returning.length === 0 ? "" : ` RETURNING ${columns}`;
  const { action } = request;
  if (action.kind === "update" || action.kind === "delete") return { ...byCondition(input, action, tail), returning };
  return { ...byRows(input, action, tail), returning };
}

/** @throws Failure `unknown_field` */
export function returnedFields(resource: SqlResource, names: readonly string[]): SqlField[] {
  return names.map((name, i) => fieldNamed(resource, name, `returning[${i}]`));
}

type Compiled = Omit<CompiledAction, "returning">;

/** Placeholders of a statement and what they stand for, in the order of its text. */
function binding(dialect: Dialect) {
  const parameters: string[] = [];
  const bind: Bind = (text) => dialect.placeholder(parameters.push(text));
  return { parameters, bind };
}

function placeholderOf(operand: Operand, field: SqlField, path: string, dialect: Dialect, bind: Bind): string {
  if (operand.kind !== "null") return dialect.operand(encodeOperand(operand, field, path), field, bind);
  if (!field.nullable) throw invalidRequest({ field: path, description: `\`${field.name}\` can't be null.` });
  return dialect.typed("NULL", field);
}

function byCondition(input: ActionInput, action: UpdateAction | DeleteAction, tail: string): Compiled {
  const { dialect, resource } = input;
  const { parameters, bind } = binding(dialect);
  const head =
    action.kind === "delete"
      ? `DELETE FROM ${resource.sqlName}`
      : `UPDATE ${resource.sqlName} SET ${assignments(input, action, bind)}`;
  const where = action.filter === undefined ? "" : ` WHERE ${compileFilter(action.filter, resource, dialect, bind)}`;
  return {
    statements: [{ text: `${head}${where}${tail}`, parameters }],
    count: countOf(input, action.filter),
    givenRows: 0,
  };
}

function assignments({ dialect, resource }: ActionInput, { values }: UpdateAction, bind: Bind): string {
  return values
    .map(({ field: name, value }) => {
      const path = `update.values.${name}`;
      const field = fieldNamed(resource, name, path);
      return `${dialect.quote(field.name)} = ${placeholderOf(value, field, path, dialect, bind)}`;
    })
    .join(", ");
}

function countOf({ dialect, resource }: ActionInput, filter: UpdateAction["filter"]): ActionStatement {
  const { parameters, bind } = binding(dialect);
  const where = filter === undefined ? "" : ` WHERE ${compileFilter(filter, resource, dialect, bind)}`;
  return { text: `SELECT count(*) FROM ${resource.sqlName}${where}`, parameters };
}

function byRows(input: ActionInput, action: CreateAction | UpsertAction, tail: string): Compiled {
  const { dialect, resource, forms } = input;
  const fields = action.fields.map((name, i) => fieldNamed(resource, name, `${action.kind}.fields[${i}]`));
  const quoted = fields.map(({ name }) => dialect.quote(name));
  const end = `${action.kind === "upsert" ? ` ${sameKey(input, action)}` : ""}${tail}`;
  const head = `INSERT INTO ${resource.sqlName} (${quoted.join(", ")}) VALUES `;
  const statements: ActionStatement[] = [];
  for (let first = 0; first < action.rows.length; ) {
    const { parameters, bind } = binding(dialect);
    const taken = action.rows.slice(first, first + rowsAtOnce(action, first, forms));
    const rows = taken.map((row, i) => rowOf(row, fields, `${action.kind}.rows[${first + i}].values`, dialect, bind));
    statements.push({ text: `${head}${rows.join(", ")}${end}`, parameters });
    first += taken.length;
  }
  const [one, ...more] = statements;
  if (one === undefined) throw invalidRequest({ field: `${action.kind}.rows`, description: "give one row at least" });
  return { statements: [one, ...more], count: undefined, givenRows: action.rows.length };
}

/** How many of the rows from the first on go into one statement; one at least. */
function rowsAtOnce({ rows, fields }: CreateAction | UpsertAction, first: number, forms: ActionForms): number {
  const { maxParameters, maxBytes = Number.POSITIVE_INFINITY } = forms;
  const most = Math.max(1, Math.floor(maxParameters / fields.length));
  let bytes = 0;
  for (let count = 0; count < most; count++) {
    const row = rows[first + count];
    if (row === undefined) return count;
    bytes += row.reduce((sum, operand) => sum + bytesOf(operand), 0);
    if (bytes > maxBytes && count > 0) return count;
  }
  return most;
}

/** What a value and its place in the statement take, about; bytes are written as hexadecimal digits. */
function bytesOf(operand: Operand): number {
  const placeBytes = 60;
  if (operand.kind === "text") return placeBytes + Buffer.byteLength(operand.value);
  return placeBytes + (operand.kind === "bytes" ? 2 * operand.value.length : 0);
}

function rowOf(
  row: readonly Operand[],
  fields: readonly SqlField[],
  path: string,
  dialect: Dialect,
  bind: Bind,
): string {
  if (row.length !== fields.length) {
    const description = `must hold a value for each of the ${fields.length} fields; ${row.length} were given`;
    throw invalidRequest({ field: path, description });
  }
  const values = fields.map((field, i) => placeholderOf(row[i] as Operand, field, `${path}[${i}]`, dialect, bind));
  return `(${values.join(", ")})`;
}

function sameKey({ dialect, resource, forms }: ActionInput, action: UpsertAction): string {
  const key = keyOf(resource, action);
  const changed = action.fields.filter((name) => !key.includes(name));
  const quote = (name: string) => dialect.quote(name);
  return forms.onSameKey(key.map(quote), changed.map(quote));
}

/**
 * The unique key that an upsert goes by: one that the resource has, and whose fields are all given.
 *
 * @throws Failure `invalid_request`
 */
export function keyOf(resource: ActionResource, action: UpsertAction): readonly string[] {
  const wanted = action.key.length > 0 ? action.key : resource.primaryKey;
  if (wanted.length === 0) throw keyRefused(`\`${resource.name}\` has no primary key`, resource);
  const key = [resource.primaryKey, ...resource.keys].find((each) => sameNames(each, wanted));
  if (key === undefined) throw keyRefused(`\`${resource.name}\` has no such unique key`, resource);
  const missing = key.find((name) => !action.fields.includes(name));
  if (missing === undefined) return key;
  throw invalidRequest({ field: "upsert.fields", description: `must hold the key's field \`${missing}\`` });
}

const sameNames = (some: readonly string[], others: readonly string[]) =>
  some.length === others.length &&
  new Set(others).size === others.length &&
  others.every((name) => some.includes(name));

function keyRefused(problem: string, { keys }: SqlResource): Failure {
  const known = keys.map((each) => `(${each.join(", ")})`).join(", ");
  const advice = known === "" ? "use Create or Update" : `it has ${known}`;
  return invalidRequest({ field: "upsert.key", description: `${problem}; ${advice}` });
}
