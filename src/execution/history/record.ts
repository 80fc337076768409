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
  agent: "text",
  method: "text",
  resource: "text",
  statement: "text",
  reason: "text",
  rows: "bigint",
  bytes: "bigint",
  attempts: "int",
  breaker_state: "text",
  cached: "boolean",
  rate_limit_ms: "microseconds",
  bulkhead_ms: "microseconds",
  backoff_ms: "microseconds",
  pool_ms: "microseconds",
  connect_ms: "microseconds",
  source_ms: "microseconds",
  transfer_ms: "microseconds",
  total_ms: "microseconds",
} as const;

/** A provider's native statement without its values. */
export type Normalize = (provider: string, statement: string) => string;

/** Records with ids of their own, so that each can be stored again when nobody knows whether it was. */
export function recordsOf(calls: readonly CallEnded[], normalize: Normalize): NewRecord[] {
  const ids = timeOrderedIds(calls.map(({ startTime }) => startTime.getTime()));
  return calls.map((call, i) => {
    const { subject, startTime, timings } = call;
    const values = [
      ids(i),
      startTime.getTime(),
      subject.connectorId,
      storable(call.principal),
      storable(call.agent),
      call.method,
      storable(call.resource),
      call.statement === undefined ? "" : storable(normalize(subject.provider, call.statement)),
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
    ] satisfies NewRecord["values"] & { length: 22 };
    return { organizationId: subject.organizationId, values };
  });
}

const insertion = `
  INSERT INTO query_record (organization_id, ${Object.keys(columns).join(", ")})
  SELECT ?, ${Object.values(columns).map(expressionOf).join(", ")}
  FROM jsonb_array_elements(convert_from(?, 'UTF8')::jsonb) AS record
  ON CONFLICT (organization_id, id) DO NOTHING`;

function expressionOf(type: string, position: number): string {
  const text = `record->>${position}`;
  if (type === "milliseconds") return `to_timestamp((${text})::float8 / 1000)`;
  return type === "microseconds" ? `((${text})::float8 / 1000)::real` : `(${text})::${type}`;
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
  // As bytes: a text the ORM would write into the statement letter by letter.
  const json = Buffer.from(JSON.stringify(records.map(({ values }) => values)));
  await em.execute(insertion, [organizationId, json]);
}

/** What PostgreSQL does not take as text, replaced: one odd name must not cost a whole batch its place. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\u{fffd}");
}

/** In whole ones, as exact as a clock tells; JSON takes them quicker than fractions. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000);
}

const idBytes = 16;

/**
 * UUIDs of version 7 (RFC 9562, section 5.7): 48 bits of milliseconds, then 74 random bits.
 *
 * @param times Milliseconds since the epoch, one for each id.
 * @returns Gives the id of a time's position, as 32 hex digits without hyphens.
 */
function timeOrderedIds(times: readonly number[]): (position: number) => string {
  const bytes = randomFillSync(Buffer.allocUnsafe(times.length * idBytes));
  times.forEach((ms, i) => {
    const at = i * idBytes;
    bytes.writeUIntBE(ms, at, 6);
    bytes.writeUInt8((bytes.readUInt8(at + 6) & 0x0f) | 0x70, at + 6);
    bytes.writeUInt8((bytes.readUInt8(at + 8) & 0x3f) | 0x80, at + 8);
  });
  const hex = bytes.toString("hex");
  return (position) => hex.slice(2 * idBytes * position, 2 * idBytes * (position + 1));
}
