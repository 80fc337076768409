/** Who hears what the rooms tell, and what is read of them when metrics are asked for. */
import { setTimeout as delay } from "node:timers/promises";
import type { Config } from "../config.ts";
import type { Execution } from "../execution/execution.ts";
import type { History } from "../execution/history/history.ts";
import type { Budget } from "../execution/session/places.ts";
import type { AuditFigures, KeyFigures } from "../observability/figures.ts";
import type { Log } from "../observability/log.ts";
import { createMetrics, type MetricSources, type Metrics } from "../observability/metrics.ts";
import type { Observe } from "../observability/observation.ts";
import { createTelling } from "../observability/telling.ts";
import type { FairShares } from "../server/fair-share.ts";
import type { Store } from "../store/store.ts";
import type { KeyProvider } from "../vault/key-provider.ts";

export interface Observing {
  /** Passes on what it is told to all who listen. */
  readonly observe: Observe;
  readonly metrics: Metrics;
  /** Has somebody else listen, too. */
  hear(listener: Observe): void;
}

export function createObserving({ metricsConnectors: connectors, commit }: Config, log: Log): Observing {
  const metrics = createMetrics({ connectors, commit });
  return { metrics, ...listening([metrics.observe, createTelling(log)]) };
}

/** Who is told comes to hear it in this order. */
export function listening(listeners: Observe[]): Pick<Observing, "observe" | "hear"> {
  return {
    observe(observation) {
      for (const listener of listeners) listener(observation);
    },
    hear: (listener) => void listeners.push(listener),
  };
}

interface Watched {
  readonly execution: Execution;
  readonly history: History;
  readonly places: Budget;
  readonly shares: FairShares;
  readonly limits: Config["limits"];
}

/** What calls to sources go through, as it is at a scrape. */
export function callSources({ execution, history, places, shares, limits }: Watched): MetricSources {
  return {
    bulkhead: () => ({ ...execution.bulkheadFigures(), permits: limits.calls.all }),
    pool() {
      const { open, lent, waiting } = places.figures();
      return { used: open - lent, idle: lent, waiting, max: limits.connections.all, opened: places.taken() };
    },
    sessions: () => execution.sessionCount(),
    quotas: () => execution.leastQuotas(),
    quota: ({ organizationId, connectorId }) => execution.quotaFigures(organizationId, connectorId),
    breakerState: ({ organizationId, connectorId }) => execution.breakerStatus(organizationId, connectorId).state,
    historyDropped: () => history.dropped,
    overShare: () => shares.refused,
  };
}

/** Milliseconds that a scrape waits for the store and for keys: what has not answered by then has no figures. */
const answerMs = 1_000;
/** Milliseconds for which figures hold: several families are made of them, and keys may be a service's far away. */
const figuresMs = 500;
const keysMs = 60_000;

/** What the service lives on. */
export function storeSources(store: Pick<Store, "audit" | "ping">, keys: KeyProvider): MetricSources {
  return {
    storeUp: () =>
      store.ping(answerMs).then(
        () => true,
        () => false,
      ),
    audit: keptFor<AuditFigures>(figuresMs, () => store.audit.backlog()),
    keys: keptFor<KeyFigures>(keysMs, () => keyFigures(keys)),
  };
}

async function keyFigures(keys: KeyProvider): Promise<KeyFigures> {
  const states: Record<string, number> = {};
  let primaryAgeSeconds: number | undefined;
  for (const { state, createTime } of await keys.list()) {
    states[state] = (states[state] ?? 0) + 1;
    if (state === "primary" && createTime !== undefined) {
      primaryAgeSeconds = Math.max(0, (Date.now() - createTime.getTime()) / 1_000);
    }
  }
  return { states, primaryAgeSeconds };
}

/**
 * The figures as they were read a moment ago, or now; undefined while whoever has them does not answer. That there are
 * none holds for no longer than an answer may take: whoever asks later reads anew, or gets the answer that came late.
 */
function keptFor<Figures>(ms: number, read: () => Promise<Figures>): () => Promise<Figures | undefined> {
  let kept: { readonly until: number; readonly figures: Promise<Figures | undefined> } | undefined;
  /** Of reads, and the last one that was answered. */
  let [begun, answered] = [0, 0];
  const keep = (figures: Promise<Figures | undefined>, keptMs: number) => {
    kept = { until: performance.now() + keptMs, figures };
    return figures;
  };
  return () => {
    if (kept !== undefined && performance.now() < kept.until) return kept.figures;
    const number = ++begun;
    const reading = read().then(
      (figures) => {
        if (number < answered) return figures;
        answered = number;
        return keep(Promise.resolve(figures), ms);
      },
      () => undefined,
    );
    const late = delay(answerMs, undefined, { ref: false });
    return keep(Promise.race([reading, late]), Math.min(ms, answerMs));
  };
}
