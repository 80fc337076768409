/** An action in a transaction of its own: all of it is done, or nothing. */
import { Failure } from "../../failure.ts";
import type { PackedBatch } from "../../rows/packed.ts";
import type {
  ActionRequest,
  ActionResult,
  CreateAction,
  DeleteAction,
  UpdateAction,
  UpsertAction,
} from "../contract/action.ts";
import { tooManyAffected } from "../query/refused-action.ts";
import type { ActionStatement } from "../sql/action.ts";
import { outcomeUnknown } from "../sql/action-end.ts";
import { hasKey, type Key, keyOfCells, lockKeys, piecesOf, readByKey } from "../sql/keyed.ts";
import { type Change, changeOf, keysGiven } from "./changing.ts";
import { ServerError } from "./protocol.ts";
import type { Writer } from "./writer.ts";

const upstream = "mysql";

/** What an action has come to before it is kept. */
interface Touched {
  readonly affectedRows: number;
  readonly batches: readonly PackedBatch[];
}

/**
 * Does it.
 *
 * @throws Failure `too_many_affected`, `too_large` or `unsupported`, or what the source
 *   refused: nothing was changed then; `outcome_unknown` when the source was lost while it
 *   committed, or could not undo all
 */
export async function change(plan: Change, request: ActionRequest, writer: Writer): Promise<ActionResult> {
  const { maxAffectedRows: cap = Number.POSITIVE_INFINITY } = request;
  await writer.begin();
  const touched = await touch(plan, writer, cap).catch(async (error: unknown) => {
    if (error instanceof ServerError || isOurs(error)) await undo(writer);
    throw error;
  });
  await writer.commit().catch((error: unknown) => {
    throw isUndone(error) ? error : outcomeUnknown(upstream, error);
  });
  return { ...touched, fields: plan.returning, statement: "" };
}

/** It was found between two statements, so that the connection is good. */
const isOurs = (error: unknown) =>
  error instanceof Failure && (error.kind === "too_many_affected" || error.kind === "unsupported");

/** What a server answers to COMMIT when it has rolled back: a deadlock found late, and a server that has become read only. */
const undoneNumbers = new Set([1213, 1290, 1836, 3101]);

const isUndone = (error: unknown) => error instanceof ServerError && undoneNumbers.has(error.errno);

/**
 * A warning says that a table without transactions was changed, too, which a trigger can do.
 * A source that is lost meanwhile undoes it by itself.
 */
async function undo(writer: Writer): Promise<void> {
  const ended = await writer.rollback().catch(() => undefined);
  if (ended === undefined || ended.warnings === 0) return;
  throw new Failure("outcome_unknown", "The action has failed, and the source could not undo all of it.", {
    where: "upstream",
    upstream,
    remedy: "Look at tables without transactions that triggers change: what they wrote was kept.",
  });
}

function touch(plan: Change, writer: Writer, cap: number): Promise<Touched> {
  const { action, returning } = plan;
  switch (action.kind) {
    case "create":
      return create(plan, action, writer, cap);
    case "upsert":
      return upsert(plan, action, writer, cap);
    default:
      return returning.length > 0 ? byKeys(plan, action, writer, cap) : byCondition(plan, writer, cap);
  }
}

async function runAll(statements: readonly ActionStatement[], writer: Writer) {
  let affected = 0;
  const insertIds: string[] = [];
  for (const statement of statements) {
    const { affectedRows, insertId } = await writer.change(statement);
    affected += affectedRows;
    insertIds.push(insertId);
  }
  return { affected, insertIds };
}

async function byCondition({ compiled }: Change, writer: Writer, cap: number): Promise<Touched> {
  const { affected: affectedRows } = await runAll(compiled.statements, writer);
  if (affectedRows > cap) throw tooManyAffected(affectedRows, cap);
  return { affectedRows, batches: [] };
}

async function create(plan: Change, action: CreateAction, writer: Writer, cap: number): Promise<Touched> {
  if (action.rows.length > cap) throw tooManyAffected(action.rows.length, cap);
  const { affected: affectedRows, insertIds } = await runAll(plan.compiled.statements, writer);
  return { affectedRows, batches: await readBack(plan, () => keysMade(plan, action, insertIds), writer) };
}

/** The primary keys of new rows: what was given, and what the server has counted. */
function keysMade({ key, resource }: Change, action: CreateAction, insertIds: readonly string[]): Key[] {
  const counted = action.fields.includes(resource.counted ?? "") ? -1 : key.indexOf(resource.counted ?? "");
  return keysGiven(action, key).map((values, row) =>
    values.map((value, i) => (i === counted ? { kind: "text", value: insertIds[row] ?? "" } : value)),
  );
}

/** Rows that are to be given back are known by their keys first, and are locked then. */
async function byKeys(
  plan: Change,
  action: UpdateAction | DeleteAction,
  writer: Writer,
  cap: number,
): Promise<Touched> {
  const { key } = plan;
  const keys = (await writer.texts(lockKeys(plan, action.filter), key.length)).map(keyOfCells);
  if (keys.length > cap) throw tooManyAffected(keys.length, cap);
  const before = action.kind === "delete" ? await readBack(plan, () => keys, writer) : [];
  let affectedRows = 0;
  for (const piece of piecesOf(keys)) {
    const { statements } = plan.compile({ ...action, filter: hasKey(key, piece) });
    affectedRows += (await runAll(statements, writer)).affected;
  }
  if (action.kind === "delete") return { affectedRows, batches: before };
  const moved = keys.map((values) => values.map((value, i) => newValue(action, key[i]) ?? value));
  return { affectedRows, batches: await readBack(plan, () => moved, writer) };
}

const newValue = ({ values }: UpdateAction, name: string | undefined) =>
  values.find(({ field }) => field === name)?.value;

/** Each row is touched once; by which statement, and how often the server counts it, is another matter. */
async function upsert(plan: Change, action: UpsertAction, writer: Writer, cap: number): Promise<Touched> {
  const { rows } = action;
  if (rows.length > cap) throw tooManyAffected(rows.length, cap);
  if (plan.byRow) await upsertByRow(plan, action, writer);
  else await runAll(plan.compiled.statements, writer);
  return { affectedRows: rows.length, batches: await readBack(plan, () => keysGiven(action, plan.key), writer) };
}

/** Changes the rows that are there by the key that is meant, and inserts the others. */
async function upsertByRow(plan: Change, action: UpsertAction, writer: Writer): Promise<void> {
  const missing: UpsertAction["rows"][number][] = [];
  for (const [i, row] of action.rows.entries()) {
    const { affected } = await runAll(plan.compile(changeOf(action, plan.key, i)).statements, writer);
    if (affected === 0) missing.push(row);
  }
  if (missing.length === 0) return;
  await runAll(plan.compile({ ...action, kind: "create", rows: missing }).statements, writer);
}

/** The rows of the keys, in their order; none where nothing was asked for. */
async function readBack(plan: Change, keysOf: () => readonly Key[], writer: Writer): Promise<readonly PackedBatch[]> {
  const { returning: fields } = plan;
  if (fields.length === 0) return [];
  const keys = keysOf();
  const batches: PackedBatch[] = [];
  for (const piece of piecesOf(keys)) {
    batches.push(...(await writer.read(readByKey({ ...plan, fields, keys: piece }), fields.length)));
  }
  const read = batches.reduce((sum, { rows }) => sum + rows, 0);
  if (read !== keys.length) throw notReadBack();
  return batches;
}

function notReadBack(): Failure {
  const message =
    "The touched rows are not there by their keys, so that they can't be given back. Nothing was changed.";
  return new Failure("unsupported", message, {
    where: "upstream",
    upstream,
    remedy: "Leave `returning` out: a trigger of the source's changes the key, or two of the rows have the same one.",
  });
}
