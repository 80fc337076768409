/** Asks an OAuth server for tokens by requests of the test's own, with nothing of what is tested in between. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { json } from "node:stream/consumers";
import { Failure } from "../../src/failure.ts";
import type { ProviderAuthorization } from "../../src/providers/contract/authorization.ts";
import type { ObtainTokens, TokenSet } from "../../src/providers/contract/tokens.ts";
import { defaultRedirectUri, type OAuthServer } from "./oauth-server.ts";

/** What is needed to ask, and can be told to another process. */
export type TokenEndpoint = Pick<OAuthServer, "tokenEndpoint" | "ca"> & {
  readonly client: { readonly id: string; readonly secret: string };
};

export function endpointOf({ tokenEndpoint, ca, clients: { post: client } }: OAuthServer): TokenEndpoint {
  return { tokenEndpoint, ca, client };
}

/** What a user grants in a browser: an access token, and a refresh token that rotates. */
export async function newGrant(server: OAuthServer): Promise<TokenSet> {
  const codeVerifier = randomBytes(32).toString("base64url");
  const state = randomBytes(16).toString("hex");
  const url = authorizationUrl(server, { redirect_uri: defaultRedirectUri, state }, codeVerifier);
  const answer = (await server.consent(url)).searchParams;
  return asked(endpointOf(server), {
    ...{ grant_type: "authorization_code", code: answer.get("code") ?? "", redirect_uri: defaultRedirectUri },
    code_verifier: codeVerifier,
  });
}

/** Refreshes the set of before, as a provider does. */
export function refreshingAt(endpoint: TokenEndpoint): ObtainTokens {
  return async (before, signal) => {
    const { refreshToken } = before ?? {};
    if (refreshToken === undefined) throw new Failure("credential_rejected", "Nobody has granted anything yet.");
    return asked(endpoint, { grant_type: "refresh_token", refresh_token: refreshToken }, signal);
  };
}

/** Asks for the client's own access token, which no refresh token comes with. */
export function clientCredentialsAt(endpoint: TokenEndpoint): ObtainTokens {
  return (_, signal) => asked(endpoint, { grant_type: "client_credentials" }, signal);
}

/** As `rest` does it, in few words: users grant access at the server. */
export function authorizationAt(
  server: OAuthServer,
): Omit<ProviderAuthorization<unknown, unknown>, "applies"> & { applies(): boolean } {
  const { client } = endpointOf(server);
  return {
    applies: () => true,
    async begin(_config, _credential, { redirectUri, state, codeVerifier }) {
      return authorizationUrl(server, { redirect_uri: redirectUri, state }, codeVerifier);
    },
    async complete(_config, _credential, { redirectUri, state, codeVerifier }, answer, { signal }) {
      if (answer.get("state") !== state || answer.get("iss") !== server.issuer) {
        throw new Failure("invalid_request", "The answer is another one's.");
      }
      const error = answer.get("error");
      if (error !== null) throw new Failure("upstream_permission_denied", "The user said no.", { status: error });
      return asked(
        { ...endpointOf(server), client },
        {
          ...{ grant_type: "authorization_code", code: answer.get("code") ?? "" },
          ...{ redirect_uri: redirectUri, code_verifier: codeVerifier },
        },
        signal,
      );
    },
  };
}

function authorizationUrl(
  server: OAuthServer,
  parameters: { readonly redirect_uri: string; readonly state: string },
  codeVerifier: string,
): URL {
  const url = new URL(server.authorizationEndpoint);
  url.search = `${new URLSearchParams({
    ...{ client_id: endpointOf(server).client.id, response_type: "code", prompt: "consent" },
    ...{ ...parameters, scope: "openid offline_access", code_challenge_method: "S256" },
    code_challenge: createHash("sha256").update(codeVerifier).digest("base64url"),
  })}`;
  return url;
}

async function asked(
  { tokenEndpoint, ca, client }: TokenEndpoint,
  form: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<TokenSet> {
  const body = new URLSearchParams({ ...form, client_id: client.id, client_secret: client.secret });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const asking = request(tokenEndpoint, { method: "POST", ca, headers, ...(signal && { signal }) }).end(`${body}`);
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  const answer = (await json(response)) as Record<string, string | number>;
  if (answer.error !== undefined) {
    const kind = /^invalid_(grant|client)$/.test(`${answer.error}`) ? "credential_rejected" : "upstream_unavailable";
    throw new Failure(kind, "The OAuth server gives no tokens.", { where: "credential", status: `${answer.error}` });
  }
  return {
    accessToken: `${answer.access_token}`,
    refreshToken: answer.refresh_token === undefined ? undefined : `${answer.refresh_token}`,
    expireTime: new Date(Date.now() + Number(answer.expires_in) * 1_000),
    facts: { scope: `${answer.scope}` },
  };
}
