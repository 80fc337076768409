/** How each kind of grant asks for the next tokens. */
import { clientCredentialsGrantRequest, genericTokenEndpointRequest, refreshTokenGrantRequest } from "oauth4webapi";
import { Failure } from "../../../../failure.ts";
import type { ObtainTokens } from "../../../contract/tokens.ts";
import { assertionsOf } from "./assertion.ts";
import type { OAuthClient } from "./client.ts";
import type { JwtBearerConfig, JwtBearerCredential, OAuthConfig, OAuthCredential } from "./declaration.ts";
import { askForTokens } from "./tokens.ts";

const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";

export const authorizeAgain =
  "Authorize the connector again: StartAuthorization gives the address to send its user's browser to.";

/** @param credential Of the same type as the config. */
export function obtaining(config: OAuthConfig, credential: OAuthCredential, client: OAuthClient): ObtainTokens {
  if (credential.type === "oauth2_refresh_token") {
    const remedy = "Give the connector a new refresh token.";
    return byRefreshToken(config, client, remedy, credential.refresh_token);
  }
  if (config.type === "oauth2_jwt_bearer" && credential.type === "oauth2_jwt_bearer") {
    return byAssertion(config, credential, client);
  }
  if (config.type === "oauth2_client_credentials") return byClient(config, client);
  return byRefreshToken(config, client, authorizeAgain, undefined);
}

/** RFC 6749, section 4.4. */
function byClient(config: OAuthConfig, client: OAuthClient): ObtainTokens {
  const grantRemedy = "Check what the authorization server lets the client do.";
  return (_, signal) =>
    askForTokens({ client, grantRemedy, signal }, ({ server, client: who, authenticate, options }) => {
      const parameters = wanted(config, { scopes: true, audience: true });
      return clientCredentialsGrantRequest(server, who, authenticate, parameters, options);
    });
}

/** RFC 7523, section 2.1. */
function byAssertion(config: JwtBearerConfig, credential: JwtBearerCredential, client: OAuthClient): ObtainTokens {
  const grantRemedy =
    "Check the assertion's issuer, subject and audience and the key it is signed with: the authorization server must know them all.";
  const assertion = assertionsOf(config, credential);
  return (_, signal) =>
    askForTokens({ client, grantRemedy, signal }, async ({ server, client: who, authenticate, options }) => {
      const parameters = wanted(config, { scopes: !config.assertion_scopes, audience: true });
      parameters.set("assertion", await assertion(server.token_endpoint ?? "", client.fetch.clockSkew));
      return genericTokenEndpointRequest(server, who, authenticate, jwtBearer, parameters, options);
    });
}

/**
 * RFC 6749, section 6. What was granted stays so: no scopes are asked for.
 *
 * @param first What to begin with, before anything is kept.
 */
function byRefreshToken(
  config: OAuthConfig,
  client: OAuthClient,
  grantRemedy: string,
  first: string | undefined,
): ObtainTokens {
  return async (before, signal) => {
    const refreshToken = before?.refreshToken ?? first;
    if (refreshToken === undefined) throw ungranted(before !== undefined);
    return askForTokens({ client, grantRemedy, signal }, ({ server, client: who, authenticate, options }) => {
      const additionalParameters = wanted(config, { scopes: false, audience: false });
      return refreshTokenGrantRequest(server, who, authenticate, refreshToken, { ...options, additionalParameters });
    });
  };
}

/** @param wasGranted Tokens were given once, and nothing to get the next ones with. */
function ungranted(wasGranted: boolean): Failure {
  const message = wasGranted
    ? "The connector's access has expired, and its authorization server has given no refresh token to renew it with."
    : "Nobody has authorized the connector yet.";
  const offline = wasGranted ? " Ask for one first, by the scope offline_access or as the server wants it." : "";
  return new Failure("credential_rejected", message, {
    where: "credential",
    remedy: authorizeAgain + offline,
    final: true,
  });
}

/** What the token is to be good for, as parameters of a request, with those that the connector adds. */
export function wanted(
  { scopes, audience, resources, parameters }: OAuthConfig,
  asked: { readonly scopes: boolean; readonly audience: boolean },
): URLSearchParams {
  const all = new URLSearchParams(parameters);
  if (asked.scopes && scopes.length > 0) all.set("scope", scopes.join(" "));
  if (asked.audience && audience !== undefined) all.set("audience", audience);
  for (const resource of resources) all.append("resource", resource);
  return all;
}
