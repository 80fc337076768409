/** Requests with an access token that the service gets and keeps. */
import { hash } from "node:crypto";
import { Failure, withMetadata } from "../../../../failure.ts";
import type { KeptTokens, ObtainTokens } from "../../../contract/tokens.ts";
import type { Call, SessionContext } from "../../../contract.ts";
import type { Authentication, HttpRequest } from "../../exchange.ts";
import { withHeaders } from "../request.ts";
import { createOAuthClient } from "./client.ts";
import type { OAuthConfig, OAuthCredential } from "./declaration.ts";
import { obtaining } from "./grants.ts";
import { atInstance } from "./instance.ts";

/** Among what is kept of a token: what it was asked for. */
const wantedFact = "connector_wanted";

/**
 * What tokens are asked for with every request for one, as a hash; a connector may want other ones
 * than those that are kept. What a user has granted, no request changes.
 */
function wantedBy(config: OAuthConfig): string | undefined {
  if (config.type !== "oauth2_client_credentials" && config.type !== "oauth2_jwt_bearer") return undefined;
  const { scopes, audience = "", resources, parameters } = config;
  const meant = "assertion_scopes" in config ? [config.assertion_audience ?? "", config.assertion_scopes] : [];
  return hash("sha256", JSON.stringify([scopes, audience, resources, Object.entries(parameters), meant]), "base64url");
}

function marking(obtain: ObtainTokens, mark: string | undefined): ObtainTokens {
  if (mark === undefined) return obtain;
  return async (before, signal) => {
    const set = await obtain(before, signal);
    return { ...set, facts: { ...set.facts, [wantedFact]: mark } };
  };
}

/** @param credential Of the same type as the config. */
export function oauth(
  config: OAuthConfig,
  credential: OAuthCredential,
  { tokens: store, ...ways }: Pick<SessionContext, "dial" | "trust" | "tokens">,
): Authentication {
  const client = createOAuthClient(config, credential, ways);
  const wanted = wantedBy(config);
  const obtain = marking(obtaining(config, credential, client), wanted);
  const { header, scheme, instance } = config;
  const sent = new WeakMap<HttpRequest, KeptTokens>();

  async function tokensFor({ signal, traceparent }: Call): Promise<KeptTokens> {
    if (store === undefined)
      throw new Failure("internal", "Nothing keeps the connector's tokens.", { where: "service" });
    try {
      const tokens = await store.get(obtain, signal, traceparent);
      const isWanted = wanted === undefined || tokens.facts[wantedFact] === wanted;
      return isWanted || !store.refused(tokens) ? tokens : await store.get(obtain, signal, traceparent);
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
      const placed = instance === undefined ? request : atInstance(request, instance, tokens);
      const authorized = withHeaders(placed, { [header]: scheme === "" ? accessToken : `${scheme} ${accessToken}` });
      sent.set(authorized, tokens);
      return authorized;
    },
    async renew(rejected) {
      const tokens = sent.get(rejected);
      return tokens !== undefined && store?.refused(tokens) === true;
    },
  };
}
