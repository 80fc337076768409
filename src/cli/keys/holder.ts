/** What the commands do where the keys are: change a file, or say what is to be changed. */
import { randomBytes } from "node:crypto";
import type { Config } from "../../config.ts";
import { withNewKey, withoutKey, withPrimary } from "../../vault/key-changes.ts";
import { changeKeyFile, readKeyFile } from "../../vault/key-file.ts";
import type { KeyProvider } from "../../vault/key-provider.ts";
import { isLocalKeyId, localKeyIdHint } from "../../vault/keys.ts";
import { refused } from "./stage.ts";

/** Each gives what to tell whoever ran the command. */
export interface Holder {
  /** Whether the commands themselves change the keys; else they say what is to be done. */
  readonly changes: boolean;
  add(id: string): Promise<string>;
  promote(id: string): Promise<string>;
  /** Whoever calls has seen that the key wraps nothing. */
  retire(id: string): Promise<string>;
}

/** Of whoever's key wraps, or would. */
export function holderOf({ encryptionKeys, database }: Config): Holder {
  const { transit, file, text } = encryptionKeys;
  if (transit !== undefined) return transitHolder(transit);
  // Beside another key that wraps already, a new one waits.
  const isOnly = text === undefined && "url" in database;
  return file === undefined ? textHolder() : fileHolder(file, isOnly);
}

function fileHolder(path: string, isOnly: boolean): Holder {
  return {
    changes: true,
    async add(id) {
      let isFirst = false;
      await changeKeyFile(path, (keys) => {
        isFirst = isOnly && keys.length === 0;
        return withNewKey(keys, id, isFirst ? "primary" : "pending");
      });
      if (isFirst) return `Made ${path} with the key ${id}, which is primary.`;
      return `Added the key ${id}, which is pending. When every replica has ${path}, run:\n  npm run keys -- promote ${id}`;
    },
    async promote(id) {
      await changeKeyFile(path, (keys) => withPrimary(keys, id));
      return `The key ${id} is primary. When every replica has ${path}, run:\n  npm run keys -- rewrap`;
    },
    async retire(id) {
      const { keys } = await readKeyFile(path);
      if (!keys.some((key) => key.id === id)) return textHolder().retire(id);
      await changeKeyFile(path, (now) => withoutKey(now, id));
      return `The key ${id} is destroyed.`;
    },
  };
}

function textHolder(): Holder {
  return {
    changes: false,
    async add(id) {
      if (!isLocalKeyId(id)) throw refused(`"${id}" is no id of a key.`, `It must be of ${localKeyIdHint}.`);
      return `Add this behind the other keys in ENCRYPTION_KEYS, with a comma between, and start every replica anew:
  ${id}:${randomBytes(32).toString("hex")}
Then put it in front of them, which promotes it, and start every replica anew. Then run:
  npm run keys -- rewrap`;
    },
    promote: async (id) => `Put ${id} in front of the other keys in ENCRYPTION_KEYS, and start every replica anew.`,
    retire: async (id) => `The key ${id} wraps nothing. Remove it from ENCRYPTION_KEYS, and start every replica anew.`,
  };
}

function transitHolder({ mount, key }: NonNullable<Config["encryptionKeys"]["transit"]>): Holder {
  const rotate = `Vault makes the key's next version, which wraps at once. Run:
  vault write -f ${mount}/keys/${key}/rotate
  npm run keys -- rewrap`;
  return {
    changes: false,
    add: async () => rotate,
    promote: async () => rotate,
    async retire(id) {
      const prefix = transitPrefix(mount, key);
      if (!id.startsWith(prefix)) return `The key ${id} wraps nothing. Remove it from where it is given.`;
      const next = Number(id.slice(prefix.length)) + 1;
      return `The key ${id} wraps nothing. Run this, which can be undone:
  vault write ${mount}/keys/${key}/config min_decryption_version=${next} min_encryption_version=${next}
Later, to destroy the key for good:
  vault write ${mount}/keys/${key}/trim min_available_version=${next}`;
    },
  };
}

/** A version of a transit key goes with all that came before it. */
export function retiredWith(id: string, all: readonly string[]): string[] {
  const [, name, version] = /^(transit\/.+\/v)(\d+)$/.exec(id) ?? [];
  if (name === undefined) return [id];
  return all.filter((each) => each.startsWith(name) && Number(each.slice(name.length)) <= Number(version));
}

function transitPrefix(mount: string, key: string): string {
  return `transit/${mount}/${key}/v`;
}

/** @throws Failure when the key wraps what is stored from now on */
export async function refusePrimary(keys: KeyProvider, id: string): Promise<void> {
  const known = (await keys.list()).find((key) => key.id === id);
  if (known === undefined) throw refused(`There is no key ${id}.`, "See `npm run keys -- list`.");
  if (known.state === "primary") {
    throw refused(`The key ${id} is primary: it wraps what is stored.`, "Promote another key, and rewrap, first.");
  }
}

/** For a key without one: the day, and what tells it apart from another one of that day. */
export function newId(): string {
  return `${new Date().toISOString().slice(0, 10)}-${randomBytes(2).toString("hex")}`;
}
