/** Who makes a call, as the audit log has it. */
import type { HandlerContext } from "@connectrpc/connect";
import type { Actor } from "../audit/event.ts";
import { callIdOf } from "./failure.ts";
import { clientAddressKey, principalOf } from "./principal.ts";

export function actorOf(context: Pick<HandlerContext, "values">): Actor {
  const { id: principal, authentication, agent } = principalOf(context);
  const clientAddress = context.values.get(clientAddressKey);
  const requestId = callIdOf(context.values);
  return {
    ...{ principal, authentication, requestId },
    ...(agent === undefined ? {} : { agent }),
    ...(clientAddress === undefined ? {} : { clientAddress }),
  };
}
