/** A connector's credential, sealed for the one place it is sent to. */
import type { EncryptionContext } from "./context.ts";
import { Secret } from "./secret.ts";
import type { Vault } from "./vault.ts";

/** Where a credential belongs. */
export interface CredentialPlace {
  readonly organizationId: string;
  readonly connectorId: string;
  /** Counts the credentials that the connector has had; 1 is the first. */
  readonly version: number;
  readonly provider: string;
  /** As the provider's `endpoint` gives it. */
  readonly endpoint: Readonly<Record<string, string | number | boolean>>;
}

export async function sealCredential(vault: Vault, place: CredentialPlace, credential: unknown): Promise<Uint8Array> {
  const plaintext = Buffer.from(JSON.stringify(credential));
  try {
    return await vault.seal(plaintext, contextOf(place));
  } finally {
    plaintext.fill(0);
  }
}

/** @throws Failure of kind `internal` when it was sealed for another place. */
export async function openCredential(
  vault: Vault,
  place: CredentialPlace,
  sealed: Uint8Array,
): Promise<Secret<unknown>> {
  const plaintext = await vault.open(sealed, contextOf(place));
  try {
    return new Secret(JSON.parse(Buffer.from(plaintext).toString("utf8")));
  } finally {
    plaintext.fill(0);
  }
}

/** The same credential, wrapped under the primary key. @throws As `openCredential` does. */
export function rewrapCredential(vault: Vault, place: CredentialPlace, sealed: Uint8Array): Promise<Uint8Array> {
  return vault.rewrap(sealed, contextOf(place));
}

function contextOf({ organizationId, connectorId, version, provider, endpoint }: CredentialPlace): EncryptionContext {
  return {
    organizationId,
    connectorId,
    field: "credential",
    secretVersion: version,
    endpoint: { ...endpoint, provider },
  };
}
