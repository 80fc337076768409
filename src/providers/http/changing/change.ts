/** Carries out what changes rows: a request for each, one after the other unless the source is said to take several at once. */
import { createHash, randomUUID } from "node:crypto";
import { Failure, type FailureKind, withMetadata } from "../../../failure.ts";
import type { PackedBatch } from "../../../rows/packed.ts";
import type { ActionRequest, ActionResult, ItemResult } from "../../contract/action.ts";
import type { Call } from "../../contract.ts";
import { rowReader } from "../body/rows.ts";
import type { ChangeOperation, Idempotency } from "../declaration.ts";
import type { HttpAnswer } from "../exchange.ts";
import { unknownOutcome } from "../failure.ts";
import type { SourceParts } from "../reading/source.ts";
import { type Assignment, lineOf, requestOf } from "../request.ts";
import type { ChangePlan } from "./plan.ts";

export interface ChangeParts extends SourceParts {
  /** The provider's id. */
  readonly upstream: string;
}

/** What is wrong with one row, and says nothing of the next. */
const ofOneRow: ReadonlySet<FailureKind> = new Set<FailureKind>([
  ...(["statement_rejected", "conflict", "constraint_violated", "unknown_resource"] as const),
  ...(["upstream_permission_denied", "invalid_request"] as const),
]);

/** What would be sent, without values. */
export function rehearsed({ operation, rows, resource }: ChangePlan): ActionResult {
  const { method, path, query, body } = operation;
  const [assignments = []] = rows;
  const statement = lineOf({ method, path, query, body, assignments });
  return { ...nothing(resource.name), affectedRows: rows.length, statement };
}

const nothing = (_resource: string): ActionResult => ({ affectedRows: 0, fields: [], batches: [], statement: "" });

/** What became of one row. */
interface Sent {
  readonly isChanged: boolean;
  /** What kept it from being changed; undefined also when there is no such row. */
  readonly failure: Failure | undefined;
  /** What the source gives back of it. */
  readonly batches: readonly PackedBatch[];
}

/** What the rows of one action have in common. */
interface Common extends Pick<ActionRequest, "idempotencyKey"> {
  /** Bytes of cells that may still be given back. */
  room: number;
}

/**
 * @throws Failure when no row was changed; `outcome_unknown` when it is not known of one, with
 *   the numbers of those before it that were (`rows_before`) and, where they are known, of those after
 *   it that were on their way with it (`rows_after`): nothing is sent after it
 */
export async function changed(
  plan: ChangePlan,
  { idempotencyKey, maxBytes }: Pick<ActionRequest, "idempotencyKey" | "maxBytes">,
  parts: ChangeParts,
  call: Call,
): Promise<ActionResult> {
  const { rows, operation } = plan;
  const common: Common = { idempotencyKey, room: maxBytes };
  const sent: Sent[] = new Array(rows.length);
  let stopped: Failure | undefined;
  await atOnce(operation.concurrency, rows.length, async (index) => {
    stopped ??= reasonOf(call.signal);
    const one =
      stopped === undefined
        ? await sentRow(plan, index, common, parts, call)
        : { isChanged: false, failure: stopped, batches: [] };
    sent[index] = one;
    if (one.failure !== undefined && !ofOneRow.has(one.failure.kind)) stopped ??= one.failure;
  });
  return resultOf(plan, sent);
}

/** Works on so many at once at most, begun in their order. All that were begun have ended when it settles. */
async function atOnce(most: number, count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    try {
      for (let index = next++; index < count; index = next++) await work(index);
    } finally {
      // Where one has failed none begins any more.
      next = count;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(most, count) }, worker));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

function resultOf({ resource, returning }: ChangePlan, sent: readonly Sent[]): ActionResult {
  refuseUnknown(sent);
  const failures = sent.flatMap(({ failure }) => failure ?? []);
  const affectedRows = changedIn(sent);
  const [first] = failures;
  if (first !== undefined && failures.length === sent.length) throw first;
  const batches = sent.flatMap((each) => each.batches);
  const result = { ...nothing(resource.name), affectedRows, fields: returning, batches };
  if (first === undefined) return result;
  const items = sent.map(({ failure }): ItemResult => {
    return failure === undefined ? { ok: true } : { ok: false, reason: failure.kind, message: failure.message };
  });
  return { ...result, items };
}

const changedIn = (sent: readonly Sent[]) => sent.filter(({ isChanged }) => isChanged).length;
const isUnknown = ({ failure }: Sent) => failure?.kind === "outcome_unknown";

/** Those that were on their way with the first of which nobody knows may have been changed before or after it. */
function refuseUnknown(sent: readonly Sent[]): void {
  const at = sent.findIndex(isUnknown);
  const failure = sent[at]?.failure;
  if (failure === undefined) return;
  const after = sent.slice(at + 1);
  // Those that were not sent for it have the same failure.
  const isAnother = after.some((each) => isUnknown(each) && each.failure !== failure);
  const known = isAnother ? {} : { rows_after: String(changedIn(after)) };
  throw withMetadata(failure, { rows_before: String(changedIn(sent.slice(0, at))), ...known });
}

async function sentRow(plan: ChangePlan, index: number, common: Common, parts: ChangeParts, call: Call): Promise<Sent> {
  const { operation, rows } = plan;
  try {
    const key = keyFor(operation.idempotency, common.idempotencyKey, index, rows.length);
    const request = requestFor(operation, rows[index] ?? [], key, parts);
    // Of what is announced to be large no more is read than there is room for.
    const answer = await parts.client.send({ ...request, maxBytes: Number.POSITIVE_INFINITY }, call);
    return { isChanged: true, failure: undefined, batches: await returned(plan, answer, common, parts.upstream) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { isChanged: false, failure: meaningOf(error, plan, parts.upstream), batches: [] };
  }
}

function reasonOf({ aborted, reason }: AbortSignal): Failure | undefined {
  if (!aborted) return undefined;
  return reason instanceof Failure ? reason : new Failure("cancelled", "The call has ended.", { where: "caller" });
}

function requestFor(
  operation: ChangeOperation,
  assignments: readonly Assignment[],
  key: string | undefined,
  { base, headers }: SourceParts,
) {
  const { method, path, query, body, idempotency } = operation;
  const marked =
    typeof idempotency === "object" && key !== undefined
      ? { ...headers, [idempotency.header.toLowerCase()]: key }
      : headers;
  return requestOf({
    ...{ base, method, path, query, body, assignments, headers: marked },
    repeatable: idempotency !== "none",
  });
}

/** What sources take as a key at most. */
const maxKeyLength = 255;

/**
 * Each row's own key: the caller's, which is the same when the caller comes again; one that
 * nobody else has lets at least a lost request be sent again.
 */
export function keyFor(
  idempotency: Idempotency,
  given: string | undefined,
  index: number,
  count: number,
): string | undefined {
  if (typeof idempotency !== "object") return undefined;
  const key = given ?? randomUUID();
  const own = count === 1 ? key : `${key}-${index}`;
  const fits = own.length <= maxKeyLength && /^[\x21-\x7e]+$/.test(own);
  return fits ? own : createHash("sha256").update(own).digest("hex");
}

/** What a failure of the source means for a row; undefined when it is that there is no such row to be changed. */
function meaningOf(error: Failure, { kind, operation }: ChangePlan, upstream: string): Failure | undefined {
  const isNamed = kind === "update" || kind === "delete";
  if (isNamed && error.kind === "unknown_resource") return undefined;
  if (kind === "create" && error.status === "409") {
    return new Failure("constraint_violated", "The source has such a row already.", {
      ...{ where: "upstream", upstream, status: "409", metadata: error.metadata, cause: error },
      remedy: "Update it instead, or create it with another key.",
    });
  }
  return isUncertain(error, operation) ? unknownOutcome(error, upstream) : error;
}

/** Who fails in the middle of its work may have done it: 501, 503 and 505 say that it was not begun. */
export function isUncertain({ kind, status }: Failure, { idempotency }: Pick<ChangeOperation, "idempotency">): boolean {
  if (kind !== "upstream_unavailable" || status === undefined || idempotency !== "none") return false;
  return Number(status) >= 500 && !["501", "503", "505"].includes(status);
}

/** The fields that are wanted of the row as the source gives it back. */
async function returned(
  { operation, returning, resource }: ChangePlan,
  answer: HttpAnswer,
  common: Common,
  upstream: string,
): Promise<readonly PackedBatch[]> {
  if (returning.length === 0 || operation.returns === undefined) {
    await passedOver(answer);
    return [];
  }
  const read = rowReader({ resource: resource.name, format: operation.returns, fields: returning });
  const batches: PackedBatch[] = [];
  try {
    for await (const batch of read(answer.body).batches) {
      common.room -= batch.size;
      if (common.room < 0) break;
      batches.push(batch);
    }
  } catch (error) {
    // It is done, and what it came to can't be said.
    throw unknownOutcome(error, upstream);
  }
  if (common.room < 0) throw doneAndTooLarge(upstream);
  return batches;
}

function doneAndTooLarge(upstream: string): Failure {
  return new Failure(
    "outcome_unknown",
    "The change was made, and the source gives back more than an answer may hold.",
    {
      ...{ where: "upstream", upstream },
      remedy: "Read at the source what it came to; name fewer fields in `returning`, or change fewer rows at once.",
    },
  );
}

/** Bytes of an answer that nobody wants, up to which its connection is worth more than they are. */
const worthless = 65_536;

/** The change is made, whatever becomes of the rest of its answer. */
export async function passedOver({ body }: HttpAnswer): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > worthless) return;
    }
  } catch {
    // Nobody wanted it.
  }
}
