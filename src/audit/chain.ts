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

/** Bytes that are hashed before an event's text. */
export const headBytes = 32 + 8 + 8;

/**
 * The hash of a place, as a text of a character for each byte. Links are made by the database,
 * in `audit_extend_chain`; here they are made anew to be compared.
 *
 * @param bytes Room of `headBytes`, which is written, and the event's text
 * @param before 32 bytes
 * @param sequence From 1, and less than 2 to the 48th, as is `eventMs`
 */
export function linkHash(bytes: Buffer, before: Uint8Array, sequence: number, eventMs: number): string {
  bytes.set(before, 0);
  // Numbers of 48 bits take no bigint, which would be another object for each link.
  bytes.writeUIntBE(0, 32, 2);
  bytes.writeUIntBE(sequence, 34, 6);
  bytes.writeUIntBE(0, 40, 2);
  bytes.writeUIntBE(eventMs, 42, 6);
  // To make a text takes half of what it takes to make a buffer.
  return hash("sha256", bytes, "latin1");
}
