/** The `oidc-provider` that answers as an OAuth server of the tests does: its clients, its grants and what it takes. */
import { createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { importSPKI, jwtVerify } from "jose";
import {
  type ClientAuthMethod,
  type ClientMetadata,
  errors,
  type KoaContextWithOIDC,
  Provider,
  type TokenEndpointGrantContext,
} from "oidc-provider";
import {
  assertionIssuer,
  defaultRedirectUri,
  jwtBearer,
  knownResource,
  type OAuthClient,
  type OAuthServer,
  type OAuthServerOptions,
  type TokenRequest,
} from "./oauth-server.ts";

const secretParameters = new Set(["client_secret", "client_assertion", "assertion", "code", "code_verifier"]);

/** @param requests Gets a line for each request at the token endpoint. */
export function providerFor(server: OAuthServer, options: OAuthServerOptions, requests: TokenRequest[]): Provider {
  const clients = metadataOf(server, options.redirectUris ?? [defaultRedirectUri]);
  const provider = createProvider(server, clients, options);
  // A client that is killed is no line of the test run.
  provider.silent = true;
  if (options.reuseMs !== undefined) allowReuse(provider, options.reuseMs);
  registerJwtBearer(provider, server);
  watchTokens(provider, server, requests);
  return provider;
}

function metadataOf({ clients, privateKey }: OAuthServer, redirectUris: readonly string[]): ClientMetadata[] {
  const jwk = createPublicKey(privateKey).export({ format: "jwk" });
  const answers = { response_types: ["code" as const], id_token_signed_response_alg: "ES256" as const };
  const common = { redirect_uris: [...redirectUris], ...answers };
  const grants = ["authorization_code", "refresh_token", jwtBearer];
  const confidential = (client: OAuthClient, method: ClientAuthMethod, more: Partial<ClientMetadata> = {}) => ({
    ...common,
    client_id: client.id,
    ...(client.secret === "" ? {} : { client_secret: client.secret }),
    token_endpoint_auth_method: method,
    grant_types: [...grants, "client_credentials"],
    ...more,
  });
  return [
    confidential(clients.basic, "client_secret_basic"),
    confidential(clients.post, "client_secret_post", { scope: "openid offline_access read" }),
    confidential(clients.jwt, "private_key_jwt", { jwks: { keys: [{ ...jwk, kid: "k1", use: "sig" } as never] } }),
    confidential(clients.tls, "tls_client_auth", { tls_client_auth_san_dns: "client.test" }),
    { ...common, client_id: clients.public.id, token_endpoint_auth_method: "none", grant_types: grants },
  ];
}

function createProvider(
  server: OAuthServer,
  clients: ClientMetadata[],
  { rotates = true, wantsPushed = false }: OAuthServerOptions,
): Provider {
  const signing = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
  const ttl = () => server.accessTokenSeconds;
  return new Provider(server.issuer, {
    clients,
    jwks: { keys: [{ ...signing, use: "sig", alg: "ES256" } as never] },
    cookies: { keys: [randomBytes(16).toString("hex")] },
    scopes: ["openid", "offline_access", "read", "write"],
    ttl: {
      AccessToken: ttl,
      ClientCredentials: ttl,
      IdToken: 600,
      Interaction: 600,
      Session: 600,
      Grant: 86_400,
      RefreshToken: 86_400,
    },
    clientAuthMethods: ["none", "client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth"],
    rotateRefreshToken: rotates,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed("refresh_token"),
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      clientCredentials: { enabled: true },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: wantsPushed },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_ctx, resource) => {
          if (resource !== knownResource) throw new errors.InvalidTarget();
          return { scope: "read write", audience: resource };
        },
      },
      mTLS: {
        enabled: true,
        tlsClientAuth: true,
        getCertificate: (ctx) => tlsOf(ctx).getPeerX509Certificate()?.toString(),
        certificateAuthorized: (ctx) => tlsOf(ctx).authorized,
        certificateSubjectMatches: (ctx, _property, expected) =>
          tlsOf(ctx).getPeerX509Certificate()?.checkHost(expected) !== undefined,
      },
    },
  });
}

function allowReuse({ RefreshToken }: Provider, reuseMs: number): void {
  const { consume } = RefreshToken.prototype;
  RefreshToken.prototype.consume = async function (this: InstanceType<Provider["RefreshToken"]>) {
    setTimeout(() => void consume.call(this), reuseMs).unref();
  };
}

const tlsOf = (ctx: KoaContextWithOIDC) => ctx.req.socket as TLSSocket;

/** The server has no grant of RFC 7523 of its own: this one takes what `assertion-issuer` has signed for this server. */
function registerJwtBearer(provider: Provider, server: OAuthServer): void {
  const handler = async (ctx: TokenEndpointGrantContext<{ assertion?: string }>) => {
    const { client, params } = ctx.oidc;
    const pem = createPublicKey(server.privateKey).export({ type: "spki", format: "pem" }) as string;
    const currentDate = new Date(Date.now() + server.clockAheadMs);
    const common = { issuer: assertionIssuer, audience: server.tokenEndpoint, clockTolerance: 5, maxTokenAge: 3_600 };
    const rules = { ...common, currentDate };
    const { payload } = await jwtVerify(`${params.assertion}`, await importSPKI(pem, "RS256"), rules).catch(() => {
      throw new errors.InvalidGrant("the assertion is not good");
    });
    const scope = typeof payload.scope === "string" ? payload.scope : undefined;
    const token = new provider.ClientCredentials({ client, ...(scope === undefined ? {} : { scope }) } as never);
    const body = { access_token: await token.save(), expires_in: token.expiration, token_type: token.tokenType };
    ctx.body = { ...body, subject: payload.sub };
  };
  provider.registerGrantType<{ assertion?: string }>(jwtBearer, handler, ["assertion", "scope", "audience"]);
}

function watchTokens(provider: Provider, server: OAuthServer, requests: TokenRequest[]): void {
  const note = (ctx: KoaContextWithOIDC, error?: errors.OIDCProviderError) => {
    const given = Object.entries(ctx.oidc.params ?? {}).filter(([, value]) => typeof value === "string");
    const parameters = Object.fromEntries(given.filter(([name]) => !secretParameters.has(name))) as Record<
      string,
      string
    >;
    const { grant_type: grantType = "", refresh_token: _, ...rest } = parameters;
    requests.push({ grantType, clientId: ctx.oidc.client?.clientId ?? "", error: error?.error, parameters: rest });
  };
  provider.on("grant.success", (ctx) => note(ctx));
  provider.on("grant.error", note);
  provider.use(async (ctx, next) => {
    if (ctx.path !== "/token") return next();
    await server.before();
    await next();
    ctx.res.sendDate = false;
    if (server.tellsTime) ctx.set("date", new Date(Date.now() + server.clockAheadMs).toUTCString());
    await server.after();
  });
}
