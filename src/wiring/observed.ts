/** Tells what happens in rooms that must not know who listens. */
import type { Audit } from "../audit/audit.ts";
import type { AuditEvent, End } from "../audit/event.ts";
import type { Dial } from "../egress/dial.ts";
import type { Egress } from "../egress/egress.ts";
import { Failure } from "../failure.ts";
import type { AuditWritten, KeyUsed, Observe } from "../observability/observation.ts";
import type { KeyProvider } from "../vault/key-provider.ts";

/** The same log, which tells of every entry, and of denials. What a sweeper settles is told by nobody. */
export function observedAudit(audit: Audit, observe: Observe): Audit {
  const tell = (event: string, outcome: AuditWritten["outcome"]) => observe({ kind: "audit_written", event, outcome });
  const told = async <T>(event: string, outcome: End["outcome"] | "intended", writing: Promise<T>): Promise<T> => {
    try {
      const written = await writing;
      tell(event, outcome);
      return written;
    } catch (cause) {
      tell(event, "unwritten");
      throw cause;
    }
  };
  return {
    ...audit,
    intent: (event, timeoutMs) => told(event.event, "intended", audit.intent(event, timeoutMs)),
    intentIn: (em, event, timeoutMs) => told(event.event, "intended", audit.intentIn(em, event, timeoutMs)),
    outcome: (intent, end) => told(intent.entry.event, end.outcome, audit.outcome(intent, end)),
    outcomeIn(em, outcome) {
      const { event, outcome: ended } = outcome.entry;
      return told(event, ended, audit.outcomeIn(em, outcome));
    },
    record(event, end) {
      if (isDenial(event)) observe({ kind: "denied", method: event.details.method });
      return told(event.event, end.outcome, audit.record(event, end));
    },
    recordIn: (em, event) => told(event.event, "succeeded", audit.recordIn(em, event)),
  };
}

type Denial = Extract<AuditEvent, { readonly event: "permission.deny" }>;

const isDenial = (event: AuditEvent): event is Denial => event.event === "permission.deny";

/** The same keys, which tell of every use. */
export function observedKeys<Keys extends KeyProvider>(keys: Keys, observe: Observe): Keys {
  const told = async <T>(operation: KeyUsed["operation"], using: Promise<T | undefined>): Promise<T | undefined> => {
    const tell = (outcome: KeyUsed["outcome"]) => observe({ kind: "key_used", operation, outcome });
    try {
      const used = await using;
      tell(used === undefined ? "unknown" : "done");
      return used;
    } catch (cause) {
      tell("failed");
      throw cause;
    }
  };
  return {
    ...keys,
    wrap: (dek, additionalData) => told("wrap", keys.wrap(dek, additionalData)),
    unwrap: (keyId, wrapped, additionalData) => told("unwrap", keys.unwrap(keyId, wrapped, additionalData)),
  };
}

/** The same ways out, which tell when connectors are refused one. */
export function observedEgress(egress: Egress, observe: Observe): Egress {
  const observed =
    (dial: Dial): Dial =>
    async (...target) => {
      try {
        return await dial(...target);
      } catch (cause) {
        if (cause instanceof Failure && cause.kind === "egress_denied") observe({ kind: "egress_refused" });
        throw cause;
      }
    };
  return { ...egress, dialFor: (organizationId) => observed(egress.dialFor(organizationId)) };
}
