import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { apiKeySetting, applicationRole, organizationPolicy } from "./tenancy.ts";

export const ApiKey = defineEntity({
  name: "ApiKey",
  rowLevelSecurity: "force",
  policies: [
    organizationPolicy,
    // Whose key it is shows only once it was found: who knows its id sees that one row.
    {
      name: "lookup_by_id",
      command: "select",
      roles: [applicationRole],
      using: `id = NULLIF(current_setting('${apiKeySetting}', true), '')::uuid`,
    },
  ],
  // Who shows a key names no organization: the id alone must lead to one row.
  uniques: [{ name: "api_key_id_unique", properties: ["id"] }],
  indexes: [{ name: "api_key_create_time_index", properties: ["organizationId", "createTime", "id"] }],
  checks: [
    { name: "api_key_organization_id_check", expression: "organization_id <> ''" },
    { name: "api_key_principal_check", expression: "principal <> ''" },
    { name: "api_key_secret_hash_check", expression: "octet_length(secret_hash) = 32" },
    { name: "api_key_scopes_check", expression: "cardinality(scopes) > 0" },
  ],
  triggers: [
    {
      name: "changed",
      timing: "after",
      events: ["update", "delete"],
      // That it was used changes nothing.
      body: `IF TG_OP = 'DELETE' OR to_jsonb(OLD) - 'last_use_time' IS DISTINCT FROM to_jsonb(NEW) - 'last_use_time' THEN
        PERFORM pg_notify('api_key_changed', OLD.id::text);
      END IF;
      RETURN NULL;`,
    },
  ],
  properties: {
    organizationId: p.string().length(64).primary(),
    id: p.uuid().primary(),
    principal: p.string().length(255),
    /** A keyed hash of the whole token, 32 bytes. */
    secretHash: p.blob().hidden(),
    scopes: p.array<string>(),
    /** Empty for all of the organization's. */
    connectorIds: p.array<string>().default([]),
    /** Full names and `namespace.*`; empty for all of its connectors'. */
    resources: p.array<string>().default([]),
    /** The agent that it always calls as; empty for none. */
    agent: p.string().length(255).default(""),
    createTime: p
      .datetime()
      .length(3)
      .onCreate(() => new Date()),
    expireTime: p.datetime().length(3).strictNullable(),
    lastUseTime: p.datetime().length(3).strictNullable(),
    revokeTime: p.datetime().length(3).strictNullable(),
  },
});

export type ApiKeyRow = InferEntity<typeof ApiKey>;
