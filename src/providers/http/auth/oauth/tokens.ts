/** Asking the token endpoint, and what it gives. */
import { processGenericTokenEndpointResponse, type TokenEndpointResponse } from "oauth4webapi";
import type { TokenSet } from "../../../contract/tokens.ts";
import type { OAuthClient, Reached } from "./client.ts";
import { failure, failureOf } from "./failure.ts";

/** One request at the token endpoint. */
export type Send = (reached: Reached) => Promise<Response>;

export interface Asking {
  readonly client: OAuthClient;
  /** What to do when the grant is not good (any more). */
  readonly grantRemedy: string;
  readonly signal: AbortSignal;
}

/** Clocks that differ by so many seconds are why an assertion may not be taken. */
const skewThatMatters = 5;
/** Of what else a server says of a token. */
const maxFacts = 20;
const maxFactLength = 2_000;
/** A token that is good for longer is one that does not expire. */
const longestSeconds = 315_360_000;

const ofTheToken = new Set(["access_token", "refresh_token", "id_token", "token_type", "expires_in"]);

/**
 * @throws The signal's reason, or a Failure: `credential_rejected` when the client or the
 *   grant is refused, `configuration_rejected` when the server can't do what it is asked,
 *   or as an HTTP request fails
 */
export async function askForTokens(asking: Asking, send: Send): Promise<TokenSet> {
  const { client, grantRemedy, signal } = asking;
  const { host, fetch } = client;
  for (let isAgain = false; ; isAgain = true) {
    const skewBefore = fetch.clockSkew;
    const asked = Date.now();
    try {
      const reached = await client.reach(signal);
      const response = await send(reached);
      return tokenSetOf(
        await processGenericTokenEndpointResponse(reached.server, reached.client, response),
        asked,
        host,
      );
    } catch (error) {
      signal.throwIfAborted();
      const found = failureOf(error, { host, grantRemedy });
      // It may be the time alone that was wrong in what was signed, and now it is known.
      const isLate = Math.abs(fetch.clockSkew - skewBefore) > skewThatMatters;
      if (isAgain || !isLate || found.kind !== "credential_rejected") throw found;
    }
  }
}

/** @param asked When the server was asked: from then on the token grows old. */
function tokenSetOf(answer: TokenEndpointResponse, asked: number, host: string): TokenSet {
  const { access_token: accessToken, expires_in: seconds, refresh_token: refreshToken } = answer;
  // It stands in a header of every request.
  if (!/^[\x21-\x7e]+$/.test(accessToken))
    throw failure(host, "upstream_unavailable", "gives a token that can't be sent");
  const expires = seconds !== undefined && seconds > 0 && seconds < longestSeconds;
  return {
    accessToken,
    expireTime: expires ? new Date(asked + seconds * 1_000) : undefined,
    refreshToken,
    facts: factsOf(answer),
  };
}

function factsOf(answer: Readonly<Record<string, unknown>>): Record<string, string> {
  const facts = Object.entries(answer).filter(
    (entry): entry is [string, string] =>
      !ofTheToken.has(entry[0]) && typeof entry[1] === "string" && entry[1].length <= maxFactLength,
  );
  return Object.fromEntries(facts.slice(0, maxFacts));
}
