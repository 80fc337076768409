/** A user's way through the browser: there with PKCE, and back with a code that is exchanged for tokens (RFC 6749, section 4.1; RFC 7636; RFC 9207). */
import {
  AuthorizationResponseError,
  authorizationCodeGrantRequest,
  calculatePKCECodeChallenge,
  validateAuthResponse,
} from "oauth4webapi";
import { Failure } from "../../../../failure.ts";
import type { AuthorizationContext, AuthorizationGrant } from "../../../contract/authorization.ts";
import type { TokenSet } from "../../../contract/tokens.ts";
import { createOAuthClient, type OAuthClient, type Reached } from "./client.ts";
import type { AuthorizationCodeConfig, OAuthCredential } from "./declaration.ts";
import { failure, failureOf } from "./failure.ts";
import { authorizeAgain, wanted } from "./grants.ts";
import { askForTokens } from "./tokens.ts";

/** Where to send the user's browser. */
export async function authorizationUrl(
  config: AuthorizationCodeConfig,
  credential: OAuthCredential,
  { redirectUri, state, codeVerifier }: AuthorizationGrant,
  { signal, ...ways }: AuthorizationContext,
): Promise<URL> {
  const client = createOAuthClient(config, credential, ways);
  const { server } = await reached(client, signal);
  const endpoint = URL.parse(server.authorization_endpoint ?? "");
  if (endpoint === null || !/^https?:$/.test(endpoint.protocol)) {
    throw failure(client.host, "configuration_rejected", "has no address to send a browser to", {
      remedy: "Give the connector's authorization_endpoint.",
    });
  }
  // Behind what stands in the address already (RFC 6749, section 3.1), and never twice.
  const parameters = wanted(
    { ...config, parameters: config.authorization_parameters },
    { scopes: true, audience: true },
  );
  const own = {
    response_type: "code",
    client_id: config.client_id,
    redirect_uri: redirectUri,
    state,
    code_challenge: await calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(own)) parameters.set(name, value);
  for (const name of new Set(parameters.keys())) endpoint.searchParams.delete(name);
  for (const [name, value] of parameters) endpoint.searchParams.append(name, value);
  return endpoint;
}

/** Exchanges what the browser has brought back. */
export async function exchangeCode(
  config: AuthorizationCodeConfig,
  credential: OAuthCredential,
  grant: AuthorizationGrant,
  answer: URLSearchParams,
  { signal, ...ways }: AuthorizationContext,
): Promise<TokenSet> {
  const client = createOAuthClient(config, credential, ways);
  const first = await reached(client, signal);
  const code = checked(config, client, first, grant, answer);
  const asking = { client, grantRemedy: authorizeAgain, signal };
  return askForTokens(asking, ({ server, client: who, authenticate, options }) =>
    authorizationCodeGrantRequest(server, who, authenticate, code, grant.redirectUri, grant.codeVerifier, {
      ...{ ...options, additionalParameters: wanted(config, { scopes: false, audience: false }) },
    }),
  );
}

async function reached(client: OAuthClient, signal: AbortSignal): Promise<Reached> {
  signal.throwIfAborted();
  return client.reach(signal);
}

/** The answer, when it is this server's to this grant, and a code. */
function checked(
  config: AuthorizationCodeConfig,
  { host }: OAuthClient,
  { server, client }: Reached,
  { state }: AuthorizationGrant,
  answer: URLSearchParams,
): URLSearchParams {
  const given = new URLSearchParams(answer);
  // There is nothing to compare it with.
  if (config.issuer === undefined) given.delete("iss");
  try {
    const code = validateAuthResponse(server, client, given, state);
    if (code.get("code")) return code;
  } catch (error) {
    // Only what is said of this grant, and by this server, is believed: its state and issuer were checked before.
    if (error instanceof AuthorizationResponseError) throw failureOf(error, { host, grantRemedy: authorizeAgain });
  }
  throw new Failure("invalid_request", "The browser has brought back what is no answer to this authorization.", {
    where: "request",
    remedy: authorizeAgain,
  });
}
