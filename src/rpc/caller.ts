/** What a handler needs to know of a call before it runs. */
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import type { Caller, CallingAgent } from "../execution/call.ts";
import { Failure } from "../failure.ts";
import type { Grant } from "../registry/grant/grant.ts";
import { type ConnectorRow, noSuchConnector } from "../registry/registry.ts";
import { principalOf } from "./principal.ts";
import type { Rooms } from "./rooms.ts";
import { leaveTimeToExecution } from "./time-limit.ts";
import { traceOf } from "./trace.ts";

/**
 * The call's own deadline and cancellation, as execution takes them; it keeps the time from then on.
 *
 * @param grant That the call is made on; undefined for one that is made as no agent
 */
export function callerOf(context: HandlerContext, grant: Grant | undefined): Caller {
  leaveTimeToExecution(context.values);
  const { id, apiKeyId } = principalOf(context);
  const agent = grant && agentOf(grant);
  return {
    ...{ principal: id, apiKeyId, agent },
    signal: leavingSignal(context.signal),
    timeoutMs: context.timeoutMs(),
    trace: traceOf(context),
  };
}

function agentOf({ agent: name, version: grant, budgets, expireTime }: Grant): CallingAgent {
  return { name, grant, budgets, expireTime };
}

/**
 * The library has one signal for three ends, and tells them apart by its reason. The
 * deadline is left to the call itself, which keeps the same one and knows what the time
 * went into.
 */
function leavingSignal(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const leave = () => {
    const code = signal.reason instanceof ConnectError ? signal.reason.code : undefined;
    if (code === Code.DeadlineExceeded) return;
    controller.abort(code === Code.Unavailable ? shuttingDown() : signal.reason);
  };
  if (signal.aborted) leave();
  else signal.addEventListener("abort", leave, { once: true });
  return controller.signal;
}

function shuttingDown(): Failure {
  return new Failure("shutting_down", "The service is stopping.", {
    where: "service",
    remedy: "Try again: another replica will answer.",
  });
}

/**
 * The connector, if the principal reaches it, for a call to its source.
 *
 * It is looked up among those that the principal reaches first: a stranger's connector
 * is absent, not forbidden, and so is one that its API key is not for.
 */
export function connectorFor(
  { registry, execution }: Rooms,
  context: HandlerContext,
  connectorId: string,
): Promise<ConnectorRow> {
  return reached(context, connectorId, async (organizationId) => {
    try {
      return await registry.use(organizationId, connectorId);
    } catch (error) {
      // What another replica deleted while nobody told of changes must not stay open here.
      if (isAbsent(error)) execution.forget(organizationId, connectorId.toLowerCase());
      throw error;
    }
  });
}

/** The same to show or change the connector itself: as it is in the store now. */
export function storedConnectorFor(
  { registry }: Rooms,
  context: HandlerContext,
  connectorId: string,
): Promise<ConnectorRow> {
  return reached(context, connectorId, (organizationId) => registry.get(organizationId, connectorId));
}

async function reached(
  context: HandlerContext,
  connectorId: string,
  find: (organizationId: string) => Promise<ConnectorRow>,
): Promise<ConnectorRow> {
  const { organizationId, connectorIds } = principalOf(context);
  if (connectorIds !== undefined && !connectorIds.has(connectorId.toLowerCase())) {
    throw noSuchConnector(new Failure("permission_denied", "The caller is limited to some connectors."));
  }
  return find(organizationId);
}

/** The ids of the connectors that the principal, or the agent that it calls as, reaches; undefined for all. */
export async function reachedIds(
  { grants }: Pick<Rooms, "grants">,
  context: HandlerContext,
): Promise<readonly string[] | undefined> {
  const { organizationId, connectorIds, agent } = principalOf(context);
  if (agent === undefined) return connectorIds && [...connectorIds];
  const granted = await grants.connectorIds(organizationId, agent);
  return connectorIds === undefined ? granted : granted.filter((id) => connectorIds.has(id));
}

function isAbsent(error: unknown): boolean {
  return error instanceof Failure && error.kind === "not_found";
}
