/**
 * What keeps an action that carries an idempotency key from happening twice.
 *
 * A key is claimed before the action is sent, in the transaction that notes its intent, and
 * settled when it has ended. Whoever comes with the same key gets the first one's answer;
 * while that is under way it is refused, and when nobody is at it any more and nobody knows
 * what came of it, it is told so: the action is never sent again by us.
 */
import { LockMode } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Failure, invalidRequest } from "../../failure.ts";
import type { ActionResult } from "../../providers/contract/action.ts";
import { IdempotencyKey, type IdempotencyKeyRow } from "../../store/entities/idempotencyKey.ts";
import { type AnswerPlace, type AnswerSealer, anyVersion } from "../../vault/kept-answer.ts";
import { decodeAnswer, encodeAnswer, format } from "./saved-answer.ts";

/** What an action is known by. */
export interface ClaimedAction {
  readonly organizationId: string;
  readonly connectorId: string;
  /** The caller's idempotency key. */
  readonly key: string;
  /** A UUID of this call: what comes late of one that has let the key go does nothing to the next one's. */
  readonly claim: string;
  /** A keyed hash of the whole request, 32 bytes: another request under the same key is refused. */
  readonly requestHash: Buffer;
}

export interface Claims {
  /**
   * Claims the key, if nobody has.
   *
   * @param em A transaction of the organization, which the intent is written in, too
   * @param leaseMs Milliseconds after which nobody can be at it any more
   * @returns The answer of the first call, or undefined when the key is the caller's now
   * @throws Failure `invalid_request` when the key is another request's, `conflict` while
   *   the first call is under way, `outcome_unknown` when nobody knows what came of it, or
   *   its answer can't be opened any more
   */
  claim(em: EntityManager, action: ClaimedAction, leaseMs: number): Promise<ActionResult | undefined>;
  /** Keeps the answer for whoever asks again. */
  done(em: EntityManager, action: ClaimedAction, result: ActionResult): Promise<void>;
  /** Nothing was changed: the key may be used again. */
  release(em: EntityManager, action: ClaimedAction): Promise<void>;
  /** Nobody will ever know. */
  unknown(em: EntityManager, action: ClaimedAction): Promise<void>;
}

const method = "Execute";
/** How long a key is remembered, in milliseconds; `sealed-credentials.ts` counts answers that are a little older, too. */
const keptMs = 24 * 60 * 60 * 1_000;
/** Forgotten at once at most: more than are claimed, so that none pile up. */
const forgottenAtOnce = 50;

/** The key itself, and some others that nobody else is about to forget. */
const forgetting = `
  WITH expired AS (
    SELECT organization_id, method, key FROM idempotency_key
    WHERE organization_id = ? AND create_time < ? ORDER BY create_time LIMIT ${forgottenAtOnce} FOR UPDATE SKIP LOCKED
  )
  DELETE FROM idempotency_key AS known WHERE organization_id = ? AND method = ? AND (
    (key = ? AND create_time < ?) OR (organization_id, method, key) IN (SELECT * FROM expired)
  )`;

export function createClaims(sealer: AnswerSealer): Claims {
  async function insert(em: EntityManager, action: ClaimedAction, leaseMs: number): Promise<boolean> {
    const { organizationId, connectorId, key, claim, requestHash } = action;
    const now = new Date();
    const expired = new Date(now.getTime() - keptMs);
    await em.execute(forgetting, [organizationId, expired, organizationId, method, key, expired]);
    const inserted = await em.execute<unknown[]>(
      `INSERT INTO idempotency_key
         (organization_id, method, key, claim, connector_id, request_hash, state, lease_time, create_time)
       VALUES (?, ?, ?, ?, ?, ?, 'in_flight', ?, ?)
       ON CONFLICT DO NOTHING RETURNING key`,
      [organizationId, method, key, claim, connectorId, requestHash, new Date(now.getTime() + leaseMs), now],
    );
    return inserted.length > 0;
  }

  const whereOf = ({ organizationId, key }: ClaimedAction) => ({ organizationId, method, key });
  const ownOf = (action: ClaimedAction) => ({ ...whereOf(action), claim: action.claim, state: "in_flight" as const });

  return {
    async claim(em, action, leaseMs) {
      if (await insert(em, action, leaseMs)) return undefined;
      // Locked: it may be settled in this moment.
      const found = await em.findOne(IdempotencyKey, whereOf(action), {
        lockMode: LockMode.PESSIMISTIC_READ,
      });
      // Its first call has failed and released it between the two statements.
      if (found === null) throw inFlight();
      refuse(found, action);
      if (found.sealedAnswer === null) throw inFlight();
      return decodeAnswer(await sealer.open(placeOf(action), found.sealedAnswer).catch(unreadable));
    },
    async done(em, action, result) {
      const sealedAnswer = Buffer.from(await sealer.seal(placeOf(action), encodeAnswer(result)));
      await em.nativeUpdate(IdempotencyKey, ownOf(action), { state: "done", sealedAnswer });
    },
    async release(em, action) {
      await em.nativeDelete(IdempotencyKey, ownOf(action));
    },
    async unknown(em, action) {
      await em.nativeUpdate(IdempotencyKey, ownOf(action), { state: "unknown" });
    },
  };
}

function refuse({ requestHash, state, leaseTime }: IdempotencyKeyRow, action: ClaimedAction): void {
  if (!action.requestHash.equals(requestHash)) {
    const description =
      "was used for another request within the last 24 hours: use another key, or send the same request";
    throw invalidRequest({ field: "idempotency_key", description });
  }
  if (state === "unknown" || (state === "in_flight" && leaseTime.getTime() < Date.now())) throw nobodyKnows();
}

function inFlight(): Failure {
  return new Failure("conflict", "A call with the same idempotency key is under way.", {
    where: "caller",
    remedy: "Wait until it has ended: the same call is answered with its result then.",
    retryAfterMs: 1_000,
  });
}

function nobodyKnows(): Failure {
  const message = "A call with the same idempotency key was sent, and what came of it is not known.";
  return new Failure("outcome_unknown", message, {
    where: "upstream",
    remedy: "Look at the source, and use a new key to send the action again.",
  });
}

/** The encryption key of a day ago was destroyed meanwhile, say; one that can't be reached now says so itself. */
function unreadable(cause: unknown): never {
  if (cause instanceof Failure && cause.kind !== "internal") throw cause;
  const message = "A call with the same idempotency key was carried out, and its answer can't be opened any more.";
  throw new Failure("outcome_unknown", message, {
    where: "service",
    remedy: "Look at the source for what was changed, and do not send the action again under another key unasked.",
    cause,
  });
}

function placeOf({ organizationId, connectorId, key, requestHash }: ClaimedAction): AnswerPlace {
  const digest = `${key}\0${requestHash.toString("hex")}`;
  // It outlives the connector's version, and no epoch ends it.
  return { organizationId, connectorId, version: anyVersion, digest, epoch: "idempotency", format };
}
