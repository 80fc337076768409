/** All holders of keys that an operator has named, as one. */
import { Failure } from "../failure.ts";
import { type FileKeysOptions, fileKeys } from "./file-keys.ts";
import { keyChain } from "./key-chain.ts";
import type { KeyProvider } from "./key-provider.ts";
import { localKeys } from "./keys.ts";
import { type TransitOptions, transitKeys } from "./transit.ts";

/** In the order in which they are asked for a primary key. */
export interface KeySources {
  readonly transit: TransitOptions | undefined;
  readonly file: FileKeysOptions | undefined;
  /** As `localKeys` takes it. */
  readonly text: string | undefined;
}

export interface OpenKeys extends KeyProvider {
  /** Overwrites what is kept, and no longer looks for changes. */
  close(): void;
}

/** @throws Failure when no holder is named, or one of them is wrong */
export async function openKeys({ transit, file, text }: KeySources): Promise<OpenKeys> {
  // What can be wrong comes before what must be closed.
  const fromText = text === undefined ? [] : [localKeys(text)];
  const fromFile = file === undefined ? [] : [await fileKeys(file)];
  const fromTransit = transit === undefined ? [] : [transitKeys(transit)];
  const holders = [...fromTransit, ...fromFile, ...fromText];
  if (holders.length === 0) throw noKeys();
  return {
    ...keyChain(holders),
    close() {
      for (const holder of [...fromTransit, ...fromFile]) holder.close();
    },
  };
}

function noKeys(): Failure {
  return new Failure("configuration_rejected", "There is no encryption key.", {
    where: "service",
    remedy: "Set ENCRYPTION_KEYS, ENCRYPTION_KEYS_FILE or VAULT_ADDR.",
  });
}
