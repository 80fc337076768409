/** Translates a connector's figures between domain and wire; holds no rules. */
import type { Message, MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { BreakerStatus } from "../execution/breaker/breaker.ts";
import type { RefreshHealth } from "../execution/tokens/rows.ts";
import type { ConnectorService } from "../gen/connector/v1/service_pb.js";
import {
  type BreakerStatusSchema,
  type QuotaSchema,
  type RefreshHealthSchema,
  StatsWindow,
} from "../gen/connector/v1/stats_pb.js";
import type { Quota } from "../providers/contract.ts";
import { connectorFor } from "./caller.ts";
import type { Rooms } from "./rooms.ts";
import { durationToWire } from "./wire/timings.ts";

const hourMs = 3_600_000;

/** Milliseconds. */
const windows: Record<Exclude<StatsWindow, StatsWindow.UNSPECIFIED>, number> = {
  [StatsWindow.HOUR]: hourMs,
  [StatsWindow.DAY]: 24 * hourMs,
  [StatsWindow.WEEK]: 7 * 24 * hourMs,
  [StatsWindow.MONTH]: 30 * 24 * hourMs,
};

export function statsHandlers(rooms: Rooms): Pick<ServiceImpl<typeof ConnectorService>, "getStats"> {
  const { history, execution, tokens } = rooms;
  return {
    async getStats(request, context) {
      const { organizationId, id } = await connectorFor(rooms, context, request.connectorId);
      const window = request.window === StatsWindow.UNSPECIFIED ? StatsWindow.HOUR : request.window;
      const [stats, refresh] = await Promise.all([
        history.stats(organizationId, id, new Date(Date.now() - windows[window])),
        tokens.health(organizationId, id),
      ]);
      const { latency, rows, bytes } = stats;
      return {
        ...{ window, rows, bytes },
        calls: BigInt(stats.calls),
        cacheHits: BigInt(stats.cacheHits),
        errors: Object.fromEntries(
          Object.entries(stats.errors).map(([kind, calls]) => [kind.toUpperCase(), BigInt(calls)]),
        ),
        ...(latency === undefined
          ? {}
          : {
              latencyP50: durationToWire(latency.p50),
              latencyP95: durationToWire(latency.p95),
              latencyP99: durationToWire(latency.p99),
            }),
        breaker: breakerToWire(execution.breakerStatus(organizationId, id)),
        quotas: execution.quotas(organizationId, id).map(quotaToWire),
        ...(refresh === undefined ? {} : { refresh: refreshToWire(refresh) }),
      };
    },
  };
}

function breakerToWire({
  state,
  reason,
  nextProbeTime,
  opened,
}: BreakerStatus): Exclude<MessageInitShape<typeof BreakerStatusSchema>, Message> {
  return {
    state,
    reason: reason?.toUpperCase() ?? "",
    ...(nextProbeTime === undefined ? {} : { nextProbeTime: timestampFromDate(nextProbeTime) }),
    opened: BigInt(opened),
  };
}

function refreshToWire({
  state,
  expireTime,
  refreshTime,
  failures,
  reason,
}: RefreshHealth): Exclude<MessageInitShape<typeof RefreshHealthSchema>, Message> {
  return {
    ...{ state, failures, reason: reason?.toUpperCase() ?? "" },
    ...(expireTime === undefined ? {} : { expireTime: timestampFromDate(expireTime) }),
    ...(refreshTime === undefined ? {} : { refreshTime: timestampFromDate(refreshTime) }),
  };
}

function quotaToWire({
  name,
  limit,
  remaining,
  resetTime,
}: Quota): Exclude<MessageInitShape<typeof QuotaSchema>, Message> {
  return {
    name,
    // A source may count in parts of calls.
    limit: BigInt(Math.floor(limit)),
    remaining: BigInt(Math.floor(remaining)),
    ...(resetTime === undefined ? {} : { resetTime: timestampFromDate(resetTime) }),
  };
}
