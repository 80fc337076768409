/** The service's signing key, and the keys that are derived from it, one for each use. */
import { createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import { Failure } from "../failure.ts";

const keyBytes = 32;

/**
 * The signing key of its 64 hex digits. Throws an internal Failure, which shows none
 * of the text, when it is anything else.
 */
export function parseSigningKey(hex: string): KeyObject {
  const trimmed = hex.trim();
  if (!/^[0-9a-f]{64}$/i.test(trimmed)) {
    throw wrongKey(
      trimmed === "" ? "it is empty" : `it is not of ${keyBytes * 2} hex digits, but of ${trimmed.length} characters`,
    );
  }
  const bytes = Buffer.from(trimmed, "hex");
  try {
    if (bytes.every((byte) => byte === bytes[0])) throw wrongKey("it repeats one byte: it is no key");
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}

/**
 * A 256-bit key for one use, which the label names. Keys of two labels tell nothing of
 * each other, nor of the signing key (HKDF-SHA-256, RFC 5869).
 */
export function deriveKey(signingKey: KeyObject, label: string): KeyObject {
  const bytes = new Uint8Array(hkdfSync("sha256", signingKey, new Uint8Array(0), label, keyBytes));
  try {
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}

function wrongKey(what: string): Failure {
  return new Failure("internal", `The signing key can't be used: ${what}.`, {
    where: "service",
    remedy: `Give the ${keyBytes * 2} hex digits that \`openssl rand -hex ${keyBytes}\` prints.`,
  });
}
