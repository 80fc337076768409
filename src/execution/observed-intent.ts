/** Tells when the intent of an action is noted, or could not be. */
import { Failure } from "../failure.ts";
import type { Observe } from "../observability/observation.ts";
import { spanBelow } from "../observability/span.ts";
import type { ActionAsked } from "./acting.ts";
import type { Ticket } from "./pipeline.ts";

export function observed(asked: ActionAsked, { subject, call }: Ticket, observe: Observe): ActionAsked {
  return {
    ...asked,
    async intend(...how) {
      const span = call.spans && spanBelow(call.spans.own);
      try {
        const intent = await asked.intend(...how);
        observe({ kind: "intent_noted", subject, reason: undefined, span });
        return intent;
      } catch (error) {
        const reason = error instanceof Failure ? error.kind : "internal";
        observe({ kind: "intent_noted", subject, reason, span });
        throw error;
      }
    },
  };
}
