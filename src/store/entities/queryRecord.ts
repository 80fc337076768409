import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { auditPolicy, organizationPolicy } from "./tenancy.ts";

/** Milliseconds of a part of a call, to seven digits. */
const milliseconds = () => p.float().columnType("real");

/** One call of the past. Rows are added and read, never changed. */
export const QueryRecord = defineEntity({
  name: "QueryRecord",
  rowLevelSecurity: "force",
  policies: [organizationPolicy, auditPolicy],
  // Read backwards: the latest first.
  indexes: [
    { name: "query_record_create_time_index", properties: ["organizationId", "connectorId", "createTime", "id"] },
  ],
  checks: [{ name: "query_record_organization_id_check", expression: "organization_id <> ''" }],
  properties: {
    /** A UUID of version 7: in the order of time. */
    organizationId: p.string().length(64).primary(),
    id: p.uuid().primary(),
    /** When the call began. */
    createTime: p.datetime().length(3),
    /** No foreign key: history outlives its connector. */
    connectorId: p.uuid(),
    principal: p.string().length(255),
    /** Empty when none. */
    agent: p.string().length(255).default(""),
    method: p.string().length(63),
    resource: p.text().default(""),
    statement: p.text().default(""),
    /** A kind of failure; empty when it succeeded. */
    reason: p.string().length(63).default(""),
    rows: p.bigint(),
    bytes: p.bigint(),
    attempts: p.integer(),
    breakerState: p.string().length(15),
    cached: p.boolean(),
    rateLimitMs: milliseconds(),
    bulkheadMs: milliseconds(),
    backoffMs: milliseconds(),
    poolMs: milliseconds(),
    connectMs: milliseconds(),
    sourceMs: milliseconds(),
    transferMs: milliseconds(),
    totalMs: milliseconds(),
  },
});

export type QueryRecordRow = InferEntity<typeof QueryRecord>;
