/** Rows to store, with everything that a test does not care about filled in. */
import { randomBytes } from "node:crypto";
import type { RequiredEntityData } from "@mikro-orm/core";
import type { ApiKeyRow } from "../../src/store/entities/apiKey.ts";
import type { ConnectorRow } from "../../src/store/entities/connector.ts";

export function newConnector(organizationId: string, rest: Partial<ConnectorRow> = {}) {
  const id = crypto.randomUUID();
  return {
    id,
    organizationId,
    provider: "postgresql",
    name: `connector-${id.slice(0, 8)}`,
    displayName: "",
    labels: {},
    config: { host: "db.example" },
    policy: null,
    sealedCredential: null,
    credentialUpdateTime: null,
    ...rest,
  } satisfies RequiredEntityData<ConnectorRow>;
}

export function newApiKey(organizationId: string) {
  return {
    id: crypto.randomUUID(),
    organizationId,
    principal: "somebody",
    secretHash: randomBytes(32),
    scopes: ["connector.read"],
    connectorIds: [],
    expireTime: null,
    lastUseTime: null,
    revokeTime: null,
  } satisfies RequiredEntityData<ApiKeyRow>;
}
