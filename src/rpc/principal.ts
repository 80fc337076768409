/** Who calls, found out before a request's body is read. */
import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import { asAgent, type Principal } from "../auth/principal.ts";
import type { AuthenticateCaller, ClientCertificate } from "../auth/workloads.ts";
import { Failure } from "../failure.ts";
import { ConnectorService } from "../gen/connector/v1/service_pb.js";
import { authorizeCall } from "./permissions.ts";

const principalKey = createContextKey<Principal | undefined>(undefined, { description: "principal" });

/** What the connection's client showed; set before a call is admitted. */
export const clientCertificateKey = createContextKey<ClientCertificate | undefined>(undefined, {
  description: "client certificate",
});

/** The IP address that the call's connection came from; set before a call is admitted. */
export const clientAddressKey = createContextKey<string | undefined>(undefined, { description: "client address" });

/** Names the agent that a call is made as. */
const agentHeader = "connector-agent";

/** Is told of a failure that a call ends with, before its caller is. Never fails. */
export type Denied = (cause: unknown, call: Pick<HandlerContext, "values" | "method">) => Promise<void>;

/**
 * Admits no call of the connector service without a principal that may make it; health and reflection need none.
 *
 * @param enter throws a Failure where the service has no room for another call of the organization. Default: it has
 * @param denied is told of a call that its principal may not make. Default: nobody is
 */
export function admitPrincipals(
  authenticate: AuthenticateCaller,
  enter: (organizationId: string) => void = () => {},
  denied: Denied = async () => {},
): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    if (context.service.typeName !== ConnectorService.typeName) return;
    const certificate = context.values.get(clientCertificateKey);
    const principal = await authenticate(context.requestHeader.get("authorization"), certificate);
    enter(principal.organizationId);
    context.values.set(principalKey, principal);
    try {
      const caller = asAgent(principal, context.requestHeader.get(agentHeader));
      context.values.set(principalKey, caller);
      authorizeCall(caller, context.method.localName);
    } catch (cause) {
      await denied(cause, context);
      throw cause;
    }
  };
}

export function principalOf({ values }: Pick<HandlerContext, "values">): Principal {
  const principal = values.get(principalKey);
  if (principal === undefined) {
    throw new Failure("unauthenticated", "The call has no principal.", { where: "caller" });
  }
  return principal;
}
