/** What a sealed value is bound to: it opens only under the same context. */
import { Failure } from "../failure.ts";

export interface EncryptionContext {
  readonly organizationId: string;
  readonly connectorId: string;
  /** Which of the connector's secrets: `credential`. */
  readonly field: string;
  /** Counts the values this field has had; 1 is the first. */
  readonly secretVersion: number;
  /**
   * Where the secret is sent, as the provider's `endpoint` gives it: provider, host,
   * port, TLS mode, user. The order of its keys does not matter.
   */
  readonly endpoint: Readonly<Record<string, string | number | boolean>>;
}

/**
 * The context as additional data: a JSON array in UTF-8, the endpoint as pairs in
 * the order of their keys' UTF-16 code units. JSON keeps apart what differs: 5432
 * and "5432", "a","bc" and "ab","c".
 *
 * Throws an internal Failure when the context leaves something open.
 */
export function canonicalContext(context: EncryptionContext): Uint8Array {
  const { organizationId, connectorId, field, secretVersion, endpoint } = context;
  if (![organizationId, connectorId, field].every((part) => typeof part === "string" && part !== "")) {
    throw incomplete("its organization, connector and field must be named");
  }
  if (!Number.isSafeInteger(secretVersion) || secretVersion < 1) throw incomplete("its version must be 1 or more");
  const pairs = Object.entries(endpoint).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [key, value] of pairs) {
    const type = typeof value;
    if (type !== "string" && type !== "boolean" && !Number.isFinite(value)) {
      throw incomplete(`its endpoint's ${key} must be text, a number or a boolean`);
    }
  }
  return Buffer.from(JSON.stringify([organizationId, connectorId, field, secretVersion, pairs]));
}

function incomplete(what: string): Failure {
  return new Failure("internal", `A secret can't be bound to its place: ${what}.`, { where: "service" });
}
