/** What a handler needs to know of a call before it runs. */
import type { HandlerContext } from "@connectrpc/connect";
import { authorize, type Principal, type Scope } from "../auth/principal.ts";
import type { Caller } from "../execution/call.ts";
import type { ConnectorRow } from "../registry/registry.ts";
import { principalOf } from "./principal.ts";
import type { Rooms } from "./rooms.ts";

/** The call's own deadline and cancellation, as execution takes them. */
export function callerOf(context: HandlerContext): Caller {
  return { signal: context.signal, timeoutMs: context.timeoutMs() };
}

/** The principal, if it may do this. */
export function permitted(context: HandlerContext, ...scopes: Scope[]): Principal {
  const principal = principalOf(context);
  for (const scope of scopes) authorize(principal, scope);
  return principal;
}

/**
 * The connector, if the principal may do this with it.
 *
 * It is looked up in the principal's organization first: a stranger's connector is
 * absent, not forbidden.
 */
export async function connectorFor(
  { registry }: Rooms,
  context: HandlerContext,
  connectorId: string,
  ...scopes: Scope[]
): Promise<ConnectorRow> {
  const principal = principalOf(context);
  const connector = await registry.get(principal.organizationId, connectorId);
  for (const scope of scopes) authorize(principal, scope, connector.id);
  return connector;
}
