/** Keys of a file, as it is at any moment: a change of it needs no new start of the service. */
import { Failure } from "../failure.ts";
import { keyFileVersion, readKeyFile } from "./key-file.ts";
import type { KeyProvider } from "./key-provider.ts";
import { keysAtHand, type LocalKey } from "./keys.ts";

/** The new keys' ids, or what is wrong with a file that is not taken. */
export type KeyFileChange = { readonly ids: readonly string[] } | { readonly refused: Failure };

export interface FileKeysOptions {
  readonly path: string;
  /** Hears of every change. */
  onChange(change: KeyFileChange): void;
  /** Milliseconds between two looks at the file. Default: 1,000. */
  readonly intervalMs?: number;
}

export interface FileKeys extends KeyProvider {
  close(): void;
}

/**
 * Reads the file, and again whenever it changes. A file that is wrong is not taken: the keys
 * of before stay in use.
 *
 * @throws Failure of kind `configuration_rejected` when the file is wrong at the beginning
 */
export async function fileKeys({ path, onChange, intervalMs = 1_000 }: FileKeysOptions): Promise<FileKeys> {
  let current: { readonly keys: readonly LocalKey[]; readonly version: string } = await readKeyFile(path);
  let looking: Promise<void> | undefined;

  /** Who asks while somebody looks already waits for that look. */
  const look = (): Promise<void> => {
    looking ??= lookOnce().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  const lookOnce = async (): Promise<void> => {
    const version = await keyFileVersion(path);
    if (version === current.version) return;
    try {
      current = await readKeyFile(path);
      onChange({ ids: current.keys.map(({ id }) => id) });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      // It is spoken of once.
      current = { keys: current.keys, version };
      onChange({ refused: error });
    }
  };

  const atHand = keysAtHand(() => current.keys);
  const timer = setInterval(() => void look(), intervalMs).unref();
  return {
    ...atHand,
    async unwrap(keyId, wrapped, additionalData) {
      // Another replica may have sealed it with a key that was added a moment ago.
      if (!current.keys.some(({ id, key }) => id === keyId && key !== undefined)) await look();
      return atHand.unwrap(keyId, wrapped, additionalData);
    },
    close: () => clearInterval(timer),
  };
}
