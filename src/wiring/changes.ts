/** What every replica does when a connector, an API key or a grant is changed, by whichever of them. */
import { unauthenticated } from "../auth/principal.ts";
import { refuseDisabled } from "../execution/asking.ts";
import type { Execution } from "../execution/execution.ts";
import type { ConnectorKey } from "../execution/running.ts";
import { Failure, type FailureKind } from "../failure.ts";
import type { Log } from "../observability/log.ts";
import type { Observe } from "../observability/observation.ts";
import type { GrantKey, Grants } from "../registry/grants.ts";
import type { Registry } from "../registry/registry.ts";
import type { ChangeListener } from "../store/changes.ts";
import type { Store } from "../store/store.ts";
import type { Callers } from "./callers.ts";

interface Hearers {
  readonly log: Log;
  readonly store: Pick<Store, "listen">;
  readonly registry: Registry;
  readonly grants: Grants;
  readonly execution: Execution;
  readonly callers: Callers;
  readonly observe: Observe;
}

export function hearChanges(hearers: Hearers): ChangeListener {
  const { log, store, registry, grants, execution, callers, observe } = hearers;
  return store.listen({
    onChange(organizationId, connectorId, rewrapped) {
      registry.changed(organizationId, connectorId);
      // What is open stays open: it is the same credential.
      if (rewrapped) return;
      execution.forget(organizationId, connectorId);
      void endIfUnusable(registry, execution, { organizationId, connectorId });
    },
    // A key is changed by being revoked or deleted, and in no other way that counts.
    onApiKeyChange(id) {
      callers.changed(id);
      execution.endKey(id, unauthenticated("The API key has been revoked.", "Ask for a new API key."));
    },
    onGrantChange(organizationId, connectorId, agent) {
      const key = { organizationId, connectorId, agent };
      grants.changed(key);
      void endOnOtherGrants(grants, execution, key);
    },
    onAvailable(available, why) {
      if (why !== undefined)
        log.warn({ why }, "what changes is not told: connectors are read for each call, and keys again every second");
      callers.available(available);
      // What changed while nobody listened is found by the next call: it has another version, or is gone.
      registry.available(available);
      grants.available(available);
      if (available) for (const connector of execution.running()) void endIfUnusable(registry, execution, connector);
      if (available) for (const key of execution.runningAgents()) void endOnOtherGrants(grants, execution, key);
      observe({ kind: "shared_state_changed", part: "changes", available });
    },
  });
}

/** An agent's calls that began on what its grant was before end; word of a change may come behind calls that began on it. */
export async function endOnOtherGrants(grants: Grants, execution: Execution, key: GrantKey): Promise<void> {
  const { agent, ...connector } = key;
  if (!execution.isRunning(connector)) return;
  // Where the store does not say that a call may go on, it must not.
  const grant = await grants.use(key).catch(() => undefined);
  const reason = new Failure("permission_denied", "The agent's grant on this connector was changed or taken back.", {
    where: "caller",
    remedy: "Call again, if ListAgentConnectors still shows the connector.",
    metadata: { agent, grant: grant === undefined ? "absent" : "changed" },
  });
  execution.endAgent(connector, agent, grant?.version, reason);
}

/** A store that does not answer says nothing of a connector. */
const unusable: ReadonlySet<FailureKind> = new Set(["not_found", "connector_disabled"]);

/** Calls that run through a connector which was disabled or deleted, here or elsewhere, end. */
async function endIfUnusable(registry: Registry, execution: Execution, connector: ConnectorKey): Promise<void> {
  if (!execution.isRunning(connector)) return;
  try {
    refuseDisabled(await registry.use(connector.organizationId, connector.connectorId));
  } catch (reason) {
    if (reason instanceof Failure && unusable.has(reason.kind)) execution.end(connector, reason);
  }
}
