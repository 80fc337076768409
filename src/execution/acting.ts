/**
 * An action on its way: its intent is committed before the first byte goes out, it is sent
 * once, and what came of it is noted, whether somebody still waits for that or not.
 */
import { randomUUID } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Failure, type FailureKind, invalidRequest } from "../failure.ts";
import type { Observe } from "../observability/observation.ts";
import type { ActionRequest, ActionResult, AnyAction } from "../providers/contract/action.ts";
import type { Call, Provider, Session } from "../providers/contract.ts";
import { persistently } from "../store/persistently.ts";
import type { Store } from "../store/store.ts";
import { able, type Work } from "./asking.ts";
import type { Claims } from "./idempotency/claims.ts";
import { maxSavedBytes } from "./idempotency/saved-answer.ts";
import { passOnce, type Stages, type Ticket } from "./pipeline.ts";

/** What an action came to. */
export interface ActionEnd {
  readonly outcome: "succeeded" | "failed" | "unknown";
  readonly reason?: FailureKind;
  /** Rows that it touched. */
  readonly rows?: number;
}

/** An intent that is noted, and waits for its outcome. */
export interface Intent {
  /** Notes its end for good. */
  ended(end: ActionEnd): Promise<void>;
  /**
   * As `ended`, in a transaction of the organization that it belongs into. What this gives may be
   * called again in another one when nobody knows whether the first was committed: it is noted once.
   */
  endedIn(end: ActionEnd): (em: EntityManager) => Promise<void>;
}

export interface ActionAsked {
  readonly request: ActionRequest<AnyAction>;
  /** Makes it safe to repeat; undefined when the caller gave no key. */
  readonly idempotency: { readonly key: string; readonly requestHash: Buffer } | undefined;
  /**
   * Notes for good that the action is about to be sent.
   *
   * @param timeoutMs Milliseconds that it may take
   * @param em A transaction of the organization that it belongs into; absent: one of its own
   */
  intend(timeoutMs: number, em?: EntityManager): Promise<Intent>;
}

export interface Acted {
  readonly result: ActionResult;
  /** It was an earlier call's. */
  readonly replayed: boolean;
}

export interface ActingParts {
  readonly stages: Stages;
  readonly store: Pick<Store, "withOrganization">;
  readonly claims: Claims;
  /** The source may have been changed: what was read of it before is not answered any more. Never fails. */
  readonly touched: () => Promise<void>;
  readonly observe: Observe;
}

/** Milliseconds that the end of an action may take beyond its deadline. */
const graceMs = 60_000;

export async function act(parts: ActingParts, ticket: Ticket, asked: ActionAsked): Promise<Acted> {
  const noted = noteAction(parts, ticket, asked);
  let sent: Promise<ActionResult> | undefined;
  const send: Work<ActionResult> = async (session, call, provider) => {
    // Its end is noted by now, and its key may be another call's: not even a breaker's probe goes on.
    ticket.call.signal.throwIfAborted();
    const work = carryOut(session, provider, capped(asked), call).catch((error) => {
      throw provider.classify(error) ?? error;
    });
    sent = work;
    return work;
  };
  try {
    const saved = await passOnce(parts.stages, ticket, noted.begin, async (...session) => {
      return { result: { result: await send(...session), replayed: false } };
    });
    if (!saved.replayed) await noted.succeeded(saved.result);
    return saved;
  } catch (error) {
    // The caller may have left before the source has settled: then nobody waits for the end.
    const ended = sent === undefined ? noted.failed(error) : sent.then(noted.succeeded, noted.failed);
    if (!ticket.call.signal.aborted) await ended;
    throw error;
  }
}

/** Asks the session for an action of any kind. Throws at once what it can't do. */
export function carryOut(
  session: Session,
  provider: Provider,
  { action, ...request }: ActionRequest<AnyAction>,
  call: Call,
): Promise<ActionResult> {
  const execute = able(session, "execute", "execute", provider);
  if (action.kind !== "named") return execute({ ...request, action }, call);
  if (session.perform !== undefined) return session.perform({ ...request, action }, call);
  const description = `there is no action \`${action.name}\`; the provider declares none`;
  throw invalidRequest({ field: "named.name", description });
}

/** What is told of an action: its resource, or its own name. */
export function targetOf(action: AnyAction | undefined): string {
  return action?.kind === "named" ? action.name : (action?.resource ?? "");
}

/** The resource that an action changes; undefined for one that may change any. */
export function touchedBy(action: AnyAction): string | undefined {
  return action.kind === "named" ? undefined : action.resource;
}

/** What a caller may ask for again is kept until then, so that it must not be too much. */
function capped({ request, idempotency }: ActionAsked): ActionRequest<AnyAction> {
  return idempotency === undefined ? request : { ...request, maxBytes: Math.min(request.maxBytes, maxSavedBytes) };
}

function noteAction({ store, claims, touched, observe }: ActingParts, { subject, call }: Ticket, asked: ActionAsked) {
  const { organizationId, connectorId } = subject;
  const { idempotency } = asked;
  const claimed =
    idempotency === undefined ? undefined : { organizationId, connectorId, claim: randomUUID(), ...idempotency };
  let intent: Intent | undefined;
  let beginning: Promise<unknown> | undefined;

  /** In one transaction with what becomes of the key. */
  async function ended(end: ActionEnd, settle: (em: EntityManager) => Promise<void>): Promise<void> {
    // Its caller may have left while it was noted: an end that came first would find nothing to settle.
    await beginning?.catch(() => {});
    const noted = intent;
    if (noted === undefined) return;
    intent = undefined;
    try {
      if (claimed === undefined) return await noted.ended(end);
      const endIn = noted.endedIn(end);
      await persistently(() =>
        store.withOrganization(organizationId, async (em) => {
          await settle(em);
          await endIn(em);
        }),
      );
    } catch {
      // What was done is done: it becomes unknown in the log, and the caller hears what is known here.
      observe({ kind: "outcome_not_noted", subject });
    }
  }

  async function claim(): Promise<Acted | undefined> {
    const timeoutMs = Math.max(0, call.deadline - performance.now());
    if (claimed === undefined) {
      intent = await asked.intend(timeoutMs);
      return undefined;
    }
    return store.withOrganization(organizationId, async (em) => {
      const saved = await claims.claim(em, claimed, timeoutMs + graceMs);
      if (saved !== undefined) return { result: saved, replayed: true };
      intent = await asked.intend(timeoutMs, em);
      return undefined;
    });
  }

  const failed = async (error: unknown): Promise<void> => {
    const reason = error instanceof Failure ? error.kind : "internal";
    if (reason === "outcome_unknown" || reason === "internal") {
      await touched();
      return ended({ outcome: "unknown", reason }, async (em) => claimed && claims.unknown(em, claimed));
    }
    return ended({ outcome: "failed", reason }, async (em) => claimed && claims.release(em, claimed));
  };

  async function succeeded(result: ActionResult): Promise<void> {
    await touched();
    return ended({ outcome: "succeeded", rows: result.affectedRows }, async (em) => {
      if (claimed) await claims.done(em, claimed, result);
    });
  }

  return {
    begin(): Promise<Acted | undefined> {
      const begun = claim();
      beginning = begun;
      return begun;
    },
    succeeded,
    failed,
  };
}
