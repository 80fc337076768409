/** What a connector's policy, its provider and the service allow its calls. */
import type { Provider } from "../providers/contract.ts";
import type { ConnectorRow } from "../store/entities/connector.ts";
import type { BulkheadLimits } from "./bulkhead/bulkheads.ts";
import type { CallLimits } from "./call.ts";
import type { RateLimitPolicy } from "./rate-limit/rate-limits.ts";

/** What the service allows a connector that has no policy of its own. */
export interface ServiceLimits {
  readonly unary: CallLimits;
  readonly stream: CallLimits;
  /** Calls at once through one connector, which has as many connections. */
  readonly concurrency: number;
  /** Calls that may wait for a permit of one connector. */
  readonly waiting: number;
  /** Calls a second of one organization; undefined for no limit. */
  readonly organizationCallsPerSecond: number | undefined;
  /** Milliseconds that a stream's reader may take nothing. */
  readonly stallMs: number;
}

/** What one connector's calls may take. */
export interface ConnectorLimits {
  readonly unary: CallLimits;
  readonly stream: CallLimits;
  readonly bulkhead: BulkheadLimits;
  readonly rate: RateLimitPolicy;
  /** Milliseconds that an answer may be kept; 0 for not at all. */
  readonly cacheMs: number;
}

/** The connector's own policy first, then its provider's, then the service's. A cap of the service holds all the same. */
export function limitsOf({ policy }: ConnectorRow, provider: Provider, service: ServiceLimits): ConnectorLimits {
  const { callsPerSecond, maxConcurrency, observeOnly = false, defaultTimeoutMs, maxCacheAgeMs = 0 } = policy ?? {};
  const within = (limits: CallLimits) =>
    defaultTimeoutMs === undefined ? limits : { ...limits, defaultMs: defaultTimeoutMs };
  return {
    unary: within(service.unary),
    stream: within(service.stream),
    bulkhead: {
      connector: maxConcurrency ?? provider.limits?.maxConcurrency ?? service.concurrency,
      waiting: service.waiting,
    },
    rate: {
      callsPerSecond: callsPerSecond ?? provider.limits?.callsPerSecond,
      observeOnly,
      organizationCallsPerSecond: service.organizationCallsPerSecond,
    },
    cacheMs: maxCacheAgeMs,
  };
}
