import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { keysPolicies, organizationPolicy } from "./tenancy.ts";

/** Limits and habits of the calls through one connector; absent means the service's default. */
export interface ConnectorPolicy {
  readonly callsPerSecond?: number;
  readonly maxConcurrency?: number;
  readonly observeOnly?: boolean;
  readonly defaultTimeoutMs?: number;
  readonly maxCacheAgeMs?: number;
  readonly refuseRiskyPrivileges?: boolean;
}

export const Connector = defineEntity({
  name: "Connector",
  rowLevelSecurity: "force",
  policies: [organizationPolicy, ...keysPolicies("sealed_credential")],
  uniques: [{ name: "connector_name_unique", properties: ["organizationId", "name"] }],
  indexes: [
    { name: "connector_create_time_index", properties: ["organizationId", "createTime", "id"] },
    { name: "connector_update_time_index", properties: ["organizationId", "updateTime", "id"] },
    { name: "connector_credential_key_id_index", properties: ["credentialKeyId", "organizationId", "id"] },
  ],
  checks: [
    { name: "connector_organization_id_check", expression: "organization_id <> ''" },
    { name: "connector_name_check", expression: "name ~ '^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$'" },
    { name: "connector_labels_check", expression: "jsonb_typeof(labels) = 'object'" },
    { name: "connector_config_check", expression: "jsonb_typeof(config) = 'object'" },
    { name: "connector_policy_check", expression: "jsonb_typeof(policy) = 'object'" },
    // A credential is sealed for its version, and 0 is none.
    { name: "connector_credential_check", expression: "sealed_credential IS NULL OR credential_version > 0" },
  ],
  triggers: [
    {
      name: "changed",
      timing: "after",
      events: ["update", "delete"],
      // Whose credential was only wrapped anew, under another key, is not changed.
      body: `PERFORM pg_notify(
        CASE WHEN TG_OP = 'UPDATE' AND NEW.version = OLD.version
            AND NEW.sealed_credential IS DISTINCT FROM OLD.sealed_credential
          THEN 'connector_rewrapped' ELSE 'connector_changed' END,
        OLD.organization_id || '/' || OLD.id);
        RETURN NULL;`,
    },
  ],
  properties: {
    organizationId: p.string().length(64).primary(),
    id: p.uuid().primary(),
    provider: p.string().length(63),
    // One order on every database, which a prefix can use too.
    name: p.string().length(63).collation("C"),
    displayName: p.string().length(200).default(""),
    labels: p.json<Record<string, string>>().defaultRaw("'{}'::jsonb"),
    config: p.json<Record<string, unknown>>(),
    policy: p.json<ConnectorPolicy>().strictNullable(),
    disabled: p.boolean().default(false),
    // Ciphertext: only who asks for it by name gets it, and no serialisation shows it.
    sealedCredential: p.blob().strictNullable().lazy().hidden(),
    /** The id of the key that it is sealed under. */
    credentialKeyId: p
      .string()
      .length(255)
      .collation("C")
      .generated("encode(substring(sealed_credential FROM 3 FOR get_byte(sealed_credential, 1)), 'escape') stored")
      .strictNullable()
      .lazy()
      .hidden(),
    /** Counts the credentials that the connector has had; 0 for none. */
    credentialVersion: p.integer().default(0),
    credentialUpdateTime: p.datetime().length(3).strictNullable(),
    version: p.integer().version(),
    // Milliseconds, as a Date has no more: a time that was read finds its row again.
    createTime: p
      .datetime()
      .length(3)
      .onCreate(() => new Date()),
    updateTime: p
      .datetime()
      .length(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
  },
});

export type ConnectorRow = InferEntity<typeof Connector>;
