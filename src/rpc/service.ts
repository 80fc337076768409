/** The connector service: every RPC of the contract, from the files that translate it. */
import type { ServiceImpl } from "@connectrpc/connect";
import { Failure } from "../failure.ts";
import type { ConnectorService } from "../gen/connector/v1/service_pb.js";
import { apiKeyHandlers } from "./api-keys.ts";
import { auditHandlers } from "./audit.ts";
import { authorizationHandlers } from "./authorization.ts";
import { connectorHandlers } from "./connectors.ts";
import { executeHandlers } from "./execute.ts";
import { historyHandlers } from "./history.ts";
import { operateHandlers } from "./operate.ts";
import { providerHandlers } from "./providers.ts";
import { queryHandlers } from "./query.ts";
import type { Rooms } from "./rooms.ts";
import { statsHandlers } from "./stats.ts";
import { streamHandlers } from "./stream.ts";

/** What the contract names and the service does not do yet. */
type Unbuilt = "grantConnector" | "revokeConnector" | "listAgentConnectors";

type Service = ServiceImpl<typeof ConnectorService>;

export function connectorService(rooms: Rooms): Service {
  const built: Omit<Service, Unbuilt> = {
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
  };
  return { ...built, ...unbuilt };
}

function refuse(): never {
  throw new Failure("not_implemented", "The service does not have this RPC yet.", {
    where: "service",
    remedy: "The README lists the RPCs that it has.",
  });
}

const unbuilt: Pick<Service, Unbuilt> = {
  grantConnector: refuse,
  revokeConnector: refuse,
  listAgentConnectors: refuse,
};
