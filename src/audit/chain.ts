/**
 * The chain of an organization's audit log. Each event has a place, from 1, and a hash:
 *
 *     hash(0) = SHA-256("connector/1 audit chain\0" organization)
 *     hash(n) = SHA-256(hash(n - 1)  n as 8 bytes, big end first  canonical text of the event)
 *
 * So a hash stands for its event, its place and everything before it: what is changed,
 * removed, added or moved shows at the first place where it is.
 */
import { hash } from "node:crypto";

/** The hash before the first one. */
export function genesis(organizationId: string): Buffer {
  return hash("sha256", `connector/1 audit chain\0${organizationId}`, "buffer");
}

/** Space for what is hashed, so that a chain of millions makes no garbage. */
let scratch = Buffer.alloc(4_096);
const headBytes = 32 + 8;

/** @param entry The event's canonical text, as `canonicalEntry` has it */
export function linkHash(before: Uint8Array, sequence: bigint, entry: string): Buffer {
  // UTF-8 takes at most three bytes for each unit of UTF-16.
  const most = headBytes + entry.length * 3;
  if (scratch.length < most) scratch = Buffer.alloc(most * 2);
  scratch.set(before, 0);
  scratch.writeBigUInt64BE(sequence, 32);
  const bytes = headBytes + scratch.write(entry, headBytes);
  return hash("sha256", scratch.subarray(0, bytes), "buffer");
}

/**
 * The canonical text of the row `event` of audit_event, in SQL: PostgreSQL's text of a row,
 * which quotes what it must, of columns whose own text no setting changes.
 */
export const canonicalEntry = `ROW(event.organization_id, event.id,
  (extract(epoch FROM event.create_time) * 1000)::bigint, event.event, event.outcome, event.intent_id, event.actor,
  event.authentication, event.agent, event.connector_id, event.resource, event.reason, event.request_id,
  event.client_address, event.rows, event.details)::text`;
