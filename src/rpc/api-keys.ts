/** Translates API keys between wire and domain; holds no rules. */
import type { Message, MessageInitShape } from "@bufbuild/protobuf";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { checkGrant } from "../auth/granting.ts";
import type { ApiKeySchema } from "../gen/connector/v1/api_key_pb.js";
import type { ConnectorService } from "../gen/connector/v1/service_pb.js";
import type { KeyPosition, StoredKey } from "../registry/api-keys.ts";
import { actorOf } from "./actor.ts";
import { principalOf } from "./principal.ts";
import type { Rooms } from "./rooms.ts";
import { canonical } from "./wire/canonical.ts";

type Handlers = Pick<ServiceImpl<typeof ConnectorService>, "createApiKey" | "listApiKeys" | "revokeApiKey">;

export function apiKeyHandlers({ apiKeys, pageTokens }: Rooms): Handlers {
  return {
    async createApiKey({ principal, scopes, connectorIds, resources, agent, expireTime }, context) {
      const maker = principalOf(context);
      checkGrant(maker, { scopes, connectorIds, resources });
      const { key, token } = await apiKeys.create(
        maker.organizationId,
        {
          ...{ principal, scopes, connectorIds, resources, agent },
          expireTime: expireTime === undefined ? null : timestampDate(expireTime),
        },
        actorOf(context),
      );
      return { apiKey: keyToWire(key), token };
    },

    async listApiKeys({ pageSize, pageToken }, context) {
      const { organizationId } = principalOf(context);
      const binding = canonical("ListApiKeys", organizationId);
      const { keys, next } = await apiKeys.list(organizationId, {
        pageSize: Math.min(pageSize || 50, 500),
        after: pageToken === "" ? undefined : (JSON.parse(pageTokens.open(pageToken, binding)) as KeyPosition),
      });
      return {
        apiKeys: keys.map(keyToWire),
        nextPageToken: next === undefined ? "" : pageTokens.seal(JSON.stringify(next), binding),
      };
    },

    async revokeApiKey({ apiKeyId }, context) {
      await apiKeys.revoke(principalOf(context).organizationId, apiKeyId, actorOf(context));
      return {};
    },
  };
}

function keyToWire(key: StoredKey): Exclude<MessageInitShape<typeof ApiKeySchema>, Message> {
  const { id, principal, scopes, connectorIds, resources, agent } = key;
  const { createTime, expireTime, lastUseTime, revokeTime } = key;
  return {
    ...{ id, principal, scopes, connectorIds, resources, agent },
    createTime: timestampFromDate(createTime),
    ...(expireTime === null ? {} : { expireTime: timestampFromDate(expireTime) }),
    ...(lastUseTime === null ? {} : { lastUseTime: timestampFromDate(lastUseTime) }),
    ...(revokeTime === null ? {} : { revokeTime: timestampFromDate(revokeTime) }),
  };
}
