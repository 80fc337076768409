/** Translates the management of connectors between wire and domain; holds no rules. */
import type { ServiceImpl } from "@connectrpc/connect";
import type { Principal } from "../auth/principal.ts";
import { Failure, invalidRequest } from "../failure.ts";
import {
  type Connector,
  ConnectorOrder,
  type ConnectorPatch,
  type UpdateConnectorRequest,
} from "../gen/connector/v1/connector_pb.js";
import type { ConnectorService } from "../gen/connector/v1/service_pb.js";
import type { ListOrder, ListPosition } from "../registry/list.ts";
import type { ConnectorChange, ConnectorRow } from "../registry/registry.ts";
import { actorOf } from "./actor.ts";
import { grantFor } from "./bounds.ts";
import { reachedIds, storedConnectorFor } from "./caller.ts";
import { principalOf } from "./principal.ts";
import type { Rooms } from "./rooms.ts";
import { boundTo, canonical } from "./wire/canonical.ts";
import { connectorToWire, policyFromWire, versionFromEtag } from "./wire/connector.ts";

const orders: Record<ConnectorOrder, ListOrder> = {
  [ConnectorOrder.UNSPECIFIED]: "name",
  [ConnectorOrder.NAME]: "name",
  [ConnectorOrder.CREATE_TIME]: "createTime",
  [ConnectorOrder.UPDATE_TIME]: "updateTime",
};

type Handlers = Pick<
  ServiceImpl<typeof ConnectorService>,
  "createConnector" | "getConnector" | "listConnectors" | "updateConnector" | "deleteConnector"
>;

export function connectorHandlers(rooms: Rooms): Handlers {
  const { registry, execution, pageTokens } = rooms;
  return {
    async createConnector(request, context) {
      const { organizationId } = principalOf(context);
      const { provider, name, displayName, labels, config = {}, credential, policy } = request;
      const connector = await registry.create(
        organizationId,
        {
          ...{ provider, name, displayName, labels, config, credential },
          policy: policyFromWire(policy),
        },
        actorOf(context),
      );
      return { connector: connectorToWire(connector) };
    },

    async getConnector({ connectorId }, context) {
      const connector = await storedConnectorFor(rooms, context, connectorId);
      await grantFor(rooms, context, connector);
      return { connector: shownTo(principalOf(context), connector) };
    },

    async listConnectors({ filter, orderBy, descending, pageSize, pageToken }, context) {
      const principal = principalOf(context);
      const { organizationId, agent } = principal;
      const binding = canonical("ListConnectors", organizationId, filter, orderBy, descending, ...boundTo(agent));
      const { connectors, next } = await registry.list(organizationId, {
        providers: filter?.providers ?? [],
        namePrefix: filter?.namePrefix ?? "",
        labels: filter?.labels ?? {},
        disabled: filter?.disabled,
        ids: await reachedIds(rooms, context),
        orderBy: orders[orderBy],
        descending,
        pageSize: Math.min(pageSize || 50, 500),
        after: pageToken === "" ? undefined : (JSON.parse(pageTokens.open(pageToken, binding)) as ListPosition),
      });
      return {
        connectors: connectors.map((each) => shownTo(principal, each)),
        nextPageToken: next === undefined ? "" : pageTokens.seal(JSON.stringify(next), binding),
      };
    },

    async updateConnector(request, context) {
      const { connectorId, etag } = request;
      const { organizationId, id } = await storedConnectorFor(rooms, context, connectorId);
      const connector = await registry.update(
        organizationId,
        id,
        changeOf(request),
        versionFromEtag(etag),
        actorOf(context),
      );
      execution.forget(organizationId, id);
      return { connector: connectorToWire(connector) };
    },

    async deleteConnector({ connectorId, etag }, context) {
      const { organizationId, id } = await storedConnectorFor(rooms, context, connectorId);
      await registry.remove(organizationId, id, versionFromEtag(etag), actorOf(context));
      execution.forget(organizationId, id);
      return {};
    },
  };
}

/** Without its configuration for who may not see all resources: an API's has the names of all of them. */
function shownTo({ agent, resources }: Principal, connector: ConnectorRow): Connector {
  const shown = connectorToWire(connector);
  return agent === undefined && resources === undefined ? shown : { ...shown, config: undefined };
}

type Patchable = Exclude<keyof ConnectorPatch, "$typeName" | "$unknown">;

/** A field mask's paths, by the JSON name that JSON callers send too. */
const maskPaths: Readonly<Record<string, Patchable>> = {
  name: "name",
  display_name: "displayName",
  labels: "labels",
  config: "config",
  credential: "credential",
  policy: "policy",
  disabled: "disabled",
};

function changeOf({ connector, updateMask }: UpdateConnectorRequest): ConnectorChange {
  if (connector === undefined) throw new Failure("internal", "A request passed validation without its connector.");
  const named = updateMask?.paths ?? setFields(connector);
  // The whole configuration is also each field of it.
  const paths = named.includes("config") ? named.filter((path) => !path.startsWith("config.")) : named;
  let change: ConnectorChange = {};
  for (const path of paths) change = { ...change, ...changeAt(path, connector, change) };
  return change;
}

/** Without a mask: what the request sets. */
function setFields(patch: ConnectorPatch): string[] {
  return Object.entries(maskPaths)
    .filter(([, field]) => (field === "labels" ? Object.keys(patch.labels).length > 0 : patch[field] !== undefined))
    .map(([path]) => path);
}

function changeAt(path: string, patch: ConnectorPatch, before: ConnectorChange): ConnectorChange {
  if (path.startsWith("config.")) {
    const key = path.slice("config.".length);
    return { config: { mode: "merge", fields: { ...before.config?.fields, [key]: patch.config?.[key] } } };
  }
  switch (maskPaths[path]) {
    case "name":
      return { name: given(patch.name, path) };
    case "displayName":
      return { displayName: patch.displayName ?? "" };
    case "labels":
      return { labels: patch.labels };
    case "config":
      return { config: { mode: "replace", fields: given(patch.config, path) } };
    case "credential":
      return { credential: given(patch.credential, path) };
    case "policy":
      return { policy: policyFromWire(patch.policy) };
    case "disabled":
      return { disabled: patch.disabled ?? false };
    default:
      throw invalidRequest({
        field: "update_mask",
        description: `"${path.slice(0, 100)}" can't be changed; paths are ${Object.keys(maskPaths).join(", ")} and config.FIELD`,
      });
  }
}

function given<T>(value: T | undefined, path: string): T {
  if (value === undefined) {
    throw invalidRequest({ field: `connector.${path}`, description: "is named by update_mask and not given" });
  }
  return value;
}
