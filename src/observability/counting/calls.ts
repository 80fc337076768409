/** Counts RPCs, calls through connectors, and each time that a source is asked. */
import type { Family } from "../exposition.ts";
import type { AttemptEnded, CallEnded, RpcEnded, StreamMoved, TokenRefreshed } from "../observation.ts";
import { queues, reasonOf, runningParts } from "../parts.ts";
import { createCounter, createHistogram } from "../series.ts";

/** In seconds: from an answer out of the cache to a stream of minutes. */
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600];
/** Of what takes no longer than a unary call may. */
const shortBuckets = buckets.slice(0, -2);

const connectorService = "connector.v1.ConnectorService";

/** What counts observations, and the families that it counts them in. */
export interface Counted<Told> {
  readonly families: readonly Family[];
  readonly tell: Told;
}

export function rpcCounting(): Counted<(ended: RpcEnded) => void> {
  const rpcs = createCounter({
    name: "connector_rpcs_total",
    help: "RPCs of the connector service that have been answered, by their method, code and reason.",
    labelNames: ["method", "code", "reason"],
  });
  const duration = createHistogram(
    {
      name: "connector_rpc_duration_seconds",
      help: "From the arrival of an RPC to the end of its answer.",
      labelNames: ["method"],
    },
    buckets,
  );
  return {
    families: [rpcs, duration],
    tell({ service, method, code, reason, ms, span }) {
      // A probe of its health is no work of the service.
      if (service !== connectorService) return;
      rpcs.count(1, method, code, reasonOf(reason));
      duration.measure(ms / 1_000, span, method);
    },
  };
}

export function callCounting(): Counted<(ended: CallEnded) => void> & {
  readonly streamMoved: (moved: StreamMoved) => void;
} {
  const { families, timed } = callTimes();
  const calls = createCounter({
    name: "connector_calls_total",
    help: "Calls to connectors that are over, by the reason of their error.",
    labelNames: ["method", "provider", "reason"],
  });
  const rows = createCounter({
    name: "connector_rows_total",
    help: "Rows that were read, or changed by Execute; of streams while they run.",
    labelNames: ["method", "provider"],
  });
  const bytes = createCounter({
    name: "connector_bytes_total",
    help: "Bytes of the rows that were read or changed.",
    labelNames: ["method", "provider"],
  });
  const move = (method: string, provider: string, moved: { readonly rows: number; readonly bytes: number }) => {
    rows.count(moved.rows, method, provider);
    bytes.count(moved.bytes, method, provider);
  };
  return {
    families: [calls, ...families, rows, bytes],
    tell(ended) {
      const { method, reason, subject } = ended;
      calls.count(1, method, subject.provider, reasonOf(reason));
      timed(ended);
      if (method !== "StreamQuery") move(method, subject.provider, ended);
    },
    streamMoved: (moved) => move("StreamQuery", moved.subject.provider, moved),
  };
}

function callTimes(): { readonly families: readonly Family[]; readonly timed: (ended: CallEnded) => void } {
  const duration = createHistogram(
    {
      name: "connector_call_duration_seconds",
      help: "From the arrival of a call to its end.",
      labelNames: ["method", "provider"],
    },
    buckets,
  );
  const queued = createHistogram(
    {
      name: "connector_call_queue_seconds",
      help: "What calls have waited before they ran, or between two attempts, counting those that did.",
      labelNames: ["queue"],
    },
    shortBuckets,
  );
  const ran = createHistogram(
    {
      name: "connector_call_running_seconds",
      help: "What sources have taken of calls, counting those that came so far.",
      labelNames: ["part", "provider"],
    },
    buckets,
  );
  return {
    families: [duration, queued, ran],
    timed({ method, subject: { provider }, timings, span }) {
      duration.measure(timings.total / 1_000, span, method, provider);
      for (const [part, label] of queues) {
        if (timings[part] > 0) queued.measure(timings[part] / 1_000, undefined, label);
      }
      for (const [part, label] of runningParts) {
        if (timings[part] > 0) ran.measure(timings[part] / 1_000, undefined, label, provider);
      }
    },
  };
}

export function attemptCounting(): Counted<(ended: AttemptEnded) => void> {
  const attempts = createCounter({
    name: "connector_attempts_total",
    help: "How often sources were asked, by the number of the attempt and the reason of its error.",
    labelNames: ["provider", "attempt", "reason"],
  });
  const duration = createHistogram(
    {
      name: "connector_attempt_duration_seconds",
      help: "From the permit of an attempt to its verdict; a stream is judged by its first batch.",
      labelNames: ["provider"],
    },
    shortBuckets,
  );
  return {
    families: [attempts, duration],
    tell({ subject: { provider }, attempt, reason, ms, span }) {
      attempts.count(1, provider, String(attempt), reasonOf(reason));
      duration.measure(ms / 1_000, span, provider);
    },
  };
}

export function refreshCounting(): Counted<(refreshed: TokenRefreshed) => void> {
  const refreshes = createCounter({
    name: "connector_token_refreshes_total",
    help: "Refreshes of connectors' tokens, by what came of them; rejected: somebody has to authorize the connector again.",
    labelNames: ["provider", "outcome"],
  });
  const duration = createHistogram(
    { name: "connector_token_refresh_duration_seconds", help: "What a refresh has taken.", labelNames: ["provider"] },
    shortBuckets,
  );
  return {
    families: [refreshes, duration],
    tell({ subject: { provider }, outcome, ms }) {
      refreshes.count(1, provider, outcome);
      duration.measure(ms / 1_000, undefined, provider);
    },
  };
}
