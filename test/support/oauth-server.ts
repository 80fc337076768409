/** A real OAuth 2.0 server, `oidc-provider`, on this machine and over TLS: clients of every kind, users who consent, rotating refresh tokens. */
import { createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
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
import { type Certificate, certificateAuthority } from "./certificate.ts";
import { answerOf, type Browsing } from "./oauth-browser.ts";

/** What the service calls itself with at this server. */
export interface OAuthClient {
  readonly id: string;
  /** Of those that have one; empty otherwise. */
  readonly secret: string;
}

/** One request at the token endpoint, and what came of it. */
export interface TokenRequest {
  readonly grantType: string;
  readonly clientId: string;
  /** `invalid_grant`; undefined when tokens were given. */
  readonly error: string | undefined;
  /** What was asked for, without its secrets. */
  readonly parameters: Readonly<Record<string, string>>;
}

export interface OAuthServerOptions {
  /** Where browsers may be sent back to. Default: `https://service.test/oauth/callback`. */
  readonly redirectUris?: readonly string[];
  /** Default: a refresh token is good once, and used twice ends its grant. */
  readonly rotates?: boolean;
  /**
   * Milliseconds in which a refresh token that was used may be used again, as servers allow for
   * whose answer was lost. Default: none.
   */
  readonly reuseMs?: number;
  /** How long access tokens are good. Default: 3600. */
  readonly accessTokenSeconds?: number;
}

export interface OAuthServer {
  readonly issuer: string;
  /** The certificate in PEM of the authority that has signed the server's. */
  readonly ca: string;
  readonly tokenEndpoint: string;
  readonly authorizationEndpoint: string;
  /** By their way of showing who they are. */
  readonly clients: Readonly<Record<"basic" | "post" | "jwt" | "tls" | "public", OAuthClient>>;
  /** The key in PEM of the client `jwt` and of who signs assertions (RFC 7523) as `assertion-issuer`. */
  readonly privateKey: string;
  /** The certificate of the client `tls`. */
  readonly clientCertificate: Certificate;
  /** All that have been answered, in their order. */
  readonly tokenRequests: readonly TokenRequest[];
  /** Settable at any time: seconds that the next access tokens are good. */
  accessTokenSeconds: number;
  /** Settable: awaited before the token endpoint does anything. */
  before: () => Promise<void>;
  /** Settable: awaited when the token endpoint has done it all, before it answers. */
  after: () => Promise<void>;
  /** Settable: answers instead of the server where it answers at all. */
  instead: ((...of: Parameters<RequestListener>) => boolean) | undefined;
  /** Does what a user does in a browser that is sent to the URL; see `answerOf`. */
  consent(authorizationUrl: URL, browsing?: Browsing): Promise<URL>;
  /** Whether the token opens anything now. */
  accepts(accessToken: string): Promise<boolean>;
  /** The user takes the grant back that the token belongs to. */
  revoke(refreshToken: string): Promise<void>;
  stop(): Promise<void>;
}

export const defaultRedirectUri = "https://service.test/oauth/callback";
export const assertionIssuer = "assertion-issuer";
export const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/** The one resource (RFC 8707) and audience that the server knows. */
export const knownResource = "https://api.test/";

const secretParameters = new Set(["client_secret", "client_assertion", "assertion", "code", "code_verifier"]);

export async function startOAuthServer(options: OAuthServerOptions = {}): Promise<OAuthServer> {
  const authority = certificateAuthority("oauth");
  const clientCertificate = authority.issue({ names: ["client.test"] });
  let handle: RequestListener = () => {};
  const server = createServer(
    { ...authority.issue(), ca: authority.cert, requestCert: true, rejectUnauthorized: false },
    (request, response) => handle(request, response),
  ).listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `https://localhost:${(server.address() as AddressInfo).port}`;

  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const clients = clientsOf();
  const tokenRequests: TokenRequest[] = [];
  const made: OAuthServer = {
    issuer,
    ca: authority.cert,
    tokenEndpoint: `${issuer}/token`,
    authorizationEndpoint: `${issuer}/auth`,
    clients,
    privateKey: pem,
    clientCertificate,
    tokenRequests,
    accessTokenSeconds: options.accessTokenSeconds ?? 3_600,
    before: async () => {},
    after: async () => {},
    instead: undefined,
    consent: (url, browsing) => answerOf(url, { ...browsing, ca: authority.cert }),
    async accepts(token) {
      const found = (await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token));
      return found?.isValid ?? false;
    },
    async revoke(refreshToken) {
      const { grantId = "" } = (await provider.RefreshToken.find(refreshToken)) ?? {};
      await (await provider.Grant.find(grantId))?.destroy();
      for (const kind of [provider.AccessToken, provider.RefreshToken]) await kind.revokeByGrantId(grantId);
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  const registered = metadataOf(
    clients,
    options.redirectUris ?? [defaultRedirectUri],
    publicKey.export({ format: "jwk" }),
  );
  const provider = createProvider(made, registered, options.rotates ?? true);
  if (options.reuseMs !== undefined) allowReuse(provider, options.reuseMs);
  registerJwtBearer(provider, made);
  watchTokens(provider, made, tokenRequests);
  const callback = provider.callback();
  handle = (request, response) => {
    if (made.instead?.(request, response) !== true) callback(request, response);
  };
  return made;
}

function clientsOf(): OAuthServer["clients"] {
  const withSecret = (id: string) => ({ id, secret: randomBytes(24).toString("base64url") });
  const without = (id: string) => ({ id, secret: "" });
  return {
    basic: withSecret("basic:client"),
    post: withSecret("post-client"),
    jwt: without("jwt-client"),
    tls: without("tls-client"),
    public: without("public-client"),
  };
}

function metadataOf(clients: OAuthServer["clients"], redirectUris: readonly string[], jwk: object): ClientMetadata[] {
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
    confidential(clients.post, "client_secret_post"),
    confidential(clients.jwt, "private_key_jwt", { jwks: { keys: [{ ...jwk, kid: "k1", use: "sig" } as never] } }),
    confidential(clients.tls, "tls_client_auth", { tls_client_auth_san_dns: "client.test" }),
    { ...common, client_id: clients.public.id, token_endpoint_auth_method: "none", grant_types: grants },
  ];
}

function createProvider(server: OAuthServer, clients: ClientMetadata[], rotates: boolean): Provider {
  const signing = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" });
  const ttl = () => server.accessTokenSeconds;
  // Each of its notices of what is only for development would be a line of the test run.
  const { warn, info } = console;
  Object.assign(console, { warn: () => {}, info: () => {} });
  try {
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
  } finally {
    Object.assign(console, { warn, info });
  }
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
    const rules = { issuer: assertionIssuer, audience: server.tokenEndpoint, clockTolerance: 5, maxTokenAge: 3_600 };
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
    await server.after();
  });
}
