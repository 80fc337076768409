/** Translates agents' grants between wire and domain; holds no rules. */
import type { ServiceImpl } from "@connectrpc/connect";
import { Failure } from "../failure.ts";
import type { ConnectorService } from "../gen/connector/v1/service_pb.js";
import { actorOf } from "./actor.ts";
import { storedConnectorFor } from "./caller.ts";
import { principalOf } from "./principal.ts";
import { isFullName } from "./reach.ts";
import type { Rooms } from "./rooms.ts";
import { boundTo, canonical } from "./wire/canonical.ts";
import { grantFromWire, grantToWire } from "./wire/grant.ts";

type Handlers = Pick<
  ServiceImpl<typeof ConnectorService>,
  "grantConnector" | "revokeConnector" | "listAgentConnectors"
>;

export function grantHandlers(rooms: Rooms): Handlers {
  const { grants, catalogue, pageTokens } = rooms;
  return {
    async grantConnector(request, context) {
      const { organizationId, id, provider } = await storedConnectorFor(rooms, context, request.connectorId);
      const type = catalogue.get(provider);
      const wanted = { ...grantFromWire(request), connectorId: id };
      const grant = await grants.grant(organizationId, wanted, (name) => isFullName(name, type), actorOf(context));
      return { grant: grantToWire(grant) };
    },

    async revokeConnector({ agent, connectorId }, context) {
      const { organizationId, id } = await storedConnectorFor(rooms, context, connectorId);
      await grants.revoke({ organizationId, agent, connectorId: id }, actorOf(context));
      return {};
    },

    async listAgentConnectors({ agent, pageSize, pageToken }, context) {
      const { organizationId, agent: own } = principalOf(context);
      if (own !== undefined && own !== agent) throw another(own);
      const binding = canonical("ListAgentConnectors", organizationId, agent, ...boundTo(own));
      const page = await grants.list(organizationId, {
        agent,
        pageSize: Math.min(pageSize || 50, 500),
        after: pageToken === "" ? undefined : pageTokens.open(pageToken, binding),
      });
      return {
        grants: page.grants.map(grantToWire),
        nextPageToken: page.next === undefined ? "" : pageTokens.seal(page.next, binding),
      };
    },
  };
}

function another(agent: string): Failure {
  return new Failure("permission_denied", "An agent may list its own grants only.", {
    where: "caller",
    remedy: `Ask for those of the agent that the call is made as, \`${agent}\`.`,
    metadata: { agent },
  });
}
