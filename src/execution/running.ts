/** The calls that run, by connector: those of one that is no longer to be used end. */
import type { Failure } from "../failure.ts";
import type { Subject } from "../observability/observation.ts";
import type { OpenCall } from "./call.ts";
import { keyOf } from "./connector-key.ts";

export type ConnectorKey = Pick<Subject, "organizationId" | "connectorId">;

export interface RunningCalls {
  /** The call runs until what is returned is called. */
  add(subject: Subject, call: OpenCall): () => void;
  has(connector: ConnectorKey): boolean;
  /** The connectors through which calls run. */
  connectors(): readonly ConnectorKey[];
  /** Ends the connector's calls with this failure. */
  end(connector: ConnectorKey, reason: Failure): void;
}

interface Running {
  readonly subject: Subject;
  readonly calls: Set<OpenCall>;
}

export function createRunningCalls(): RunningCalls {
  const running = new Map<string, Running>();
  return {
    add(subject, call) {
      const key = keyOf(subject.organizationId, subject.connectorId);
      const known = running.get(key) ?? { subject, calls: new Set() };
      running.set(key, known);
      known.calls.add(call);
      return () => {
        known.calls.delete(call);
        if (known.calls.size === 0 && running.get(key) === known) running.delete(key);
      };
    },
    has: ({ organizationId, connectorId }) => running.has(keyOf(organizationId, connectorId)),
    connectors: () => [...running.values()].map(({ subject }) => subject),
    end({ organizationId, connectorId }, reason) {
      for (const call of [...(running.get(keyOf(organizationId, connectorId))?.calls ?? [])]) call.end(reason);
    },
  };
}
