/** Calls that are over, as rows of the history. */
import { randomFillSync } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { CallEnded } from "../../observability/observation.ts";

/** A row before it is stored. */
export interface NewRecord {
  readonly organizationId: string;
  /** In the order of `columns`, as JSON takes them. */
  readonly values: readonly (string | number | boolean)[];
}

/** What a record's values are, and how each is written in JSON. */
const columns = {
  id: "uuid",
  create_time: "milliseconds",
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
} as const;

/** Records with ids of their own, so that each can be stored again when nobody knows whether it was. */
export function recordsOf(calls: readonly CallEnded[]): NewRecord[] {
  const random = randomFillSync(Buffer.allocUnsafe(calls.length * idBytes));
  return calls.map((call, i) => {
    const { subject, startTime, timings } = call;
    const startMs = startTime.getTime();
    const values = [
      timeOrderedId(startMs, random.subarray(i * idBytes, (i + 1) * idBytes)),
      startMs,
      subject.connectorId,
      storable(call.principal),
      call.method,
      storable(call.resource),
      call.reason ?? "",
      call.rows,
      call.bytes,
      call.attempts,
      call.breaker,
      call.cached,
      toMicroseconds(timings.rateLimit),
      toMicroseconds(timings.bulkhead),
      toMicroseconds(timings.backoff),
      toMicroseconds(timings.pool),
      toMicroseconds(timings.connect),
      toMicroseconds(timings.source),
      toMicroseconds(timings.transfer),
      toMicroseconds(timings.total),
    ] satisfies NewRecord["values"] & { length: 20 };
    return { organizationId: subject.organizationId, values };
  });
}

const insertion = `
  INSERT INTO query_record (organization_id, ${Object.keys(columns).join(", ")})
  SELECT ?, ${Object.values(columns).map(expressionOf).join(", ")}
  FROM jsonb_array_elements(?::jsonb) AS record
  ON CONFLICT (organization_id, id) DO NOTHING`;

function expressionOf(type: string, position: number): string {
  const text = `record->>${position}`;
  return type === "milliseconds" ? `to_timestamp((${text})::float8 / 1000)` : `(${text})::${type}`;
}

/**
 * Stores records of one organization in one statement. A record that is there already
 * is left as it is.
 */
export async function insertRecords(
  em: EntityManager,
  organizationId: string,
  records: readonly NewRecord[],
): Promise<void> {
  // One text: the ORM writes parameters into the statement letter by letter, so that each of them costs.
  await em.execute(insertion, [organizationId, JSON.stringify(records.map(({ values }) => values))]);
}

/** What PostgreSQL does not take as text, replaced: one odd name must not cost a whole batch its place. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\u{fffd}");
}

/** As many digits as the column keeps, and a clock tells. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

const idBytes = 16;

/** A UUID of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, then 74 random bits. */
function timeOrderedId(ms: number, random: Buffer): string {
  random.writeUIntBE(ms, 0, 6);
  random.writeUInt8((random.readUInt8(6) & 0x0f) | 0x70, 6);
  random.writeUInt8((random.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = random.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
