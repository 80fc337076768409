/** Format 1, written again from the text of `sealed.ts` alone, on nothing but Node's own functions. */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";

export interface Bound {
  readonly organizationId: string;
  readonly connectorId: string;
  readonly field: string;
  readonly secretVersion: number;
  readonly endpoint: Readonly<Record<string, string | number | boolean>>;
}

export interface Draws {
  readonly dek: Buffer;
  readonly messageId: Buffer;
  readonly nonce: Buffer;
  readonly wrappingNonce: Buffer;
}

export function canonicalOf({ organizationId, connectorId, field, secretVersion, endpoint }: Bound): Buffer {
  const names = Object.keys(endpoint).sort();
  const pairs = names.map((name) => [name, endpoint[name]]);
  return Buffer.from(JSON.stringify([organizationId, connectorId, field, secretVersion, pairs]), "utf8");
}

export function seal(keyId: string, kek: Buffer, draws: Draws, plaintext: Buffer, context: Bound): Buffer {
  const { dek, messageId, nonce, wrappingNonce } = draws;
  const wrapped = Buffer.concat([wrappingNonce, gcm(kek, wrappingNonce, dek, wrappingData(keyId, context))]);
  const size = Buffer.alloc(2);
  size.writeUInt16BE(wrapped.length);
  return Buffer.concat([
    Buffer.from([1, keyId.length]),
    Buffer.from(keyId, "ascii"),
    ...[size, wrapped, messageId, hkdf(dek, messageId, "commitment"), nonce],
    gcm(hkdf(dek, messageId, "encryption"), nonce, plaintext, labelled("secret", context)),
  ]);
}

/** @throws Error when anything is another than it was */
export function open(keys: Readonly<Record<string, string>>, sealed: Buffer, context: Bound): Buffer {
  const idEnd = 2 + sealed.readUInt8(1);
  const keyId = sealed.toString("ascii", 2, idEnd);
  const wrappedEnd = idEnd + 2 + sealed.readUInt16BE(idEnd);
  const wrapped = sealed.subarray(idEnd + 2, wrappedEnd);
  const messageId = sealed.subarray(wrappedEnd, wrappedEnd + 32);
  const commitment = sealed.subarray(wrappedEnd + 32, wrappedEnd + 64);
  const nonce = sealed.subarray(wrappedEnd + 64, wrappedEnd + 76);
  const kek = Buffer.from(keys[keyId] ?? "", "hex");
  if (sealed.readUInt8(0) !== 1 || kek.length !== 32) throw new Error("another format or key");
  const dek = ungcm(kek, wrapped.subarray(0, 12), wrapped.subarray(12), wrappingData(keyId, context));
  if (!timingSafeEqual(hkdf(dek, messageId, "commitment"), commitment)) throw new Error("another commitment");
  const key = hkdf(dek, messageId, "encryption");
  return ungcm(key, nonce, sealed.subarray(wrappedEnd + 76), labelled("secret", context));
}

function wrappingData(keyId: string, context: Bound): Buffer {
  return Buffer.concat([Buffer.from([keyId.length]), Buffer.from(keyId, "ascii"), labelled("data key", context)]);
}

function labelled(label: string, context: Bound): Buffer {
  return Buffer.concat([Buffer.from(`connector-vault/1 ${label}`), Buffer.from([0]), canonicalOf(context)]);
}

/** HKDF-SHA-512 (RFC 5869) for 32 bytes, written out. */
function hkdf(dek: Buffer, messageId: Buffer, info: string): Buffer {
  const extracted = createHmac("sha512", messageId).update(dek).digest();
  return createHmac("sha512", extracted)
    .update(`connector-vault/1 ${info}`)
    .update(Buffer.from([1]))
    .digest()
    .subarray(0, 32);
}

function gcm(key: Buffer, nonce: Buffer, plaintext: Buffer, additionalData: Buffer): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(additionalData);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function ungcm(key: Buffer, nonce: Buffer, sealed: Buffer, additionalData: Buffer): Buffer {
  const end = sealed.length - 16;
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 }).setAAD(additionalData);
  decipher.setAuthTag(sealed.subarray(end));
  return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()]);
}
