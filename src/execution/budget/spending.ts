/** Calls of agents within their budgets: what each may still use, and what it is charged. */
import { Failure } from "../../failure.ts";
import type { Observe, Subject } from "../../observability/observation.ts";
import type { ActionRequest, AnyAction } from "../../providers/contract/action.ts";
import type { PageRequest, ReadQuery } from "../../providers/contract.ts";
import type { PackedBatch } from "../../rows/packed.ts";
import type { CallingAgent } from "../call.ts";
import type { Moved } from "../outcome.ts";
import type { Ticket } from "../pipeline.ts";
import type { Allowance, Budgets, Spender } from "./budgets.ts";

export interface Spending {
  /**
   * Takes a call from its agent's budgets; a call without any is not kept waiting.
   *
   * @throws Failure `budget_exhausted`
   */
  take(ticket: Ticket, agent: CallingAgent | undefined): Promise<Allowance>;
  /** Tells what it is told, and charges a call that has ended. */
  charging(subject: Subject, agent: CallingAgent | undefined, observe: Observe): Observe;
}

export const unlimited: Allowance = {
  rows: Number.POSITIVE_INFINITY,
  bytes: Number.POSITIVE_INFINITY,
  exhausted() {
    throw new Failure("internal", "A call without a budget has exhausted it.");
  },
};

export function createSpending(budgets: Pick<Budgets, "take" | "charge">): Spending {
  return {
    async take({ subject, call }, agent) {
      if (agent === undefined || agent.budgets.length === 0) return unlimited;
      call.signal.throwIfAborted();
      call.enter("rateLimit");
      const allowance = await call.orEnded(budgets.take(spenderOf(subject, agent), agent.budgets));
      call.enter(undefined);
      return allowance;
    },
    charging(subject, agent, observe) {
      if (agent === undefined || agent.budgets.length === 0) return observe;
      return (observation) => {
        observe(observation);
        if (observation.kind !== "call_ended") return;
        const { rows, bytes, timings } = observation;
        const time = timings.source + timings.transfer;
        budgets.charge(spenderOf(subject, agent), agent.budgets, { rows, bytes, time });
      };
    },
  };
}

function spenderOf({ organizationId, connectorId }: Subject, { name }: CallingAgent): Spender {
  return { organizationId, connectorId, agent: name };
}

/** What is beyond the page is left for a later one. */
export function pageWithin(page: PageRequest, { rows, bytes }: Allowance): PageRequest {
  return { ...page, size: Math.min(page.size, rows), maxBytes: Math.min(page.maxBytes, bytes) };
}

/** No more rows are touched than are left; whoever asked for more is told why. */
export async function actWithin<Result>(
  request: ActionRequest<AnyAction>,
  { rows, exhausted }: Allowance,
  act: (request: ActionRequest<AnyAction>) => Promise<Result>,
): Promise<Result> {
  const { maxAffectedRows = Number.POSITIVE_INFINITY } = request;
  if (rows >= maxAffectedRows) return act(request);
  try {
    return await act({ ...request, maxAffectedRows: rows });
  } catch (error) {
    throw error instanceof Failure && error.kind === "too_many_affected" ? exhausted("rows") : error;
  }
}

/** A stream that is held to what is left. */
export interface BoundedStream {
  /** The query, so that the source does not read much more. */
  readonly query: ReadQuery;
  /** @throws Failure `budget_exhausted` for a batch that goes beyond */
  admit(moved: Moved, batch: PackedBatch): void;
  /** @throws Failure `budget_exhausted` when the stream ended for want of a budget, and there may be more rows */
  ended(moved: Moved): void;
}

export function streamWithin(query: ReadQuery, { rows, bytes, exhausted }: Allowance): BoundedStream {
  const asked = query.kind === "resource" ? (query.limit ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  const isCut = query.kind === "resource" && rows < asked;
  return {
    query: isCut ? { ...query, limit: rows } : query,
    admit(moved, batch) {
      if (moved.rows + batch.rows > rows) throw exhausted("rows");
      if (moved.bytes + batch.size > bytes) throw exhausted("bytes");
    },
    ended(moved) {
      if (isCut && moved.rows >= rows) throw exhausted("rows");
    },
  };
}
