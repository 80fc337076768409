/**
 * A user grants a connector access in a browser: it is sent to the authorization server,
 * comes back to this service once, with what it got there, and goes on to where the caller
 * wants it. By then the tokens are stored. (RFC 6749, section 4.1; RFC 9700)
 */
import type { KeyObject } from "node:crypto";
import type { EntityManager } from "@mikro-orm/postgresql";
import type { Dial } from "../../egress/dial.ts";
import type { Trust } from "../../egress/tls.ts";
import { Failure, type FailureKind } from "../../failure.ts";
import type { Catalogue } from "../../providers/catalogue.ts";
import type { AuthorizationContext, AuthorizationGrant } from "../../providers/contract/authorization.ts";
import type { ConnectorRow } from "../../store/entities/connector.ts";
import type { Store } from "../../store/store.ts";
import { openCredential } from "../../vault/credential.ts";
import type { Vault } from "../../vault/vault.ts";
import { refuseDisabled } from "../asking.ts";
import type { Tokens } from "../tokens/tokens.ts";
import { checkReturnUri, returnTo } from "./return-uri.ts";
import {
  anotherCredential,
  changeConnector,
  insertAuthorization,
  type StoredAuthorization,
  takeAuthorization,
} from "./rows.ts";
import { type AuthorizationState, createStateSealer, newStateId, type Shown } from "./state.ts";

export interface Authorizations {
  /** @throws Failure as `ProviderAuthorization.begin` does, or one that says why this connector has none */
  start(connector: ConnectorRow, asked: AuthorizationAsked): Promise<AuthorizationStarted>;
  /**
   * The browser is back.
   *
   * @param answer The query that it came with
   * @returns Where to send it: what failed is told in there, once it is known where that is
   * @throws Failure `invalid_request` when it comes with no state of ours, or one that was used or has expired
   */
  complete(answer: URLSearchParams): Promise<URL>;
}

/** Whoever wants it. */
export interface AuthorizationAsked {
  readonly principal: string;
  readonly authentication: Shown;
  readonly apiKeyId: string | undefined;
  readonly returnUri: string;
  readonly signal: AbortSignal;
  /** Runs in the transaction that notes the beginning. */
  noted(em: EntityManager): Promise<void>;
}

export interface AuthorizationStarted {
  readonly authorizationUri: string;
  readonly expireTime: Date;
}

/** Whose authorization has ended. */
export interface AuthorizationEnded extends Pick<AuthorizationState, "organizationId" | "connectorId"> {
  readonly principal: string;
  readonly authentication: Shown;
  readonly provider: string;
}

export interface AuthorizationsOptions {
  readonly store: Pick<Store, "withOrganization" | "findApiKey">;
  readonly vault: Vault;
  readonly catalogue: Catalogue;
  readonly tokens: Pick<Tokens, "granted">;
  /** 32 secret bytes, used for nothing else. */
  readonly key: KeyObject;
  /** Where browsers reach the service, without a slash at the end; undefined: nobody has said. */
  readonly publicUrl: string | undefined;
  /** Of the addresses that browsers may be sent to in the end. */
  readonly returnOrigins: readonly string[];
  readonly trust?: Trust;
  dialFor(organizationId: string): Dial;
  /** As it is in the store now. */
  connectorOf(organizationId: string, id: string): Promise<ConnectorRow>;
  /** Runs in the transaction that stores what was granted. */
  granted(em: EntityManager, ended: AuthorizationEnded): Promise<void>;
  /** Nothing was granted, and why. Never fails. */
  failed(ended: AuthorizationEnded, reason: FailureKind): Promise<void>;
  /** The connector's sessions of this replica have tokens that are no more. */
  forget(organizationId: string, connectorId: string): void;
}

export const callbackPath = "/oauth/callback";
/** That an authorization server may take to exchange a code. Milliseconds. */
const exchangeMs = 20_000;

export function createAuthorizations(options: AuthorizationsOptions): Authorizations {
  const { store, catalogue, key, publicUrl, returnOrigins } = options;
  const states = createStateSealer(key);

  function grantOf(state: AuthorizationState, sealed: string): AuthorizationGrant {
    return { redirectUri: `${publicUrl}${callbackPath}`, state: sealed, codeVerifier: states.codeVerifierOf(state) };
  }

  return {
    async start(connector, { principal, authentication, apiKeyId = "", returnUri, signal, noted }) {
      refuseDisabled(connector);
      if (publicUrl === undefined) throw unreachable();
      checkReturnUri(returnUri, returnOrigins);
      const { organizationId, id: connectorId, credentialVersion } = connector;
      const state = { id: newStateId(), organizationId, connectorId, principal, authentication, apiKeyId };
      const { authorization, config, credential } = await partsOf(options, connector);
      const grant = grantOf(state, states.seal(state));
      const uri = await authorization.begin(config, credential, grant, contextOf(options, organizationId, signal));
      const expireTime = await store.withOrganization(organizationId, async (em) => {
        await noted(em);
        return insertAuthorization(em, state, { connectorId, credentialVersion, principal, returnUri });
      });
      return { authorizationUri: uri.href, expireTime };
    },

    async complete(answer) {
      const sealed = answer.get("state") ?? "";
      const state = states.open(sealed);
      if (state === undefined) throw unknownState("did not come from this service");
      const begun = await takeAuthorization(store, state);
      // The same for one that was used: who has it must not learn more than that.
      if (begun === undefined || begun.principal !== state.principal || begun.connectorId !== state.connectorId) {
        throw unknownState("was used before, or has expired");
      }
      const { organizationId, connectorId, principal, authentication } = state;
      const ended = { organizationId, connectorId, principal, authentication };
      let provider = "";
      try {
        if (begun.expired) throw expired();
        const connector = await options.connectorOf(organizationId, connectorId);
        provider = connector.provider;
        await refuseChanged(store, state, begun, connector);
        const { authorization, config, credential } = await partsOf(options, connector);
        const context = contextOf(options, organizationId, AbortSignal.timeout(exchangeMs));
        const set = await authorization.complete(config, credential, grantOf(state, sealed), answer, context);
        const { credentialVersion } = connector;
        const endpoint = catalogue.get(provider).endpoint(config);
        const owner = { organizationId, connectorId, credentialVersion, provider, endpoint };
        await options.tokens.granted(owner, set, async (em) => {
          await changeConnector(em, state, credentialVersion);
          await options.granted(em, { ...ended, provider });
        });
        options.forget(organizationId, connectorId);
        return returnTo(begun.returnUri, connectorId);
      } catch (error) {
        await options.failed({ ...ended, provider }, error instanceof Failure ? error.kind : "internal");
        if (!(error instanceof Failure)) throw error;
        return returnTo(begun.returnUri, connectorId, errorCodeOf(error));
      }
    },
  };
}

/** @throws Failure when the connector's users grant nothing in a browser */
async function partsOf({ catalogue, vault }: AuthorizationsOptions, connector: ConnectorRow) {
  const provider = catalogue.get(connector.provider);
  const config = provider.config.parse(connector.config);
  const { authorization } = provider;
  if (authorization === undefined || !authorization.applies(config)) throw notInBrowsers(provider.title);
  const { organizationId, id: connectorId, credentialVersion: version, sealedCredential } = connector;
  const place = { organizationId, connectorId, version, provider: provider.id, endpoint: provider.endpoint(config) };
  const opened = sealedCredential === null ? undefined : await openCredential(vault, place, sealedCredential);
  return { authorization, config, credential: provider.credential.parse(opened?.reveal()) };
}

function contextOf(
  { dialFor, trust }: AuthorizationsOptions,
  organizationId: string,
  signal: AbortSignal,
): AuthorizationContext {
  return { dial: dialFor(organizationId), signal, ...(trust === undefined ? {} : { trust }) };
}

/** What was allowed when it began may be so no more. */
async function refuseChanged(
  store: AuthorizationsOptions["store"],
  { apiKeyId, organizationId }: AuthorizationState,
  { credentialVersion }: StoredAuthorization,
  connector: ConnectorRow,
): Promise<void> {
  refuseDisabled(connector);
  if (connector.credentialVersion !== credentialVersion) throw anotherCredential();
  if (apiKeyId === "") return;
  const key = await store.findApiKey(apiKeyId);
  const isGood =
    key !== undefined &&
    key.organizationId === organizationId &&
    key.revokeTime === null &&
    (key.expireTime === null || key.expireTime.getTime() > Date.now());
  if (isGood) return;
  throw new Failure("unauthenticated", "The API key that the authorization was begun with is no longer good.", {
    where: "caller",
    remedy: "Begin again, with another API key.",
  });
}

/** The authorization server's own code, as the standards have them, or the kind of failure. */
function errorCodeOf({ kind, status = "" }: Failure): string {
  return /^[a-z_]{1,63}$/.test(status) ? status : kind;
}

function unknownState(problem: string): Failure {
  return new Failure("invalid_request", `The authorization ${problem}.`, {
    where: "request",
    remedy: "Begin again: StartAuthorization gives another address to send the browser to.",
  });
}

function expired(): Failure {
  return new Failure("deadline_exceeded", "The authorization took more than 10 minutes.", {
    where: "caller",
    remedy: "Begin again.",
  });
}

function unreachable(): Failure {
  return new Failure("configuration_rejected", "Nobody has said where browsers reach this service.", {
    where: "service",
    remedy: "Have the service's operator set PUBLIC_URL and AUTHORIZATION_RETURN_ORIGINS.",
  });
}

function notInBrowsers(title: string): Failure {
  return new Failure("unsupported", `The connector's users grant ${title} nothing in a browser.`, {
    where: "connector",
    remedy: "Give the connector a credential, or configure it with the authorization code of OAuth 2.0.",
  });
}
