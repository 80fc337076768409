/**
 * Page tokens: opaque to the caller, who could otherwise read or make up the place where
 * a query goes on. Before base64url (RFC 4648, without padding):
 *
 *     size  what
 *        1  version: 1
 *       24  salt, random
 *        …  ciphertext: issue time (8, milliseconds since 1970), SHA-256 of what the
 *           token is bound to (32), payload (UTF-8)
 *       16  tag
 *
 * AES-256-GCM with the version as additional data. Key and nonce come by HKDF-SHA-256
 * from the salt, a fresh pair for each token, since a random nonce under one key would
 * wear that key out after 2³² pages (NIST SP 800-38D, 8.3).
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { deriveKey } from "../auth/signing-key.ts";
import { Failure } from "../failure.ts";

/** The longest token that a request may carry. */
export const maxPageTokenLength = 65_536;

const version = Uint8Array.of(1);
const saltBytes = 24;
const timeBytes = 8;
const digestBytes = 32;
const tagBytes = 16;
const maxAge = 24 * 60 * 60 * 1000;

export interface PageTokens {
  /**
   * A token that leads on from `payload`. The binding names all that must be the same on
   * the next page, in canonical form: organization, connector, digest of the request.
   * Throws a too_large Failure when the token would be longer than a request may carry.
   */
  seal(payload: string, binding: Uint8Array | string): string;
  /**
   * The payload of a token. Throws an invalid_page_token Failure that says whether the
   * token is not this service's, is of another request, or is older than 24 hours.
   */
  open(token: string, binding: Uint8Array | string): string;
}

export function createPageTokens(signingKey: KeyObject): PageTokens {
  const key = deriveKey(signingKey, "connector/1 page token");
  return {
    seal(payload, binding) {
      const time = Buffer.alloc(timeBytes);
      time.writeBigUInt64BE(BigInt(Date.now()));
      const sealed = encrypt(key, Buffer.concat([time, digest(binding), Buffer.from(payload)]));
      const token = sealed.toString("base64url");
      if (token.length > maxPageTokenLength) throw tooLong();
      return token;
    },
    open(token, binding) {
      const opened = decrypt(key, token);
      if (opened === undefined) throw invalid("was not made by this service");
      const issued = Number(opened.readBigUInt64BE());
      const boundTo = opened.subarray(timeBytes, timeBytes + digestBytes);
      if (!timingSafeEqual(boundTo, digest(binding))) throw invalid("belongs to another request");
      if (Date.now() - issued > maxAge) throw invalid("has expired");
      return opened.toString("utf8", timeBytes + digestBytes);
    },
  };
}

function encrypt(key: KeyObject, plaintext: Uint8Array): Buffer {
  const salt = randomBytes(saltBytes);
  const cipher = createCipheriv("aes-256-gcm", ...keyAndNonce(key, salt), { authTagLength: tagBytes });
  cipher.setAAD(version);
  return Buffer.concat([version, salt, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** The plaintext, or undefined when this service did not make the token as it stands. */
function decrypt(key: KeyObject, token: string): Buffer | undefined {
  if (token.length > maxPageTokenLength) return undefined;
  const sealed = Buffer.from(token, "base64url");
  // The decoder skips what it does not know: only the one right spelling is ours.
  if (sealed.toString("base64url") !== token) return undefined;
  if (sealed[0] !== version[0]) return undefined;
  const start = version.length + saltBytes;
  const end = sealed.length - tagBytes;
  if (end - start < timeBytes + digestBytes) return undefined;
  const salt = sealed.subarray(version.length, start);
  const decipher = createDecipheriv("aes-256-gcm", ...keyAndNonce(key, salt), { authTagLength: tagBytes });
  decipher.setAAD(version);
  decipher.setAuthTag(sealed.subarray(end));
  const plaintext = decipher.update(sealed.subarray(start, end));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plaintext;
}

function keyAndNonce(key: KeyObject, salt: Uint8Array): [key: Uint8Array, nonce: Uint8Array] {
  const bytes = new Uint8Array(hkdfSync("sha256", key, salt, "", 44));
  return [bytes.subarray(0, 32), bytes.subarray(32)];
}

function digest(binding: Uint8Array | string): Buffer {
  return createHash("sha256").update(binding).digest();
}

function invalid(problem: string): Failure {
  return new Failure("invalid_page_token", `The page token ${problem}.`, {
    where: "request",
    remedy: "Start again from the first page, without a page token, and change nothing but the token between pages.",
    fields: [{ field: "page_token", description: `The token ${problem}.` }],
  });
}

function tooLong(): Failure {
  return new Failure("too_large", "The place where the next page begins is too large for a page token.", {
    where: "request",
    remedy: "Order by shorter fields, or stream the rows.",
  });
}
