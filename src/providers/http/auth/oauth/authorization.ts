/** A user's way through the browser: there with PKCE, and back with a code that is exchanged for tokens (RFC 6749, section 4.1; RFC 7636; RFC 9207). */
import {
  AuthorizationResponseError,
  authorizationCodeGrantRequest,
  calculatePKCECodeChallenge,
  processPushedAuthorizationResponse,
  pushedAuthorizationRequest,
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

/** Where to send the user's browser; what it is sent with goes to the server before where that one wants it so (RFC 9126). */
export async function authorizationUrl(
  config: AuthorizationCodeConfig,
  credential: OAuthCredential,
  grant: AuthorizationGrant,
  { signal, ...ways }: AuthorizationContext,
): Promise<URL> {
  const oauth = createOAuthClient(config, credential, ways);
  const { server, client, authenticate, options } = await reached(oauth, signal);
  const endpoint = URL.parse(server.authorization_endpoint ?? "");
  if (endpoint === null || !/^https?:$/.test(endpoint.protocol)) {
    throw failure(oauth.host, "configuration_rejected", "has no address to send a browser to", {
      remedy: "Give the connector's authorization_endpoint.",
    });
  }
  const parameters = await parametersOf(config, grant);
  if (server.require_pushed_authorization_requests !== true) return withParameters(endpoint, parameters);
  try {
    const response = await pushedAuthorizationRequest(server, client, authenticate, parameters, options);
    const { request_uri } = await processPushedAuthorizationResponse(server, client, response);
    return withParameters(endpoint, new URLSearchParams({ client_id: config.client_id, request_uri }));
  } catch (error) {
    signal.throwIfAborted();
    throw failureOf(error, { host: oauth.host, grantRemedy: authorizeAgain });
  }
}

async function parametersOf(
  config: AuthorizationCodeConfig,
  { redirectUri, state, codeVerifier }: AuthorizationGrant,
): Promise<URLSearchParams> {
  const asked = { scopes: true, audience: true };
  const parameters = wanted({ ...config, parameters: config.authorization_parameters }, asked);
  const own = {
    response_type: "code",
    client_id: config.client_id,
    redirect_uri: redirectUri,
    state,
    code_challenge: await calculatePKCECodeChallenge(codeVerifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(own)) parameters.set(name, value);
  return parameters;
}

/** Behind what stands in the address already (RFC 6749, section 3.1), and none twice. */
function withParameters(endpoint: URL, parameters: URLSearchParams): URL {
  const url = new URL(endpoint);
  for (const name of new Set(parameters.keys())) url.searchParams.delete(name);
  for (const [name, value] of parameters) url.searchParams.append(name, value);
  return url;
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
