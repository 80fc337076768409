/** Calls that are over, as rows of the history. */
import { randomBytes } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { CallEnded } from "../../observability/observation.ts";

/** The values of a row by their columns, as JSON takes them; its organization is the transaction's. */
export type NewRecord = ReturnType<typeof recordOf>;

export function recordOf({ subject, timings, ...ended }: CallEnded) {
  return {
    id: timeOrderedId(ended.startTime.getTime()),
    organization_id: subject.organizationId,
    create_time: ended.startTime,
    connector_id: subject.connectorId,
    principal: storable(ended.principal),
    method: ended.method,
    resource: storable(ended.resource),
    reason: ended.reason ?? "",
    rows: ended.rows,
    bytes: ended.bytes,
    attempts: ended.attempts,
    breaker_state: ended.breaker,
    cached: ended.cached,
    rate_limit_ms: timings.rateLimit,
    bulkhead_ms: timings.bulkhead,
    backoff_ms: timings.backoff,
    pool_ms: timings.pool,
    connect_ms: timings.connect,
    source_ms: timings.source,
    transfer_ms: timings.transfer,
    total_ms: timings.total,
  };
}

/**
 * Stores records of one organization in one statement. A record that is there already
 * is left as it is: nobody knows what became of a statement whose answer was lost.
 */
export async function insertRecords(em: EntityManager, records: readonly NewRecord[]): Promise<void> {
  await em.execute(insertion, [JSON.stringify(records)]);
}

const columns = {
  id: "uuid",
  organization_id: "text",
  create_time: "timestamptz",
  connector_id: "uuid",
  principal: "text",
  method: "text",
  resource: "text",
  reason: "text",
  rows: "bigint",
  bytes: "bigint",
  attempts: "int",
  breaker_state: "text",
  cached: "boolean",
  rate_limit_ms: "real",
  bulkhead_ms: "real",
  backoff_ms: "real",
  pool_ms: "real",
  connect_ms: "real",
  source_ms: "real",
  transfer_ms: "real",
  total_ms: "real",
} as const satisfies Record<keyof NewRecord, string>;

const names = Object.keys(columns).join(", ");
const typed = Object.entries(columns).map(([name, type]) => `${name} ${type}`);

const insertion = `
  INSERT INTO query_record (${names})
  SELECT ${names} FROM json_to_recordset(?::json) AS given (${typed.join(", ")})
  ON CONFLICT (id) DO NOTHING`;

/** What PostgreSQL does not take as text, replaced: one odd name must not cost a whole batch its place. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\u{fffd}");
}

/** A UUID of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, then 74 random bits. */
function timeOrderedId(ms: number): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(ms, 0, 6);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
