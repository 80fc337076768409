/** What is sent for an action, and what a table must be for it. */
import { Failure, invalidRequest } from "../../failure.ts";
import type { Action, ActionRequest, CreateAction, UpsertAction } from "../contract/action.ts";
import type { Operand } from "../contract.ts";
import { type ActionForms, type CompiledAction, compileAction, keyOf, returnedFields } from "../sql/action.ts";
import type { Dialect, SqlField } from "../sql/dialect.ts";
import { isKey, type Key } from "../sql/keyed.ts";
import type { Run } from "../sql/run.ts";
import type { MysqlResource } from "./catalogue.ts";

/** Parameters of one statement: a prepared one counts them in two bytes; fewer are as fast, and kept in memory by the server. */
const maxParameters = 8_192;

/** An action, made ready for a table. */
export interface Change {
  readonly dialect: Dialect;
  readonly resource: MysqlResource;
  readonly action: Action;
  /** What does it without giving rows back; for an upsert `byRow`, no more than what a dry run shows. */
  readonly compiled: CompiledAction;
  /** The fields that are given back. */
  readonly returning: readonly SqlField[];
  /** The unique key by which rows are known that are given back, or changed one by one; empty for none. */
  readonly key: readonly string[];
  /** An upsert that looks for each row by its key. */
  readonly byRow: boolean;
  /** Compiles another action on the same table, whose values are known to be good. */
  compile(action: Action): CompiledAction;
}

export interface ChangeInput {
  readonly dialect: Dialect;
  readonly resource: MysqlResource;
  readonly request: Pick<ActionRequest, "action" | "returning">;
  /** Bytes of one statement that the server takes at most. */
  readonly maxPacket: number;
}

/**
 * @throws Failure `invalid_request`, `unknown_field` or `unsupported`, before anything is sent
 */
export function planChange({ dialect, resource, request, maxPacket }: ChangeInput): Change {
  const { action } = request;
  const returning = returnedFields(resource, request.returning);
  const compile = (each: Action, forms: ActionForms = formsFor(maxPacket)) =>
    compileAction({ dialect, forms, resource, request: { action: each, returning: [] } });
  // What the server counts is only told of the first row of a statement.
  const oneByOne = action.kind === "create" && returning.length > 0 && isCounted(resource, action);
  const forms = oneByOne ? { ...formsFor(maxPacket), maxParameters: 1 } : formsFor(maxPacket);
  const whole = compile(action, forms);
  refuseTooLarge(whole, maxPacket);
  const key = action.kind === "upsert" ? keyOf(resource, action) : resource.primaryKey;
  if (returning.length > 0) refuseUnknownKeys(resource, action);
  const byRow = action.kind === "upsert" && !isOnlyKey(resource, key);
  if (action.kind === "upsert") refuseTwice(action, key);
  const compiled = byRow ? { ...whole, statements: compile(changeOf(action, key, 0)).statements } : whole;
  return { dialect, resource, action, compiled, returning, key, byRow, compile };
}

/** A server closes the connection on what is too large for it, and may do so without a word. */
function refuseTooLarge({ statements }: CompiledAction, maxPacket: number): void {
  const besides = 16;
  for (const { text, parameters } of statements) {
    const values = parameters.reduce((sum, value) => sum + Buffer.byteLength(value) + besides, besides);
    if (Math.max(values, Buffer.byteLength(text) + besides) <= maxPacket) continue;
    throw new Failure("too_large", `The values are more than the source takes in one statement: ${maxPacket} bytes.`, {
      where: "upstream",
      upstream: "mysql",
      remedy: "Let an administrator raise the source's max_allowed_packet; bytes take two for each of them.",
    });
  }
}

function formsFor(maxPacket: number): ActionForms {
  return {
    maxParameters,
    // Half of it: what values take is only about right.
    maxBytes: Math.floor(maxPacket / 2),
    onSameKey(key, changed) {
      // A row that is there is touched also when its key is all that is given.
      const assigned = changed.map((column) => `${column} = VALUES(${column})`);
      return `ON DUPLICATE KEY UPDATE ${assigned.length > 0 ? assigned.join(", ") : `${key[0]} = ${key[0]}`}`;
    },
  };
}

/** The server takes any unique key for the same row; where there is one only, it is this one. */
function isOnlyKey({ keys, uniqueIndexes }: MysqlResource, key: readonly string[]): boolean {
  return uniqueIndexes === 1 && keys.some((each) => each.length === key.length && each.every((n) => key.includes(n)));
}

/** Whether the server gives the rows their numbers, by which alone they are known. */
function isCounted({ primaryKey, counted }: MysqlResource, { fields }: CreateAction): boolean {
  return counted !== undefined && primaryKey.includes(counted) && !fields.includes(counted);
}

function refuseUnknownKeys(resource: MysqlResource, action: Action): void {
  const { primaryKey, counted, name } = resource;
  if (action.kind === "upsert") return;
  if (primaryKey.length === 0)
    throw unreturnable(`\`${name}\` has no primary key by which its rows could be read back`);
  if (action.kind !== "create") return;
  const missing = primaryKey.find((field) => field !== counted && !action.fields.includes(field));
  if (missing !== undefined) throw unreturnable(`the source does not tell which \`${missing}\` it gives to new rows`);
}

function unreturnable(why: string): Failure {
  const description = `Rows can't be given back: ${why}.`;
  return new Failure("unsupported", description, {
    where: "request",
    upstream: "mysql",
    remedy: "Leave `returning` out, or give the primary key yourself.",
    fields: [{ field: "returning", description }],
  });
}

/** Of each row the values of the key's fields. */
export function keysGiven({ fields, rows }: Pick<CreateAction, "fields" | "rows">, key: readonly string[]): Key[] {
  const places = key.map((name) => fields.indexOf(name));
  return rows.map((row) => places.map((place) => row[place] as Operand));
}

/** A row must not be changed twice by one action, which counts it once. */
function refuseTwice(action: UpsertAction, key: readonly string[]): void {
  const seen = new Map<string, number>();
  for (const [i, values] of keysGiven(action, key).entries()) {
    const text = JSON.stringify(values.map((value) => ("value" in value ? String(value.value) : null)));
    const before = seen.get(text);
    if (before !== undefined) {
      const description = `has the same key as the row ${before}; give each row once`;
      throw invalidRequest({ field: `upsert.rows[${i}]`, description });
    }
    seen.set(text, i);
  }
}

/** The update of an upsert's row, should it be there. */
export function changeOf(action: UpsertAction, key: readonly string[], row: number): Action {
  const values = action.rows[row] ?? [];
  const given = action.fields.map((field, i) => ({ field, value: values[i] as Operand }));
  const changed = given.filter(({ field }) => !key.includes(field));
  const [own] = keysGiven({ fields: action.fields, rows: [values] }, key) as [Key];
  return {
    kind: "update",
    resource: action.resource,
    filter: isKey(key, own),
    // A row that is there is touched also when its key is all that is given.
    values: changed.length > 0 ? changed : given.filter(({ field }) => field === key[0]),
  };
}

/** What the server says of itself that an action must know. */
export interface Room {
  /** Bytes of a statement at most. */
  readonly maxPacket: number;
}

/**
 * One statement.
 *
 * @throws Failure `unsupported` for what can't undo a change: a table whose engine knows no
 *   transactions, or a view, of which the server does not say what is behind it
 */
export async function readRoom(run: Run, { name, kind, engine }: MysqlResource): Promise<Room> {
  if (kind === "view") {
    throw unsupported(`\`${name}\` is a view; rows are changed in tables only.`, "Name the table that the view reads.");
  }
  const [[transactions, maxPacket] = []] = await run(engineQuery, [engine]);
  if (transactions === "YES") return { maxPacket: Number(maxPacket) };
  throw unsupported(
    `\`${name}\` is a table of the engine ${engine}, which has no transactions: a change that fails would be half done.`,
    "Let an administrator change its engine: ALTER TABLE … ENGINE=InnoDB.",
  );
}

const engineQuery = "SELECT e.transactions, @@max_allowed_packet FROM information_schema.engines e WHERE e.engine = ?";

function unsupported(message: string, remedy: string): Failure {
  return new Failure("unsupported", message, { where: "connector", upstream: "mysql", remedy });
}
