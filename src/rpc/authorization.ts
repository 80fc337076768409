/** Translates authorizations in a browser between domain and wire; holds no rules. */
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { ConnectorService } from "../gen/connector/v1/service_pb.js";
import { checkText } from "../registry/text.ts";
import { actorOf } from "./actor.ts";
import { storedConnectorFor } from "./caller.ts";
import { principalOf } from "./principal.ts";
import type { Rooms } from "./rooms.ts";

export function authorizationHandlers(rooms: Rooms): Pick<ServiceImpl<typeof ConnectorService>, "startAuthorization"> {
  const { authorizations, audit } = rooms;
  return {
    async startAuthorization({ connectorId, returnUri }, context) {
      checkText({ return_uri: returnUri });
      const connector = await storedConnectorFor(rooms, context, connectorId);
      const { id: principal, authentication, apiKeyId } = principalOf(context);
      const { organizationId, id, provider } = connector;
      const { authorizationUri, expireTime } = await authorizations.start(connector, {
        ...{ principal, authentication, apiKeyId, returnUri, signal: context.signal },
        noted: (em) =>
          audit.recordIn(em, {
            ...{ event: "authorization.start", organizationId, actor: actorOf(context), connectorId: id },
            details: { provider },
          }),
      });
      return { authorizationUri, expireTime: timestampFromDate(expireTime) };
    },
  };
}
