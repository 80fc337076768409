/** What a connector says of the OAuth 2.0 server that it gets its tokens from, and the secrets that it shows there. */
import { z } from "zod";
import { authorities } from "../../../connections/authorities.ts";
import { endpointUrl, headerName, headerText, namesTo, privateKey, withCertificate } from "../fields.ts";
import { instance } from "./instance.ts";

/** RFC 6749, section 3.3. */
const scope = z
  .string()
  .max(300)
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, "must be one scope, without blanks and quotes");

const text = z.string().min(1).max(2_000);

/** What the service itself puts into requests. */
const ownParameters = new Set([
  ...["grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "assertion"],
  ...["refresh_token", "code", "code_verifier", "code_challenge", "code_challenge_method", "redirect_uri", "state"],
  ...["response_type", "response_mode", "request", "request_uri", "scope", "resource", "username", "password"],
]);

const parameters = namesTo(
  z
    .string()
    .min(1)
    .max(100)
    .refine((name) => !ownParameters.has(name), "is a parameter that has a field of its own, or none"),
  text,
).default({});

const server = {
  issuer: endpointUrl
    .optional()
    .describe(
      "The authorization server's issuer: its endpoints are read from its metadata (RFC 8414, OpenID Connect Discovery), and what it sends back is checked to be its own.",
    ),
  token_endpoint: endpointUrl.optional().describe("The server's token endpoint, instead of the one in its metadata."),
  ca: authorities.describe(
    "Certificates in PEM of the authorities that sign the authorization server's, each from its root on, trusted instead of all others.",
  ),
  parameters: parameters.describe("More parameters for the token endpoint. No secrets."),
};

const client = {
  client_id: text.describe("What the service is called at the authorization server."),
  client_authentication: z
    .enum(["client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth", "none"])
    .default("client_secret_basic")
    .describe(
      "How the service shows at the token endpoint that it is this client: its secret in a header or in the body, a signed assertion (RFC 7523), a certificate (RFC 8705), or not at all.",
    ),
  assertion_audience: text
    .optional()
    .describe("Whom assertions of the client are meant for. Default: the issuer, or the token endpoint without one."),
};

const wanted = {
  scopes: z.array(scope).max(100).default([]).describe("What the token is to be good for."),
  audience: text.optional().describe("The API that the token is for, where the server wants an `audience`."),
  resources: z
    .array(z.url().max(2_048))
    .max(20)
    .default([])
    .describe("The API that the token is for, where the server wants a `resource` (RFC 8707)."),
};

const shown = {
  header: headerName.default("authorization").describe("The header that carries the access token to the source."),
  scheme: z
    .string()
    .max(50)
    .regex(/^[\x21-\x7e]*$/, "must be printable ASCII without blanks")
    .default("Bearer")
    .describe("Stands before the access token; empty for none."),
  instance,
};

/** Either the issuer, or what its metadata would say. */
function refineEndpoints(needed: readonly ("token_endpoint" | "authorization_endpoint")[]) {
  return (config: Readonly<Record<string, unknown>>, context: z.core.$RefinementCtx) => {
    if (config.issuer !== undefined) return;
    for (const name of needed.filter((each) => config[each] === undefined)) {
      context.issues.push({
        ...{ code: "custom", path: [name], input: config },
        message: "is required where no issuer is given to read it from",
      });
    }
  };
}

export const clientCredentialsConfig = z
  .strictObject({
    type: z
      .literal("oauth2_client_credentials")
      .describe("OAuth 2.0 client credentials: the service gets tokens in its own name."),
    ...{ ...server, ...client, ...wanted, ...shown },
  })
  .superRefine(refineEndpoints(["token_endpoint"]));

export const authorizationCodeConfig = z
  .strictObject({
    type: z
      .literal("oauth2_authorization_code")
      .describe("OAuth 2.0 authorization code with PKCE: a user grants access in a browser; see StartAuthorization."),
    ...{ ...server, ...client, ...wanted, ...shown },
    authorization_endpoint: endpointUrl
      .optional()
      .describe("Where the user's browser is sent, instead of the address in the metadata."),
    authorization_parameters: parameters.describe(
      "More parameters for the browser's way there: access_type=offline, prompt=consent.",
    ),
  })
  .superRefine(refineEndpoints(["token_endpoint", "authorization_endpoint"]));

export const refreshTokenConfig = z
  .strictObject({
    type: z
      .literal("oauth2_refresh_token")
      .describe("OAuth 2.0 with a refresh token that was granted elsewhere. Rotated ones are kept by the service."),
    ...{ ...server, ...client, ...wanted, ...shown },
  })
  .superRefine(refineEndpoints(["token_endpoint"]));

export const jwtBearerConfig = z
  .strictObject({
    type: z
      .literal("oauth2_jwt_bearer")
      .describe("OAuth 2.0 with assertions that the service signs (RFC 7523), as service accounts have them."),
    ...{ ...server, ...wanted, ...shown },
    client_id: text.optional().describe("What the service is called at the server, where it asks for that, too."),
    client_authentication: client.client_authentication.default("none"),
    assertion_audience: text
      .optional()
      .describe("Whom the assertion is meant for (`aud`). Default: the token endpoint."),
    assertion_issuer: text.describe("Who signs the assertion (`iss`): the service account's address, or a client id."),
    assertion_subject: text
      .optional()
      .describe("In whose name the token is wanted (`sub`): a user. Default: the assertion's issuer."),
    assertion_seconds: z.int().min(10).max(3_600).default(300).describe("How long an assertion is good."),
    assertion_scopes: z
      .boolean()
      .default(false)
      .describe("The scopes stand in the assertion, as Google wants them, and not in the request."),
  })
  .superRefine(refineEndpoints(["token_endpoint"]))
  .superRefine(({ client_id, client_authentication }, context) => {
    if (client_id !== undefined || client_authentication === "none") return;
    context.addIssue({ code: "custom", path: ["client_id"], message: "is required where the client shows who it is" });
  });

/** What client authentication may need; which of it, `client_authentication` says. */
const clientSecrets = {
  client_secret: text.optional().describe("The client's secret, for client_secret_basic and client_secret_post."),
  private_key: privateKey.optional().describe("A private key in PEM that assertions are signed with."),
  key_id: headerText(500).optional().describe("The private key's name at the authorization server (`kid`)."),
  rsa_algorithm: z
    .enum(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"])
    .default("RS256")
    .describe("How an RSA key signs; others can in one way only."),
  ...withCertificate,
};

export const clientCredentialsCredential = z.strictObject({
  type: z.literal("oauth2_client_credentials"),
  ...clientSecrets,
});

export const authorizationCodeCredential = z.strictObject({
  type: z.literal("oauth2_authorization_code"),
  ...clientSecrets,
});

export const refreshTokenCredential = z.strictObject({
  type: z.literal("oauth2_refresh_token"),
  refresh_token: headerText(16_000).describe("The refresh token to begin with."),
  ...clientSecrets,
});

export const jwtBearerCredential = z.strictObject({
  type: z.literal("oauth2_jwt_bearer"),
  ...clientSecrets,
  private_key: privateKey.describe("The private key in PEM that assertions are signed with."),
});

export type ClientCredentialsConfig = z.output<typeof clientCredentialsConfig>;
export type AuthorizationCodeConfig = z.output<typeof authorizationCodeConfig>;
export type RefreshTokenConfig = z.output<typeof refreshTokenConfig>;
export type JwtBearerConfig = z.output<typeof jwtBearerConfig>;
export type OAuthConfig = ClientCredentialsConfig | AuthorizationCodeConfig | RefreshTokenConfig | JwtBearerConfig;

export type JwtBearerCredential = z.output<typeof jwtBearerCredential>;
export type OAuthCredential =
  | z.output<typeof clientCredentialsCredential>
  | z.output<typeof authorizationCodeCredential>
  | z.output<typeof refreshTokenCredential>
  | JwtBearerCredential;
