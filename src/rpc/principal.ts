/** Who calls, found out before a request's body is read. */
import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Authenticate } from "../auth/authenticator.ts";
import type { Principal } from "../auth/principal.ts";
import { Failure } from "../failure.ts";
import { ConnectorService } from "../gen/connector/v1/service_pb.js";
import { authorizeCall } from "./permissions.ts";

const principalKey = createContextKey<Principal | undefined>(undefined, { description: "principal" });

/** Admits no call of the connector service without a principal that may make it; health and reflection need none. */
export function admitPrincipals(authenticate: Authenticate): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    if (context.service.typeName !== ConnectorService.typeName) return;
    const principal = await authenticate(context.requestHeader.get("authorization"));
    authorizeCall(principal, context.method.localName);
    context.values.set(principalKey, principal);
  };
}

export function principalOf(context: HandlerContext): Principal {
  const principal = context.values.get(principalKey);
  if (principal === undefined) {
    throw new Failure("unauthenticated", "The call has no principal.", { where: "caller" });
  }
  return principal;
}
