/** A real OAuth 2.0 server, `oidc-provider`, on this machine and over TLS: clients of every kind, users who consent, rotating refresh tokens. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
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
  /** Browsers bring nothing but what the client has given the server before (RFC 9126). Default: false. */
  readonly wantsPushed?: boolean;
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
  /** Settable: how far its clock, with which it judges assertions (RFC 7523), is ahead of this machine's. */
  clockAheadMs: number;
  /** Settable: whether answers of the token endpoint hold the date. */
  tellsTime: boolean;
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
  /** The user takes the grant back that the refresh token or the access token belongs to. */
  revoke(token: string): Promise<void>;
  stop(): Promise<void>;
}

export const defaultRedirectUri = "https://service.test/oauth/callback";
export const assertionIssuer = "assertion-issuer";
export const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/** The one resource (RFC 8707) and audience that the server knows. */
export const knownResource = "https://api.test/";

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

  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
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
    clockAheadMs: 0,
    tellsTime: true,
    before: async () => {},
    after: async () => {},
    instead: undefined,
    consent: (url, browsing) => answerOf(url, { ...browsing, ca: authority.cert }),
    async accepts(token) {
      const found = (await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token));
      return found?.isValid ?? false;
    },
    async revoke(token) {
      const found = (await provider.RefreshToken.find(token)) ?? (await provider.AccessToken.find(token));
      const { grantId = "" } = found ?? {};
      await (await provider.Grant.find(grantId))?.destroy();
      for (const kind of [provider.AccessToken, provider.RefreshToken]) await kind.revokeByGrantId(grantId);
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  const { providerFor } = await quietly(() => import("./oauth-provider.ts"));
  const provider = await quietly(async () => providerFor(made, options, tokenRequests));
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

/** Each of the server's notices of what is only for development would be a line of the test run. */
async function quietly<T>(work: () => Promise<T>): Promise<T> {
  const { warn, info } = console;
  Object.assign(console, { warn: () => {}, info: () => {} });
  try {
    return await work();
  } finally {
    Object.assign(console, { warn, info });
  }
}
