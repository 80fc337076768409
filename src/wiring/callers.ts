/** Who calls: by API keys of the store, by the tokens of an issuer, and by workloads' certificates, as configured. */
import type { KeyObject } from "node:crypto";
import { type Authenticator, createAuthenticator } from "../auth/authenticator.ts";
import { type JwtKeys, jwksKeys, sharedSecretKeys } from "../auth/jwt-keys.ts";
import { gatherLastUse } from "../auth/last-use.ts";
import { remoteKeys } from "../auth/remote-keys.ts";
import { type AuthenticateCaller, authenticateWorkloads, parseWorkloads } from "../auth/workloads.ts";
import type { Config, JwtConfig } from "../config.ts";
import type { GuardedFetch } from "../egress/fetch.ts";
import type { Log } from "../observability/log.ts";
import type { ApiKeys } from "../registry/api-keys.ts";
import type { Store } from "../store/store.ts";

export interface CallersOptions {
  readonly config: Pick<Config, "jwt" | "tls">;
  readonly log: Log;
  readonly store: Pick<Store, "findApiKey">;
  readonly signingKey: KeyObject;
  readonly apiKeys: Pick<ApiKeys, "recordUse">;
  /** To the issuer of tokens. */
  readonly fetch: GuardedFetch;
}

export interface Callers extends Pick<Authenticator, "changed" | "available"> {
  readonly authenticate: AuthenticateCaller;
}

/**
 * @param starting Gets what must end before the store does: the last uses of API keys are written.
 * @throws Failure when keys or the list of workloads can't be used
 */
export function createCallers(options: CallersOptions, starting: AsyncDisposableStack): Callers {
  const { config, log, store, signingKey, apiKeys } = options;
  const principals = config.tls?.clients?.principals;
  const workloads = principals === undefined ? undefined : parseWorkloads(principals);
  const lastUse = gatherLastUse({
    write: apiKeys.recordUse,
    onProblem: (err) => log.warn({ err }, "when API keys were used could not be written"),
  });
  starting.defer(() => lastUse.close());
  const { authenticate, changed, available } = createAuthenticator({
    ...{ findApiKey: store.findApiKey, signingKey, onApiKeyUse: lastUse.used },
    jwt: config.jwt && { ...config.jwt, keys: jwtKeysOf(config.jwt, options, starting) },
  });
  return {
    ...{ changed, available },
    authenticate: workloads === undefined ? authenticate : authenticateWorkloads(authenticate, workloads),
  };
}

function jwtKeysOf({ keys }: JwtConfig, { fetch, log }: CallersOptions, starting: AsyncDisposableStack): JwtKeys {
  if ("jwks" in keys) return jwksKeys(keys.jwks);
  if ("secret" in keys) return sharedSecretKeys(keys.secret.reveal());
  const onProblem = (err: unknown) => log.warn({ err }, "the issuer's keys could not be read");
  const remote = remoteKeys({ url: keys.url, fetch, onProblem });
  starting.defer(() => remote.close());
  return remote;
}
