/** What calls to sources go through, and those who hear of them. */
import type { Config } from "../config.ts";
import type { Egress } from "../egress/egress.ts";
import { createExecution } from "../execution/execution.ts";
import { createHistory } from "../execution/history/history.ts";
import { connectRedis } from "../execution/redis.ts";
import { createPlaces } from "../execution/session/places.ts";
import { createTokens } from "../execution/tokens/tokens.ts";
import type { Log } from "../observability/log.ts";
import { createMetrics } from "../observability/metrics.ts";
import type { Observe } from "../observability/observation.ts";
import type { Catalogue } from "../providers/catalogue.ts";
import { createFairShares } from "../server/fair-share.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault/vault.ts";

interface Foundations {
  readonly config: Config;
  readonly log: Log;
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly vault: Vault;
  readonly egress: Egress;
}

/** @param starting Gets what must be closed at the end. */
export function createCalls(
  { config, log, store, catalogue, vault, egress }: Foundations,
  starting: AsyncDisposableStack,
) {
  const { limits, timeouts } = config;
  const history = createHistory({
    ...{ store, log },
    normalize: (provider, statement) => catalogue.get(provider).normalize?.(statement) ?? "",
  });
  starting.defer(() => history.close());
  const places = createPlaces({ perHost: limits.connections.host, all: limits.connections.all });
  const shares = createFairShares();
  starting.defer(() => shares.close());
  const metrics = createMetrics({
    bulkhead: () => execution.bulkheadFigures(),
    places: () => places.figures(),
    quotaLeft: () => execution.quotaLeft(),
    historyDropped: () => history.dropped,
    overShare: () => shares.refused,
  });
  const observe: Observe = (observation) => {
    metrics.observe(observation);
    history.observe(observation);
  };
  const redis = config.redis && connectRedis(config.redis.url.reveal(), observe, config.redis);
  if (redis !== undefined) starting.defer(() => redis.close());
  const tokens = createTokens({ store, vault, observe });
  const execution = createExecution({
    ...{ catalogue, vault, store, redis, observe },
    session: {
      ...{ dialFor: egress.dialFor, tokensFor: tokens.of, trust: egress.trust, places },
      filesDirectory: config.filesDirectory,
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
  return { execution, tokens, history, metrics, observe, shares };
}
