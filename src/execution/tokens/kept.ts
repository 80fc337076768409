/** A set of tokens in memory, and what its time says of it. */
import type { KeptTokens, TokenSet } from "../../providers/contract/tokens.ts";
import type { TokenRow } from "./rows.ts";

export interface Kept {
  readonly tokens: KeptTokens;
  /** Until then it is given to callers; these are instants of `performance.now()`. */
  readonly goodUntil: number;
  /** From then on it is replaced in the background. */
  readonly soonFrom: number;
  readonly since: number;
}

/** A set that is so near to its end would expire on its way. Milliseconds, and the part of a short life. */
const margin = { ms: 5_000, part: 0.05 };
/** A set is replaced when so much of its life is over, or so little is left of a long one. */
const proactive = { part: 0.8, leftMs: 60_000 };
/** The part of what is left then that replicas begin earlier by, each by chance. */
const jitter = 0.3;

/** What is stored of a set: its times are the row's. */
export type StoredTokens = Omit<TokenSet, "expireTime">;

/** Milliseconds that a set must be good for, which lives so long. */
export function marginOf(lifeMs: number): number {
  return Math.min(margin.ms, lifeMs * margin.part);
}

export function keptOf(
  tokens: StoredTokens,
  { version, expiresInMs, ageMs }: Pick<TokenRow, "version" | "expiresInMs" | "ageMs">,
  random: () => number,
): Kept {
  const now = performance.now();
  const since = now - (ageMs ?? 0);
  if (expiresInMs === null) {
    const tokensForEver = { ...tokens, version, expireTime: undefined };
    return { tokens: tokensForEver, goodUntil: Number.POSITIVE_INFINITY, soonFrom: Number.POSITIVE_INFINITY, since };
  }
  const lifeMs = expiresInMs + (ageMs ?? 0);
  const leftMs = Math.min(lifeMs * (1 - proactive.part), proactive.leftMs);
  return {
    tokens: { ...tokens, version, expireTime: new Date(Date.now() + expiresInMs) },
    goodUntil: now + expiresInMs - marginOf(lifeMs),
    soonFrom: now + expiresInMs - leftMs * (1 + jitter * random()),
    since,
  };
}
