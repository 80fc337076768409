/**
 * The chain of an organization's audit log. Each event has a place, from 1, and a hash:
 *
 *     hash(0) = SHA-256("connector/1 audit chain\0" organization)
 *     hash(n) = SHA-256(hash(n - 1)  n  when the event was written  the event's text)
 *
 * with 8 bytes for each number, the big end first, and the time in milliseconds since 1970.
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
const headBytes = 32 + 8 + 8;

/** @param entry The event's text, as it is stored */
export function linkHash(before: Uint8Array, sequence: bigint, eventMs: number, entry: string): Buffer {
  // UTF-8 takes at most three bytes for each unit of UTF-16.
  const most = headBytes + entry.length * 3;
  if (scratch.length < most) scratch = Buffer.alloc(most * 2);
  scratch.set(before, 0);
  scratch.writeBigUInt64BE(sequence, 32);
  // A number of 48 bits takes no bigint, which would be another object for each link.
  scratch.writeUIntBE(eventMs, 42, 6);
  const bytes = headBytes + scratch.write(entry, headBytes);
  return hash("sha256", scratch.subarray(0, bytes), "buffer");
}
