/**
 * What the service makes for itself when it runs with its built-in database: keys,
 * kept beside the data they protect, and the first API key.
 */

import type { KeyObject } from "node:crypto";
import { randomBytes } from "node:crypto";
import { chmod, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mintApiKey } from "./auth/api-key.ts";
import { createApiKeys, type NewKey } from "./registry/api-keys.ts";
import type { Store } from "./store/store.ts";

/** The organization of the first API key. */
export const developmentOrganization = "development";

export interface Keys {
  readonly encryptionKeys: string;
  readonly signingKey: string;
}

/** The keys in a directory, made when there are none. The process that calls owns the directory. */
export async function developmentKeys(directory: string): Promise<Keys> {
  const file = join(directory, "keys.json");
  try {
    return JSON.parse(await readFile(file, "utf8")) as Keys;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const keys: Keys = {
    encryptionKeys: `development:${randomBytes(32).toString("hex")}`,
    signingKey: randomBytes(32).toString("hex"),
  };
  // Whole or not at all: what is sealed with half a key is lost.
  const draft = `${file}.new`;
  await writeFile(draft, JSON.stringify(keys), { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, file);
  return keys;
}

/** A key for everything in the development organization, at the first start only. Only its hash is kept. */
export async function firstApiKey(store: Store, signingKey: KeyObject): Promise<string | undefined> {
  if (await store.hasAnyApiKey(developmentOrganization)) return undefined;
  return createApiKey(store, signingKey, {
    organizationId: developmentOrganization,
    principal: "developer",
    scopes: ["connector.admin"],
  });
}

export interface NewApiKey extends NewKey {
  readonly organizationId: string;
}

/** Stores a key's hash and gives the key itself, which is not to be had again. */
export async function createApiKey(store: Store, signingKey: KeyObject, key: NewApiKey): Promise<string> {
  const apiKeys = createApiKeys({ store, mint: () => mintApiKey(signingKey) });
  const { token } = await apiKeys.create(key.organizationId, key);
  return token;
}
