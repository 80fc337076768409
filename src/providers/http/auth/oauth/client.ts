/** The connector as a client of its authorization server: where that one's endpoints are, and who asks there. */
import {
  type AuthorizationServer,
  allowInsecureRequests,
  type Client,
  type ClientAuth,
  ClientSecretBasic,
  ClientSecretPost,
  clockSkew,
  customFetch,
  discoveryRequest,
  modifyAssertion,
  None,
  PrivateKeyJwt,
  processDiscoveryResponse,
  TlsClientAuth,
} from "oauth4webapi";
import type { Dial } from "../../../../egress/dial.ts";
import type { Trust } from "../../../../egress/tls.ts";
import { Failure } from "../../../../failure.ts";
import { certificateOf } from "../certificate.ts";
import type { OAuthConfig, OAuthCredential } from "./declaration.ts";
import { failure } from "./failure.ts";
import { createOAuthFetch, type OAuthFetch } from "./fetch.ts";
import { signingKey } from "./signing-key.ts";

export interface OAuthClient {
  /** Asks the server's metadata, unless it is known, and says how to ask the server. */
  reach(signal: AbortSignal): Promise<Reached>;
  readonly fetch: OAuthFetch;
  /** The server's host, for what is said of it. */
  readonly host: string;
}

/** Everything that a request of oauth4webapi takes. */
export interface Reached {
  readonly server: AuthorizationServer;
  readonly client: Client;
  readonly authenticate: ClientAuth;
  readonly options: {
    readonly [customFetch]: OAuthFetch["fetch"];
    readonly [allowInsecureRequests]: true;
    readonly signal: AbortSignal;
  };
}

export interface Ways {
  readonly dial: Dial;
  readonly trust?: Trust | undefined;
}

/** Metadata is asked for again after that time. */
const metadataMs = 3_600_000;

export function createOAuthClient(config: OAuthConfig, credential: OAuthCredential, ways: Ways): OAuthClient {
  const certificate = certificateOf(credential);
  const fetch = createOAuthFetch({ dial: ways.dial, trust: ways.trust, ca: config.ca, certificate });
  const host = new URL(config.issuer ?? config.token_endpoint ?? "https://unknown.invalid").hostname;
  const authenticate = clientAuthentication(config, credential);
  let known: { readonly server: AuthorizationServer; readonly until: number } | undefined;

  async function reach(signal: AbortSignal): Promise<Reached> {
    // Whether http:// may be dialled is the guarded dial's to say.
    const options = { [customFetch]: fetch.fetch, [allowInsecureRequests]: true as const, signal };
    if (known === undefined || known.until < performance.now()) {
      known = { server: await serverOf(config, host, options), until: performance.now() + metadataMs };
    }
    const { server } = known;
    const isByCertificate = certificate !== undefined && config.client_authentication === "tls_client_auth";
    const client: Client = {
      client_id: config.client_id ?? "-",
      use_mtls_endpoint_aliases: isByCertificate,
      [clockSkew]: fetch.clockSkew,
    };
    return { server, client, authenticate, options };
  }

  return { reach, fetch, host };
}

/** What is given goes before what the metadata says. */
async function serverOf(config: OAuthConfig, host: string, options: Reached["options"]): Promise<AuthorizationServer> {
  const { issuer, token_endpoint, authorization_endpoint } = { authorization_endpoint: undefined, ...config };
  const given = {
    ...(token_endpoint === undefined ? {} : { token_endpoint }),
    ...(authorization_endpoint === undefined ? {} : { authorization_endpoint }),
  };
  const needsBoth = config.type === "oauth2_authorization_code";
  if (token_endpoint !== undefined && (!needsBoth || authorization_endpoint !== undefined)) {
    return { issuer: issuer ?? token_endpoint, ...given };
  }
  return { ...(await discovered(new URL(issuer ?? ""), host, options)), ...given };
}

async function discovered(issuer: URL, host: string, options: Reached["options"]): Promise<AuthorizationServer> {
  try {
    const response = await discoveryRequest(issuer, { ...options, algorithm: "oidc" });
    if (response.status !== 404) return await processDiscoveryResponse(issuer, response);
    return await processDiscoveryResponse(issuer, await discoveryRequest(issuer, { ...options, algorithm: "oauth2" }));
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof Failure) throw error;
    throw failure(host, "configuration_rejected", "shows no metadata of this issuer", {
      remedy: "Check the connector's issuer, to the letter; or give its endpoints instead.",
    });
  }
}

function clientAuthentication(config: OAuthConfig, credential: OAuthCredential): ClientAuth {
  const { client_secret: secret = "", private_key, rsa_algorithm, key_id: kid } = credential;
  switch (config.client_authentication) {
    case "client_secret_basic":
      return ClientSecretBasic(secret);
    case "client_secret_post":
      return ClientSecretPost(secret);
    case "tls_client_auth":
      return TlsClientAuth();
    case "none":
      // A server that knows its callers by their assertions only asks for no name.
      return config.client_id === undefined ? () => {} : None();
    case "private_key_jwt": {
      const { algorithm, key } = signingKey(private_key ?? "", rsa_algorithm);
      const audience = config.type === "oauth2_jwt_bearer" ? undefined : config.assertion_audience;
      return PrivateKeyJwt(kid === undefined ? { key } : { key, kid }, {
        [modifyAssertion](header, claims) {
          header.alg = algorithm;
          if (audience !== undefined) claims.aud = audience;
        },
      });
    }
  }
}
