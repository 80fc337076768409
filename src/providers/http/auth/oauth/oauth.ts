/** Requests with an access token that the service gets and keeps. */
import { Failure, withMetadata } from "../../../../failure.ts";
import type { KeptTokens } from "../../../contract/tokens.ts";
import type { Call, SessionContext } from "../../../contract.ts";
import type { Authentication, HttpRequest } from "../../exchange.ts";
import { withHeaders } from "../request.ts";
import { createOAuthClient } from "./client.ts";
import type { OAuthConfig, OAuthCredential } from "./declaration.ts";
import { obtaining } from "./grants.ts";

/** @param credential Of the same type as the config. */
export function oauth(
  config: OAuthConfig,
  credential: OAuthCredential,
  { tokens: store, ...ways }: Pick<SessionContext, "dial" | "trust" | "tokens">,
): Authentication {
  const client = createOAuthClient(config, credential, ways);
  const obtain = obtaining(config, credential, client);
  const { header, scheme } = config;
  const sent = new WeakMap<HttpRequest, KeptTokens>();

  async function tokensFor({ signal }: Call): Promise<KeptTokens> {
    if (store === undefined)
      throw new Failure("internal", "Nothing keeps the connector's tokens.", { where: "service" });
    try {
      return await store.get(obtain, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof Failure)) throw error;
      // The source itself was not asked.
      throw withMetadata(error, { authorization_server: client.host });
    }
  }

  return {
    async authorize(request, call) {
      const tokens = await tokensFor(call);
      const { accessToken } = tokens;
      const authorized = withHeaders(request, { [header]: scheme === "" ? accessToken : `${scheme} ${accessToken}` });
      sent.set(authorized, tokens);
      return authorized;
    },
    async renew(rejected) {
      const tokens = sent.get(rejected);
      return tokens !== undefined && store?.refused(tokens) === true;
    },
  };
}
