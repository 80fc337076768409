/** The connector service: every RPC of the contract, from the files that translate it. */
import type { ServiceImpl } from "@connectrpc/connect";
import type { ConnectorService } from "../gen/connector/v1/service_pb.js";
import { apiKeyHandlers } from "./api-keys.ts";
import { auditHandlers } from "./audit.ts";
import { authorizationHandlers } from "./authorization.ts";
import { connectorHandlers } from "./connectors.ts";
import { executeHandlers } from "./execute.ts";
import { grantHandlers } from "./grants.ts";
import { historyHandlers } from "./history.ts";
import { operateHandlers } from "./operate.ts";
import { providerHandlers } from "./providers.ts";
import { queryHandlers } from "./query.ts";
import type { Rooms } from "./rooms.ts";
import { statsHandlers } from "./stats.ts";
import { streamHandlers } from "./stream.ts";

type Service = ServiceImpl<typeof ConnectorService>;

export function connectorService(rooms: Rooms): Service {
  return {
    ...connectorHandlers(rooms),
    ...providerHandlers(rooms),
    ...operateHandlers(rooms),
    ...queryHandlers(rooms),
    ...streamHandlers(rooms),
    ...executeHandlers(rooms),
    ...authorizationHandlers(rooms),
    ...historyHandlers(rooms),
    ...statsHandlers(rooms),
    ...apiKeyHandlers(rooms),
    ...auditHandlers(rooms),
    ...grantHandlers(rooms),
  };
}
