/** Translates the audit log between wire and domain; holds no rules. */
import { create, type JsonObject, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AuditOutcome } from "../audit/event.ts";
import type { AuditFilter, AuditPosition, AuditRow } from "../audit/list.ts";
import {
  AuditFilterSchema,
  type AuditLogSchema,
  type AuditFilter as WireFilter,
  AuditOutcome as WireOutcome,
} from "../gen/connector/v1/audit_pb.js";
import type { ConnectorService } from "../gen/connector/v1/service_pb.js";
import { checkText } from "../registry/text.ts";
import { principalOf } from "./principal.ts";
import type { Rooms } from "./rooms.ts";
import { canonical } from "./wire/canonical.ts";

const outcomes: Record<AuditOutcome, WireOutcome> = {
  intended: WireOutcome.INTENDED,
  succeeded: WireOutcome.SUCCEEDED,
  failed: WireOutcome.FAILED,
  denied: WireOutcome.DENIED,
  unknown: WireOutcome.UNKNOWN,
};

type Handlers = Pick<ServiceImpl<typeof ConnectorService>, "listAuditLogs" | "exportAuditLogs">;

export function auditHandlers({ audit, pageTokens }: Rooms): Handlers {
  return {
    async listAuditLogs({ filter, pageSize, pageToken }, context) {
      const { organizationId } = principalOf(context);
      const binding = canonical("ListAuditLogs", organizationId, filter);
      const { rows, next } = await audit.page(organizationId, {
        ...filterFromWire(filter),
        order: "latest_first",
        size: Math.min(pageSize || 50, 500),
        after: pageToken === "" ? undefined : (JSON.parse(pageTokens.open(pageToken, binding)) as AuditPosition),
      });
      return {
        auditLogs: rows.map(rowToWire),
        nextPageToken: next === undefined ? "" : pageTokens.seal(JSON.stringify(next), binding),
      };
    },

    async *exportAuditLogs({ filter }, context) {
      const { organizationId } = principalOf(context);
      for await (const rows of audit.read(organizationId, filterFromWire(filter))) {
        context.signal.throwIfAborted();
        yield { auditLogs: rows.map(rowToWire) };
      }
    },
  };
}

function filterFromWire(filter: WireFilter = create(AuditFilterSchema)): AuditFilter {
  const { startTime, endTime, actor, connectorId, agent, outcome } = filter;
  checkText({ "filter.actor": actor, "filter.agent": agent });
  const [wanted] = (Object.keys(outcomes) as AuditOutcome[]).filter((each) => outcomes[each] === outcome);
  return { startTime: dateOf(startTime), endTime: dateOf(endTime), actor, connectorId, agent, outcome: wanted };
}

/** The last instant of the year 9999, which is the last that a Timestamp may name. */
const latestMs = 253_402_300_799_999;

/** Entries have whole milliseconds: the first of them that is not before the instant. */
function dateOf(timestamp: Timestamp | undefined): Date | undefined {
  if (timestamp === undefined) return undefined;
  const ms = Number(timestamp.seconds) * 1_000 + Math.ceil(timestamp.nanos / 1e6);
  return new Date(Math.max(0, Math.min(ms, latestMs)));
}

function rowToWire(row: AuditRow): Exclude<MessageInitShape<typeof AuditLogSchema>, Message> {
  const { createTime, sequence, hash, actor, agent, event, connector, outcome, reason } = row;
  return {
    ...{ actor, agent, event, connectorId: connector, outcome: outcomes[outcome], reason: reason.toUpperCase() },
    sequence: BigInt(sequence ?? 0),
    createTime: timestampFromDate(createTime),
    details: detailsOf(row),
    hash: hash ?? new Uint8Array(0),
  };
}

/** What has no field of its own, by the names that the contract gives. */
function detailsOf({ id, intent, authentication, resource, request, address, rows, details }: AuditRow): JsonObject {
  const known = { id, intent, authentication, resource, request_id: request, client_address: address, rows };
  const given = Object.entries(known).filter(([, value]) => value !== "" && value !== null);
  return { ...(details as JsonObject), ...(Object.fromEntries(given) as JsonObject) };
}
