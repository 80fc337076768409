/** From what a connector declares to what its requests are sent with. */
import { Failure, type FieldViolation } from "../../../failure.ts";
import type { ProviderAuthorization } from "../../contract/authorization.ts";
import type { SessionContext } from "../../contract.ts";
import type { Authentication } from "../exchange.ts";
import { awsSigV4 } from "./aws-sigv4.ts";
import { certificateOf } from "./certificate.ts";
import type { AuthenticationConfig, AuthenticationCredential } from "./declaration.ts";
import { hmac } from "./hmac.ts";
import { authorizationUrl, exchangeCode } from "./oauth/authorization.ts";
import type { AuthorizationCodeConfig, JwtBearerConfig, OAuthConfig, OAuthCredential } from "./oauth/declaration.ts";
import { instanceEndpoint } from "./oauth/instance.ts";
import { oauth } from "./oauth/oauth.ts";
import { apiKey, basic, bearer } from "./plain.ts";

/** What authenticating needs of a session. */
export type AuthenticationContext = Pick<SessionContext, "dial" | "trust" | "tokens">;

/**
 * @param credential Undefined for none.
 * @throws Failure `configuration_rejected` when the credential is none for this config
 */
export function authenticationOf(
  config: AuthenticationConfig,
  credential: AuthenticationCredential | undefined,
  context: AuthenticationContext,
): Authentication {
  const given = fitting(config, credential);
  return {
    ...requestsOf(config, given, context),
    certificate: certificateOf({ client_certificate: undefined, ...given }),
  };
}

function requestsOf(
  config: AuthenticationConfig,
  credential: AuthenticationCredential,
  context: AuthenticationContext,
): Authentication {
  if (config.type === "api_key" && credential.type === "api_key") return apiKey(config, credential.key);
  if (credential.type === "bearer") return bearer(credential.token);
  if (credential.type === "basic") return basic(credential);
  if (config.type === "hmac" && credential.type === "hmac") return hmac(config, credential);
  if (config.type === "aws_sigv4" && credential.type === "aws_sigv4") return awsSigV4(config, credential);
  if (isOAuth(config) && isOAuth(credential)) return oauth(config, credential, context);
  return { authorize: async (request) => request };
}

/**
 * A provider's `authorization`.
 *
 * @param authentication Where its config holds how requests are authenticated.
 */
export function userAuthorization<Config>(
  authentication: (config: Config) => AuthenticationConfig,
): ProviderAuthorization<Config, AuthenticationCredential | undefined> {
  return {
    applies: (config) => authentication(config).type === "oauth2_authorization_code",
    begin: async (config, credential, grant, context) =>
      authorizationUrl(...granting(authentication(config), credential), grant, context),
    complete: async (config, credential, grant, answer, context) =>
      exchangeCode(...granting(authentication(config), credential), grant, answer, context),
  };
}

function granting(
  config: AuthenticationConfig,
  credential: AuthenticationCredential | undefined,
): [AuthorizationCodeConfig, OAuthCredential] {
  const given = fitting(config, credential);
  if (config.type === "oauth2_authorization_code" && isOAuth(given)) return [config, given];
  throw new Failure("unsupported", "The connector does not get its access from a user's browser.", {
    where: "connector",
    remedy: 'Only connectors whose authentication is "oauth2_authorization_code" are authorized.',
  });
}

function isOAuth<T extends AuthenticationConfig | AuthenticationCredential>(
  given: T,
): given is Extract<T, OAuthConfig | OAuthCredential> {
  return given.type.startsWith("oauth2_");
}

function fitting(
  config: AuthenticationConfig,
  credential: AuthenticationCredential | undefined,
): AuthenticationCredential {
  const [misfit] = authenticationMisfits(config, credential);
  if (misfit === undefined) return credential ?? { type: "none" };
  throw new Failure("configuration_rejected", `The connector's credential.${misfit.field} ${misfit.description}.`, {
    where: "connector",
    remedy: "Give the connector the credential that its authentication needs.",
    final: true,
  });
}

/**
 * What of a credential does not fit the config, when each is good by itself.
 *
 * @returns Fields of the credential, and what each must be
 */
export function authenticationMisfits(
  config: AuthenticationConfig,
  given: AuthenticationCredential | undefined,
): FieldViolation[] {
  const credential = given ?? { type: "none" as const };
  if (config.type !== credential.type) {
    return [{ field: "type", description: `must be "${config.type}", as the connector's authentication is` }];
  }
  if (!isOAuth(config) || !isOAuth(credential)) return [];
  const { client_authentication: way } = config;
  const needed = {
    client_secret_basic: "client_secret",
    client_secret_post: "client_secret",
    private_key_jwt: "private_key",
    tls_client_auth: "client_certificate",
    none: undefined,
  } as const;
  const field = needed[way];
  if (field === undefined || credential[field] !== undefined) return [];
  return [{ field, description: `is required: the client shows who it is by ${way}` }];
}

/**
 * Where the secrets go besides the API itself, and how: bound into the sealed credential, so that
 * it must be given again when any of it changes.
 */
export function authenticationEndpoint(config: AuthenticationConfig): Record<string, string> {
  const bound: Record<string, string> = { authentication: config.type };
  if (config.type === "api_key") bound.authentication_place = `${config.in} ${config.name.toLowerCase()}`;
  if (!isOAuth(config)) return bound;
  const { issuer = "", token_endpoint = "", ca = "", client_id = "", client_authentication } = config;
  const endpoint = "authorization_endpoint" in config ? (config.authorization_endpoint ?? "") : "";
  return {
    ...bound,
    issuer,
    token_endpoint,
    authorization_endpoint: endpoint,
    authorization_ca: ca,
    client_id,
    client_authentication,
    ...instanceEndpoint(config.instance),
    ...(config.type === "oauth2_jwt_bearer" ? userOf(config) : {}),
  };
}

/** In whose name the key speaks: with the same one, another name would be another user's access. */
function userOf({ assertion_issuer, assertion_subject = assertion_issuer }: JwtBearerConfig): Record<string, string> {
  return { assertion_issuer, assertion_subject };
}
