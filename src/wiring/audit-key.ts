/** The key that the audit log signs and hashes with, for whoever writes or verifies it. */
import { createSecretKey, type KeyObject } from "node:crypto";
import { deriveKey } from "../auth/signing-key.ts";
import type { Config } from "../config.ts";

/** The key that the configuration names, or else one that follows from the service's signing key. */
export function auditKey({ audit }: Pick<Config, "audit">, signingKey: KeyObject): KeyObject {
  const { signingKey: own } = audit;
  return own === undefined ? deriveKey(signingKey, "connector/1 audit") : createSecretKey(own.reveal(), "hex");
}
