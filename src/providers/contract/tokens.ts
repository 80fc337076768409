/**
 * Tokens that the service keeps for a connector: sealed in its store, refreshed once for all
 * callers and replicas, and given to whoever opens a session that needs them.
 */

/** What an authorization server has given. */
export interface TokenSet {
  /** What requests are sent with. */
  readonly accessToken: string;
  /** When it is no good any more; undefined when the server does not say. */
  readonly expireTime: Date | undefined;
  /** What the next set is asked for with; undefined when it takes none, or when the one of before stays good. */
  readonly refreshToken: string | undefined;
  /** What else the server said and requests need: `instance_url`, `scope`. Kept as secret as the tokens are. */
  readonly facts: Readonly<Record<string, string>>;
}

/** A set that is kept. */
export interface KeptTokens extends TokenSet {
  /** Counts the sets that the connector has had with its credential: one with a higher version is newer. */
  readonly version: number;
}

/**
 * Asks the authorization server for a new set. It is called once for all who wait, in all
 * replicas, and what it gives is stored before anybody uses it.
 *
 * @param before What is kept; undefined before the first one. Its `refreshToken` is the one that counts.
 * @param signal Aborts when nobody may store the answer any more; no caller's leaving does.
 * @throws Failure `credential_rejected` when the server says that the grant or the client is no
 *   good (`invalid_grant`, `invalid_client`), or when there is nothing to ask with: the kept set
 *   is not asked for again until another is stored. Any other means that it may work later.
 */
export type ObtainTokens = (before: KeptTokens | undefined, signal: AbortSignal) => Promise<TokenSet>;

/** The tokens of one connector and its current credential. */
export interface TokenStore {
  /**
   * A set whose access token is good: from memory where it can be. One that is soon to
   * expire is replaced in the background, and is given until then.
   *
   * @param signal The caller's; its abort ends the waiting, and no refresh.
   * @param traceparent What a refresh that this begins is told to be a part of. Default: nothing.
   * @throws Failure as `obtain` does, or the signal's reason
   */
  get(obtain: ObtainTokens, signal: AbortSignal, traceparent?: string): Promise<KeptTokens>;
  /**
   * The source has refused the access token of this set before its time. It is given to nobody
   * again: the next `get` gives a newer one.
   *
   * @returns whether that is worth trying: false when this set was itself made only a moment ago
   */
  refused(tokens: KeptTokens): boolean;
}
