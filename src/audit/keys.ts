/** The audit log's own keys, all from one: for signatures under chains, and for what stands for a value. */
import { createHash, createHmac, createPrivateKey, createPublicKey, hkdfSync, type KeyObject } from "node:crypto";

export interface AuditKeys {
  /** Ed25519. */
  readonly signing: KeyObject;
  readonly public: KeyObject;
  /** Of the public key; 16 hex digits. */
  readonly id: string;
  /** HMAC-SHA-256 of a text, in hex: the same for the same text, and of no use to whoever has not the key. */
  hashOf(text: string): string;
}

/** What makes a PKCS #8 document of the 32 bytes of an Ed25519 key (RFC 8410, section 7). */
const pkcs8Head = Buffer.from("302e020100300506032b657004220420", "hex");

/** @param key 32 secret bytes, used for nothing else */
export function auditKeys(key: KeyObject): AuditKeys {
  const derived = (label: string) => Buffer.from(hkdfSync("sha256", key, "", `connector/1 audit ${label}`, 32));
  const seed = derived("checkpoints");
  const signing = createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: "der", type: "pkcs8" });
  seed.fill(0);
  const valueKey = derived("values");
  const publicKey = createPublicKey(signing);
  return {
    ...{ signing, public: publicKey, id: keyIdOf(publicKey) },
    hashOf: (text) => createHmac("sha256", valueKey).update(text).digest("hex"),
  };
}

export function keyIdOf(publicKey: KeyObject): string {
  const der = publicKey.export({ format: "der", type: "spki" });
  return createHash("sha256").update(der).digest("hex").slice(0, 16);
}
