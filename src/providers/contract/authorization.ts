/** How a connector's user grants it access in a browser: OAuth 2.0's authorization code with PKCE (RFC 6749, section 4.1; RFC 7636; RFC 9700). */
import type { Dial } from "../../egress/dial.ts";
import type { Trust } from "../../egress/tls.ts";
import type { TokenSet } from "./tokens.ts";

/** What the browser's way there and the exchange after it have in common. */
export interface AuthorizationGrant {
  /** Where the authorization server sends the browser back to, to the letter. */
  readonly redirectUri: string;
  /** Comes back with the browser, unchanged. */
  readonly state: string;
  /** 43 to 128 letters, digits, `-`, `.`, `_` and `~` that nobody can guess; stays here until the exchange. */
  readonly codeVerifier: string;
}

/** What the provider asks the authorization server with. */
export interface AuthorizationContext {
  readonly dial: Dial;
  /** Who may sign the server's certificate. Default: those that Node trusts. */
  readonly trust?: Trust;
  /** Ends the asking with its reason. */
  readonly signal: AbortSignal;
}

export interface ProviderAuthorization<Config, Credential> {
  /** Whether a connector of this config gets its tokens in this way. */
  applies(config: Config): boolean;
  /**
   * Where to send the user's browser.
   *
   * @throws Failure `configuration_rejected` when the server or its metadata do not fit,
   *   or as an HTTP request fails when the metadata can't be had
   */
  begin(config: Config, credential: Credential, grant: AuthorizationGrant, context: AuthorizationContext): Promise<URL>;
  /**
   * Exchanges what the browser has brought back for tokens.
   *
   * @param answer The whole query that the browser came with: `code`, `state`, `iss`, or `error`.
   * @throws Failure whose `status` is the server's own code, where it is one of the
   *   standard's: `upstream_permission_denied` when the user has said no (`access_denied`),
   *   `credential_rejected` when the client or the code is refused (`invalid_client`,
   *   `invalid_grant`), `configuration_rejected` when the server can't do what it is asked
   *   (`invalid_scope`, `unauthorized_client`), `invalid_request` when the answer is not of
   *   this server or not to this grant, and what an HTTP request fails with
   */
  complete(
    config: Config,
    credential: Credential,
    grant: AuthorizationGrant,
    answer: URLSearchParams,
    context: AuthorizationContext,
  ): Promise<TokenSet>;
}
