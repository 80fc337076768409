/** Which encryption keys what is stored is sealed under. */
import { Failure } from "../failure.ts";
import type { KeyCounts, SealedCredentials } from "../store/sealed-credentials.ts";
import type { KeyInfo, KeyProvider } from "../vault/key-provider.ts";

/** A key, and how much it wraps; one that nobody has any more is `missing`. */
export interface KeyUse extends KeyCounts {
  readonly id: string;
  readonly state: KeyInfo["state"] | "missing";
  readonly createTime: Date | undefined;
}

const nothing: KeyCounts = { credentials: 0, answers: 0 };

export async function keyUses(keys: KeyProvider, credentials: SealedCredentials): Promise<readonly KeyUse[]> {
  const [known, counts] = await Promise.all([keys.list(), credentials.counts()]);
  const missing = [...counts.keys()].filter((id) => !known.some((key) => key.id === id));
  return [
    ...known.map((key) => ({ ...key, ...(counts.get(key.id) ?? nothing) })),
    ...missing.map((id) => ({
      ...{ id, state: "missing" as const, createTime: undefined },
      ...(counts.get(id) ?? nothing),
    })),
  ];
}

/**
 * A service that lacks a key would find out one connector after the other. A kept answer is no reason
 * not to start: without its key a repeat of one of that day's calls hears `outcome_unknown`, and no more is lost.
 * @throws Failure of kind `configuration_rejected` that names the keys that are not there
 */
export async function refuseMissingKeys(keys: KeyProvider, credentials: SealedCredentials): Promise<void> {
  const [known, used] = await Promise.all([keys.list(), credentials.keyIds()]);
  const usable = new Set(known.filter(({ state }) => state !== "destroyed").map(({ id }) => id));
  const missing = used.filter((id) => !usable.has(id));
  if (missing.length === 0) return;
  throw new Failure(
    "configuration_rejected",
    `Stored credentials are sealed under keys that the service does not have: ${missing.join(", ")}.`,
    {
      where: "service",
      remedy:
        "Put these keys back into ENCRYPTION_KEYS, ENCRYPTION_KEYS_FILE or the engine that VAULT_ADDR names. A key may go when `npm run keys -- list` says that it wraps nothing; `npm run keys -- rewrap` sees to that.",
    },
  );
}
