/** What came of a call: told once, when it is over. */
import { Failure, withMetadata } from "../failure.ts";
import type { CallEnded, Observe } from "../observability/observation.ts";
import type { Ticket } from "./pipeline.ts";

/** What is known of a call when it begins. */
export type Begun = Pick<CallEnded, "method" | "principal" | "agent" | "resource" | "statement" | "breaker">;

/** What a call moved. */
export interface Moved {
  readonly rows: number;
  readonly bytes: number;
  readonly cached?: boolean;
}

export interface Outcome {
  succeeded(moved: Moved): void;
  /** The error as the caller gets it. */
  failed(error: unknown, moved?: Moved): unknown;
}

const nothing: Moved = { rows: 0, bytes: 0 };

/** The first end that is told is the call's end. */
export function outcomeOf(begun: Begun, ticket: Ticket, observe: Observe): Outcome {
  const startTime = new Date();
  const { subject, call } = ticket;
  let told = false;
  const tell = (reason: CallEnded["reason"], { rows, bytes, cached = false }: Moved) => {
    if (told) return;
    told = true;
    const { method, principal, agent, resource, statement, breaker } = begun;
    const { attempts } = ticket;
    observe({
      kind: "call_ended",
      subject,
      method,
      principal,
      agent,
      resource,
      ...(statement === undefined ? {} : { statement }),
      startTime,
      reason,
      rows,
      bytes,
      attempts,
      breaker,
      cached,
      timings: call.timings(),
      ...(call.spans && { span: call.spans.own, spent: call.spans.spent() }),
    });
  };
  return {
    succeeded: (moved) => tell(undefined, moved),
    failed(error, moved = nothing) {
      tell(error instanceof Failure ? error.kind : "internal", moved);
      if (!(error instanceof Failure)) return error;
      // What refused a second attempt was no source.
      const asked = ticket.attempts > 1 ? { attempts: String(ticket.attempts) } : {};
      return withMetadata(error, { connector: subject.connectorId, ...asked });
    },
  };
}
