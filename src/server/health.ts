/** grpc.health.v1: whether this server can do its work now. */
import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError, type ConnectRouter } from "@connectrpc/connect";
import { Failure } from "../failure.ts";
import { ConnectorService } from "../gen/connector/v1/service_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../gen/grpc/health/v1/health_pb.js";

/** A probe's answer is good for so long, and a watcher hears of a change as fast. */
const cacheMs = 1_000;
/** A probe that takes longer has failed. */
const probeMs = 2_000;

/** The server as a whole, and its service: both do their work, or neither. */
const working = ["", ConnectorService.typeName];
/** The process itself, which lives as long as it answers: a restart would mend nothing outside of it. */
const liveness = "liveness";
const known = [...working, liveness];

export interface HealthOptions {
  /** Rejects while the server can't do its work: the store does not answer, for example. */
  readonly ready: () => Promise<void>;
  /** Aborts when the server begins to stop; it is not ready from then on. */
  readonly draining: AbortSignal;
}

/**
 * Registers the health service.
 *
 * Known services are `""` and the connector service, which share one status, and "liveness", which
 * is SERVING always. Watch sends a status at once and when it changes, and ends when the server drains.
 * @see https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export function health(router: ConnectRouter, options: HealthOptions): void {
  const { draining } = options;
  const ready = cached(options.ready);
  const isReady = async () => !draining.aborted && (await ready()) && !draining.aborted;
  const statusOf = async (service: string) =>
    service === liveness || (await isReady()) ? Status.SERVING : Status.NOT_SERVING;
  router.service(Health, {
    async check({ service }) {
      if (!known.includes(service)) {
        const services = known.map((name) => `"${name}"`).join(", ");
        throw new Failure("not_found", "The service is not known here.", { remedy: `Ask for ${services}.` });
      }
      return { status: await statusOf(service) };
    },
    async list() {
      const statuses = known.map(async (service) => [service, { status: await statusOf(service) }]);
      return { statuses: Object.fromEntries(await Promise.all(statuses)) };
    },
    async *watch({ service }, { signal }) {
      let last: Status | undefined;
      while (!signal.aborted) {
        const status = known.includes(service) ? await statusOf(service) : Status.SERVICE_UNKNOWN;
        if (status !== last) yield { status };
        last = status;
        if (draining.aborted) return;
        await pause(cacheMs, [signal, draining]);
      }
      throw ConnectError.from(signal.reason, Code.Canceled);
    },
  });
}

/** Whether the probe succeeds in time, asked at most once at a time and once a second. */
function cached(probe: () => Promise<void>): () => Promise<boolean> {
  let running: Promise<true> | undefined;
  let answer: Promise<boolean> | undefined;
  const run = async (): Promise<true> => {
    try {
      await probe();
      return true;
    } finally {
      running = undefined;
    }
  };
  return () => {
    if (answer !== undefined) return answer;
    // A probe that hangs is waited for again, so that hanging ones don't pile up.
    running ??= run();
    answer = inTime(running).finally(() => {
      setTimeout(() => {
        answer = undefined;
      }, cacheMs).unref();
    });
    return answer;
  };
}

async function inTime(work: Promise<true>): Promise<boolean> {
  const late = new AbortController();
  try {
    return await Promise.race([work, sleep(probeMs, false, { signal: late.signal })]);
  } catch {
    return false;
  } finally {
    late.abort();
  }
}

/** Ends early when one of the signals aborts. */
async function pause(ms: number, signals: AbortSignal[]): Promise<void> {
  await sleep(ms, undefined, { signal: AbortSignal.any(signals), ref: false }).catch(() => {});
}
