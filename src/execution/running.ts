/** The calls that run, by connector: those of one that is no longer to be used end, and all when the service stops. */
import type { Failure } from "../failure.ts";
import type { Subject } from "../observability/observation.ts";
import type { OpenCall } from "./call.ts";
import { keyOf } from "./connector-key.ts";

export type ConnectorKey = Pick<Subject, "organizationId" | "connectorId">;

export interface RunningCalls {
  /** The call runs until it is removed. */
  add(subject: Subject, call: OpenCall): void;
  remove(connector: ConnectorKey, call: OpenCall): void;
  has(connector: ConnectorKey): boolean;
  /** The connectors through which calls run. */
  connectors(): readonly ConnectorKey[];
  /** The agents whose calls run, with the connectors through which they do. */
  agents(): readonly (ConnectorKey & { readonly agent: string })[];
  /** Ends the connector's calls with this failure. */
  end(connector: ConnectorKey, reason: Failure): void;
  /** Ends the calls that were made with an API key. */
  endKey(apiKeyId: string, reason: Failure): void;
  /** Ends the connector's calls that an agent has made on any grant but that of this version. */
  endAgent(connector: ConnectorKey, agent: string, grant: string | undefined, reason: Failure): void;
  /** Ends all calls with this failure, and those that are added later. */
  endAll(reason: Failure): void;
}

interface Running {
  readonly subject: Subject;
  readonly calls: Set<OpenCall>;
}

export function createRunningCalls(): RunningCalls {
  const running = new Map<string, Running>();
  let over: Failure | undefined;
  const endEach = (calls: Iterable<OpenCall>, reason: Failure) => {
    for (const call of [...calls]) call.end(reason);
  };
  return {
    add(subject, call) {
      const key = keyOf(subject.organizationId, subject.connectorId);
      const known = running.get(key) ?? { subject, calls: new Set() };
      running.set(key, known);
      known.calls.add(call);
      if (over !== undefined) call.end(over);
    },
    remove({ organizationId, connectorId }, call) {
      const key = keyOf(organizationId, connectorId);
      const known = running.get(key);
      if (known?.calls.delete(call) && known.calls.size === 0) running.delete(key);
    },
    has: ({ organizationId, connectorId }) => running.has(keyOf(organizationId, connectorId)),
    connectors: () => [...running.values()].map(({ subject }) => subject),
    agents: () =>
      [...running.values()].flatMap(({ subject: { organizationId, connectorId }, calls }) => {
        const names = new Set([...calls].flatMap((call) => call.agent?.name ?? []));
        return [...names].map((agent) => ({ organizationId, connectorId, agent }));
      }),
    end({ organizationId, connectorId }, reason) {
      endEach(running.get(keyOf(organizationId, connectorId))?.calls ?? [], reason);
    },
    endKey(apiKeyId, reason) {
      for (const { calls } of [...running.values()]) {
        endEach(
          [...calls].filter((call) => call.apiKeyId === apiKeyId),
          reason,
        );
      }
    },
    endAgent({ organizationId, connectorId }, agent, grant, reason) {
      const calls = running.get(keyOf(organizationId, connectorId))?.calls ?? [];
      endEach(
        [...calls].filter((call) => call.agent?.name === agent && call.agent.grant !== grant),
        reason,
      );
    },
    endAll(reason) {
      over ??= reason;
      for (const { calls } of [...running.values()]) endEach(calls, reason);
    },
  };
}
