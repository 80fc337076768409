/** Who calls, found out before a request's body is read. */
import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { Authenticator } from "../auth/authenticator.ts";
import type { Principal } from "../auth/principal.ts";
import { Failure } from "../failure.ts";
import { ConnectorService } from "../gen/connector/v1/service_pb.js";
import { toConnectError } from "./failure.ts";

const principalKey = createContextKey<Principal | undefined>(undefined, { description: "principal" });

/** Lets no call of the connector service in without a principal; health and reflection need none. */
export function principalGate(authenticator: Authenticator): (context: HandlerContext) => Promise<void> {
  return async (context) => {
    if (context.service.typeName !== ConnectorService.typeName) return;
    try {
      const principal = await authenticator.authenticate(context.requestHeader.get("authorization"));
      context.values.set(principalKey, principal);
    } catch (error) {
      throw toConnectError(error);
    }
  };
}

export function principalOf(context: HandlerContext): Principal {
  const principal = context.values.get(principalKey);
  if (principal === undefined) {
    throw new Failure("unauthenticated", "The call has no principal.", { where: "caller" });
  }
  return principal;
}
