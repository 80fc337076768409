/** Tokens kept in memory for one connector, for tests of what asks for them. */
import { orAborted } from "../../src/abort.ts";
import type { KeptTokens, TokenSet, TokenStore } from "../../src/providers/contract/tokens.ts";

export interface MemoryTokens extends TokenStore {
  /** What is kept now. */
  readonly kept: KeptTokens | undefined;
  keep(tokens: TokenSet): void;
}

export function memoryTokens(): MemoryTokens {
  let kept: KeptTokens | undefined;
  let obtaining: Promise<KeptTokens> | undefined;
  let isRefused = false;
  const keep = (tokens: TokenSet): KeptTokens => {
    isRefused = false;
    const refreshToken = tokens.refreshToken ?? kept?.refreshToken;
    kept = { ...tokens, refreshToken, version: (kept?.version ?? 0) + 1 };
    return kept;
  };
  return {
    get kept() {
      return kept;
    },
    keep: (tokens) => void keep(tokens),
    async get(obtain, signal) {
      if (kept !== undefined && !isRefused && (kept.expireTime?.getTime() ?? Infinity) > Date.now()) return kept;
      const { signal: own } = new AbortController();
      const asking = obtaining ?? (async () => keep(await obtain(kept, own)))();
      obtaining = asking;
      const settled = () => {
        if (obtaining === asking) obtaining = undefined;
      };
      asking.then(settled, settled);
      return orAborted(asking, signal);
    },
    refused({ version }) {
      if (kept?.version === version) isRefused = true;
      return true;
    },
  };
}
