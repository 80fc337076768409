/**
 * What goes with a browser to an authorization server and comes back with it (RFC 6749,
 * section 10.12): encrypted, so that nobody on the way reads or makes one. The verifier of
 * PKCE (RFC 7636) follows from its random id and is stored nowhere.
 *
 * Before base64url: 12 bytes of nonce, then the ciphertext of its JSON and the tag.
 */
import { createHash, createHmac, createSecretKey, hkdfSync, type KeyObject, randomBytes } from "node:crypto";
import { z } from "zod";
import { decrypt, encrypt, keyBytes, nonceBytes } from "../../vault/aead.ts";

/** How it is known who calls; as whoever audits it has it. */
export type Shown = "api_key" | "jwt" | "certificate";

const authorizationState = z.strictObject({
  /** Random, and in no other place. */
  id: z.string(),
  organizationId: z.string(),
  connectorId: z.string(),
  /** Who began it. */
  principal: z.string(),
  authentication: z.enum(["api_key", "jwt", "certificate"]),
  /** Empty when it was another credential. */
  apiKeyId: z.string(),
});

export type AuthorizationState = z.output<typeof authorizationState>;

export interface StateSealer {
  seal(state: AuthorizationState): string;
  /** Undefined when this service did not make the text as it stands. */
  open(text: string): AuthorizationState | undefined;
  /** 43 characters of base64url. */
  codeVerifierOf(state: AuthorizationState): string;
}

/** More than any has. */
const maxLength = 4_096;
const label = Buffer.from("connector/1 authorization state");

export function newStateId(): string {
  return randomBytes(32).toString("base64url");
}

/** What the store knows it by: whoever reads the store can't make it. */
export function stateHash({ id }: Pick<AuthorizationState, "id">): Buffer {
  return createHash("sha256").update(id).digest();
}

/** @param key 32 secret bytes, used for nothing else */
export function createStateSealer(key: KeyObject): StateSealer {
  const derived = (use: string) => createSecretKey(new Uint8Array(hkdfSync("sha256", key, "", use, keyBytes)));
  const [sealing, verifying] = [derived("state"), derived("code verifier")];
  return {
    seal(state) {
      const nonce = randomBytes(nonceBytes);
      const sealed = encrypt(sealing, nonce, Buffer.from(JSON.stringify(state)), label);
      return Buffer.concat([nonce, sealed]).toString("base64url");
    },
    open(text) {
      const bytes = text.length > maxLength ? Buffer.of() : Buffer.from(text, "base64url");
      // The decoder skips what it does not know: only the one right spelling is ours.
      if (bytes.length < nonceBytes || bytes.toString("base64url") !== text) return undefined;
      try {
        const opened = decrypt(sealing, bytes.subarray(0, nonceBytes), bytes.subarray(nonceBytes), label);
        return authorizationState.parse(JSON.parse(Buffer.from(opened).toString("utf8")));
      } catch {
        return undefined;
      }
    },
    codeVerifierOf: ({ id }) => createHmac("sha256", verifying).update(id).digest("base64url"),
  };
}
