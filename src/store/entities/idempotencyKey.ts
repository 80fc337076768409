import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { keysPolicies, organizationPolicy } from "./tenancy.ts";

/** An action that must not happen twice, and what came of it. */
export const IdempotencyKey = defineEntity({
  name: "IdempotencyKey",
  rowLevelSecurity: "force",
  policies: [organizationPolicy, ...keysPolicies("sealed_answer")],
  indexes: [{ name: "idempotency_key_create_time_index", properties: ["organizationId", "createTime"] }],
  checks: [
    { name: "idempotency_key_organization_id_check", expression: "organization_id <> ''" },
    { name: "idempotency_key_key_check", expression: "key <> ''" },
    { name: "idempotency_key_request_hash_check", expression: "octet_length(request_hash) = 32" },
    { name: "idempotency_key_state_check", expression: "state IN ('in_flight', 'done', 'unknown')" },
    { name: "idempotency_key_answer_check", expression: "(state = 'done') = (sealed_answer IS NOT NULL)" },
  ],
  properties: {
    organizationId: p.string().length(64).primary(),
    method: p.string().length(63).primary(),
    /** The caller's. */
    key: p.string().length(255).primary(),
    /** Which call has it; a replica of before knows of none. */
    claim: p.uuid().defaultRaw("gen_random_uuid()"),
    connectorId: p.uuid(),
    /** A keyed hash: the request holds values. */
    requestHash: p.blob(),
    state: p.string().length(15).$type<"in_flight" | "done" | "unknown">(),
    /** Until then whoever claimed it may still be at it. */
    leaseTime: p.datetime().length(3),
    sealedAnswer: p.blob().strictNullable().hidden(),
    createTime: p.datetime().length(3),
  },
});

export type IdempotencyKeyRow = InferEntity<typeof IdempotencyKey>;
