/** Translates the history of calls between wire and domain; holds no rules. */
import type { Message, MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { QueryRecordRow } from "../execution/history/history.ts";
import type { HistoryPosition } from "../execution/history/list.ts";
import type { QueryRecordSchema } from "../gen/connector/v1/history_pb.js";
import type { ConnectorService } from "../gen/connector/v1/service_pb.js";
import { checkText } from "../registry/text.ts";
import { connectorFor } from "./caller.ts";
import type { Rooms } from "./rooms.ts";
import { canonical } from "./wire/canonical.ts";
import { timingsToWire } from "./wire/timings.ts";

export function historyHandlers(rooms: Rooms): Pick<ServiceImpl<typeof ConnectorService>, "listQueries"> {
  const { history, pageTokens } = rooms;
  return {
    async listQueries(request, context) {
      const { organizationId, id } = await connectorFor(rooms, context, request.connectorId);
      const { startTime, endTime, principal, agent, failed, pageSize, pageToken } = request;
      checkText({ principal, agent });
      const binding = canonical("ListQueries", organizationId, id, startTime, endTime, principal, agent, failed);
      const { records, next } = await history.list(organizationId, {
        connectorId: id,
        startTime: dateOf(startTime),
        endTime: dateOf(endTime),
        ...{ principal, agent, failed },
        pageSize: Math.min(pageSize || 50, 500),
        after: pageToken === "" ? undefined : (JSON.parse(pageTokens.open(pageToken, binding)) as HistoryPosition),
      });
      return {
        queries: records.map(recordToWire),
        nextPageToken: next === undefined ? "" : pageTokens.seal(JSON.stringify(next), binding),
      };
    },
  };
}

/** The last instant of the year 9999, which is the last that a Timestamp may name. */
const latestMs = 253_402_300_799_999;

/** Records have whole milliseconds: the first of them that is not before the instant. */
function dateOf(timestamp: Timestamp | undefined): Date | undefined {
  if (timestamp === undefined) return undefined;
  const ms = Number(timestamp.seconds) * 1_000 + Math.ceil(timestamp.nanos / 1e6);
  return new Date(Math.max(0, Math.min(ms, latestMs)));
}

function recordToWire(record: QueryRecordRow): Exclude<MessageInitShape<typeof QueryRecordSchema>, Message> {
  const { id, connectorId, principal, agent, method, resource, statement, rows, bytes, attempts, cached } = record;
  return {
    ...{ id, connectorId, principal, agent, method, resource, statement, rows, bytes, attempts, cached },
    createTime: timestampFromDate(record.createTime),
    reason: record.reason.toUpperCase(),
    breakerState: record.breakerState,
    timings: timingsToWire({
      rateLimit: record.rateLimitMs,
      bulkhead: record.bulkheadMs,
      backoff: record.backoffMs,
      pool: record.poolMs,
      connect: record.connectMs,
      source: record.sourceMs,
      transfer: record.transferMs,
      total: record.totalMs,
    }),
  };
}
