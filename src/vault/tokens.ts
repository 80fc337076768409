/** A connector's tokens, sealed as its credential is: for the one place they are sent to. */
import type { EncryptionContext } from "./context.ts";
import { Secret } from "./secret.ts";
import type { Vault } from "./vault.ts";

/** Where a set of tokens belongs. */
export interface TokensPlace {
  readonly organizationId: string;
  readonly connectorId: string;
  /** Of the credential that they were got with. */
  readonly credentialVersion: number;
  /** Counts the sets that were got with it; 1 is the first. */
  readonly version: number;
  readonly provider: string;
  /** As the provider's `endpoint` gives it. */
  readonly endpoint: Readonly<Record<string, string | number | boolean>>;
}

/** In the context of what is sealed; whoever looks at openings knows tokens by it. */
export const tokensField = "tokens";

export async function sealTokens(vault: Vault, place: TokensPlace, tokens: unknown): Promise<Uint8Array> {
  const plaintext = Buffer.from(JSON.stringify(tokens));
  try {
    return await vault.seal(plaintext, contextOf(place));
  } finally {
    plaintext.fill(0);
  }
}

/** @throws Failure of kind `internal` when they were sealed for another place */
export async function openTokens(vault: Vault, place: TokensPlace, sealed: Uint8Array): Promise<Secret<unknown>> {
  const plaintext = await vault.open(sealed, contextOf(place));
  try {
    return new Secret(JSON.parse(Buffer.from(plaintext).toString("utf8")));
  } finally {
    plaintext.fill(0);
  }
}

/** The same tokens, wrapped under the primary key. @throws As `openTokens` does. */
export function rewrapTokens(vault: Vault, place: TokensPlace, sealed: Uint8Array): Promise<Uint8Array> {
  return vault.rewrap(sealed, contextOf(place));
}

/** An older set can't take a newer one's place, nor another credential's. */
function contextOf(place: TokensPlace): EncryptionContext {
  const { organizationId, connectorId, credentialVersion, version, provider, endpoint } = place;
  return {
    ...{ organizationId, connectorId, field: tokensField, secretVersion: version },
    endpoint: { ...endpoint, provider, credential_version: credentialVersion },
  };
}
