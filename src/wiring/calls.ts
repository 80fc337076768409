/** What calls to sources go through, and those who hear of them. */
import type { Config } from "../config.ts";
import type { Egress } from "../egress/egress.ts";
import { createExecution } from "../execution/execution.ts";
import { createHistory } from "../execution/history/history.ts";
import { connectRedis } from "../execution/redis.ts";
import { createPlaces } from "../execution/session/places.ts";
import { createTokens } from "../execution/tokens/tokens.ts";
import type { Log } from "../observability/log.ts";
import type { Catalogue } from "../providers/catalogue.ts";
import { createFairShares } from "../server/fair-share.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault/vault.ts";
import { callSources, type Observing } from "./observing.ts";

interface Foundations {
  readonly config: Config;
  readonly log: Log;
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly vault: Vault;
  readonly egress: Egress;
  readonly observing: Observing;
}

/** @param starting Gets what must be closed at the end. */
export function createCalls(
  { config, log, store, catalogue, vault, egress, observing }: Foundations,
  starting: AsyncDisposableStack,
) {
  const { limits, timeouts } = config;
  const { observe } = observing;
  const history = createHistory({
    ...{ store, log },
    normalize: (provider, statement) => catalogue.get(provider).normalize?.(statement) ?? "",
  });
  starting.defer(() => history.close());
  const places = createPlaces({ perHost: limits.connections.host, all: limits.connections.all });
  const shares = createFairShares();
  starting.defer(() => shares.close());
  observing.hear(history.observe);
  const redis = config.redis && connectRedis(config.redis.url.reveal(), observe, config.redis);
  if (redis !== undefined) starting.defer(() => redis.close());
  const tokens = createTokens({ store, vault, observe });
  const execution = createExecution({
    ...{ catalogue, vault, store, redis, observe },
    session: {
      ...{ dialFor: egress.dialFor, tokensFor: tokens.of, trust: egress.trust, places },
      ...{ filesDirectory: config.filesDirectory, traces: config.traces.to },
    },
    limits: {
      unary: { defaultMs: timeouts.unaryMs, maxMs: timeouts.maxMs },
      stream: { defaultMs: timeouts.streamMs, maxMs: timeouts.maxMs },
      concurrency: limits.connections.connector,
      waiting: limits.waitingCalls,
      organizationCallsPerSecond: limits.organizationCallsPerSecond,
      stallMs: limits.streamStallMs,
    },
    calls: limits.calls,
    breakerOpenMs: limits.breakerOpenMs,
    cacheBytes: limits.cacheBytes,
  });
  starting.defer(() => execution.close());
  // Before the store is closed: what a refresh has got must not be lost.
  starting.defer(() => tokens.close());
  observing.metrics.watch(callSources({ execution, history, places, shares, limits }));
  return { execution, tokens, history, shares };
}
