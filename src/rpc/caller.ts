/** What a handler needs to know of a call before it runs. */
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { authorize, type Principal, type Scope } from "../auth/principal.ts";
import type { Caller } from "../execution/call.ts";
import { Failure } from "../failure.ts";
import { type ConnectorRow, noSuchConnector } from "../registry/registry.ts";
import { principalOf } from "./principal.ts";
import type { Rooms } from "./rooms.ts";
import { leaveTimeToExecution } from "./time-limit.ts";

/** The call's own deadline and cancellation, as execution takes them; it keeps the time from then on. */
export function callerOf(context: HandlerContext): Caller {
  leaveTimeToExecution(context.values);
  return {
    principal: principalOf(context).id,
    signal: leavingSignal(context.signal),
    timeoutMs: context.timeoutMs(),
  };
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

/** The principal, if it may do this. */
export function permitted(context: HandlerContext, ...scopes: Scope[]): Principal {
  const principal = principalOf(context);
  for (const scope of scopes) authorize(principal, scope);
  return principal;
}

/**
 * The principal, if it may do this to the organization as a whole: one that reaches
 * some of its connectors only could not use what it makes.
 */
export function permittedEverywhere(context: HandlerContext, scope: Scope): Principal {
  const principal = permitted(context, scope);
  if (principal.connectorIds === undefined) return principal;
  throw new Failure("permission_denied", "The caller is limited to some of the organization's connectors.", {
    where: "caller",
    remedy: "Call with an API key that is not limited to connectors.",
    metadata: { scope },
  });
}

/**
 * The connector, if the principal may do this with it, for a call to its source.
 *
 * It is looked up among those that the principal reaches first: a stranger's connector
 * is absent, not forbidden, and so is one that its API key is not for.
 */
export function connectorFor(
  { registry, execution }: Rooms,
  context: HandlerContext,
  connectorId: string,
  ...scopes: Scope[]
): Promise<ConnectorRow> {
  return reached(context, connectorId, scopes, async (organizationId) => {
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
  ...scopes: Scope[]
): Promise<ConnectorRow> {
  return reached(context, connectorId, scopes, (organizationId) => registry.get(organizationId, connectorId));
}

async function reached(
  context: HandlerContext,
  connectorId: string,
  scopes: readonly Scope[],
  find: (organizationId: string) => Promise<ConnectorRow>,
): Promise<ConnectorRow> {
  const principal = principalOf(context);
  const { organizationId, connectorIds } = principal;
  if (connectorIds !== undefined && !connectorIds.has(connectorId.toLowerCase())) throw noSuchConnector();
  const connector = await find(organizationId);
  for (const scope of scopes) authorize(principal, scope, connector.id);
  return connector;
}

function isAbsent(error: unknown): boolean {
  return error instanceof Failure && error.kind === "not_found";
}
