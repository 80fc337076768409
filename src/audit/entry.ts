/** Events as rows of the audit log. */
import { randomBytes } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { AuditEvent, AuditOutcome, Details, End } from "./event.ts";

/** A row before it is stored. It may be stored again when nobody knows whether it was. */
export interface NewEntry {
  readonly organizationId: string;
  readonly id: string;
  /** When it was made, in milliseconds since 1970. */
  readonly createMs: number;
  readonly event: string;
  readonly outcome: AuditOutcome;
  /** The intent that this is the outcome of. */
  readonly intentId: string | null;
  readonly actor: string;
  readonly authentication: string;
  readonly agent: string;
  readonly connectorId: string | null;
  readonly resource: string;
  readonly reason: string;
  readonly requestId: string;
  readonly clientAddress: string;
  readonly rows: number | null;
  /** JSON. */
  readonly details: string;
  /** When an intent counts as given up, in milliseconds since 1970; null for what is no intent. */
  readonly dueMs: number | null;
}

/** An event that is over, or that begins. */
export function entryOf(event: AuditEvent, end: Pick<End, "reason"> & { outcome: AuditOutcome }): NewEntry {
  const { actor } = event;
  return {
    ...identity(),
    organizationId: event.organizationId,
    event: event.event,
    outcome: end.outcome,
    intentId: null,
    actor: storable(actor.principal, 255),
    authentication: actor.authentication,
    agent: storable(actor.agent ?? "", 255),
    connectorId: "connectorId" in event ? event.connectorId : null,
    resource: storable("resource" in event ? event.resource : "", longestText),
    reason: end.reason ?? "",
    requestId: storable(actor.requestId ?? "", 64),
    clientAddress: storable(actor.clientAddress ?? "", 64),
    rows: event.rows ?? null,
    details: detailsOf(event.details),
    dueMs: null,
  };
}

/** How an intent ended: of the same actor, about the same thing. */
export function outcomeOf(intent: NewEntry, { outcome, reason, rows, details }: End): NewEntry {
  return {
    ...intent,
    ...identity(),
    ...{ outcome, reason: reason ?? "", intentId: intent.id, rows: rows ?? null, dueMs: null },
    details: details === undefined ? intent.details : detailsOf({ ...JSON.parse(intent.details), ...details }),
  };
}

const longestText = 4_096;

/** Keys in order, so that it is the same text for the same details. */
function detailsOf(details: Details): string {
  const entries = Object.entries(details).filter(([, value]) => value !== undefined);
  const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(
    Object.fromEntries(sorted.map(([key, value]) => [key, typeof value === "string" ? storable(value) : value])),
  );
}

/** What PostgreSQL does not take as text, replaced, and no longer than there is room for. */
function storable(text: string, most = longestText): string {
  const given = text.toWellFormed().replaceAll("\0", "\u{fffd}");
  const characters = [...given];
  return characters.length <= most ? given : `${characters.slice(0, most - 1).join("")}…`;
}

let lastMs = 0;
let count = 0;

/**
 * When it is, and an id of that moment: a UUID of version 7 (RFC 9562, 5.7 and 6.2, method 1),
 * later in the order of ids than all that this process made before.
 */
function identity(): Pick<NewEntry, "id" | "createMs"> {
  const now = Date.now();
  if (now > lastMs) [lastMs, count] = [now, 0];
  else if (++count > 0xfff) [lastMs, count] = [lastMs + 1, 0];
  const bytes = Buffer.concat([Buffer.alloc(8), randomBytes(8)]);
  bytes.writeUIntBE(lastMs, 0, 6);
  bytes.writeUInt16BE(0x7000 | count, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString("hex");
  const id = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  return { id, createMs: lastMs };
}

/** Columns but the organization's, and their types; in this order in JSON. */
const columns: readonly (readonly [name: string, field: keyof NewEntry, type: string])[] = [
  ["create_time", "createMs", "milliseconds"],
  ["id", "id", "uuid"],
  ["event", "event", "text"],
  ["outcome", "outcome", "text"],
  ["intent_id", "intentId", "uuid"],
  ["actor", "actor", "text"],
  ["authentication", "authentication", "text"],
  ["agent", "agent", "text"],
  ["connector_id", "connectorId", "uuid"],
  ["resource", "resource", "text"],
  ["reason", "reason", "text"],
  ["request_id", "requestId", "text"],
  ["client_address", "clientAddress", "text"],
  ["rows", "rows", "bigint"],
  ["details", "details", "text"],
];

const timeOf = (position: number) => `to_timestamp((record->>${position})::float8 / 1000)::timestamptz(3)`;

/** What is to be done with each is noted in the same statement: an event without a task would never be linked. */
const insertion = `
  WITH given AS MATERIALIZED (SELECT record FROM jsonb_array_elements(convert_from(?, 'UTF8')::jsonb) AS record),
  added AS (
    INSERT INTO audit_event (organization_id, ${columns.map(([name]) => name).join(", ")})
    SELECT ?, ${columns
      .map(([, , type], i) => (type === "milliseconds" ? timeOf(i) : `(record->>${i})::${type}`))
      .join(", ")}
    FROM given
    ON CONFLICT DO NOTHING
    RETURNING organization_id, id, create_time, intent_id
  ), settled AS (
    DELETE FROM audit_task USING added
    WHERE audit_task.organization_id = added.organization_id AND kind = 'settle' AND event_id = added.intent_id
  )
  INSERT INTO audit_task (organization_id, kind, event_id, event_time, due_time)
  SELECT organization_id, 'link', id, create_time, create_time FROM added
  UNION ALL
  SELECT organization_id, 'settle', id, create_time, ${timeOf(columns.length)}
  FROM added JOIN given ON (record->>1)::uuid = id AND record->>${columns.length} IS NOT NULL`;

/**
 * Stores entries of one organization in one statement. One that is there already is left as
 * it is, and has been noted already.
 */
export async function insertEntries(
  em: EntityManager,
  organizationId: string,
  entries: readonly NewEntry[],
): Promise<void> {
  const fields = [...columns.map(([, field]) => field), "dueMs"] as const;
  // As bytes: a text the ORM would write into the statement letter by letter.
  const json = Buffer.from(JSON.stringify(entries.map((entry) => fields.map((field) => entry[field]))));
  await em.execute(insertion, [json, organizationId]);
}
