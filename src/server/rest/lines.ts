/** What the lines of the contract's streams are. */
import { type Message, toJson } from "@bufbuild/protobuf";
import { Failure } from "../../failure.ts";
import { AuditLogSchema, type ExportAuditLogsResponse } from "../../gen/connector/v1/audit_pb.js";
import { ConnectorService } from "../../gen/connector/v1/service_pb.js";
import { StreamHeaderSchema, type StreamQueryResponse, StreamTrailerSchema } from "../../gen/connector/v1/stream_pb.js";
import type { Lines } from "./ndjson.ts";
import { RowLines } from "./row-lines.ts";

const implicit = { alwaysEmitImplicit: true } as const;

/**
 * Rows as objects by the names of their fields: `{"header":…}` first, then a line for each row,
 * and `{"trailer":…}`. No value of a row is an object, so that a row is never taken for one of those.
 */
const rowLines: Lines = {
  method: ConnectorService.method.streamQuery,
  request: { format: "FORMAT_PACKED" },
  begin() {
    let rows: RowLines | undefined;
    return {
      lines(message) {
        const { part } = message as StreamQueryResponse;
        switch (part.case) {
          case "header":
            rows = new RowLines(part.value.fields);
            return line({ header: { ...headerOf(part.value), keys: rows.keys } });
          case "packed":
            if (rows !== undefined) return rows.encode(part.value);
            break;
          case "trailer":
            return line({ trailer: toJson(StreamTrailerSchema, part.value, implicit) });
        }
        throw new Failure("internal", "A stream has a message that it can't have.");
      },
      end: () => "",
    };
  },
};

/** Entries as they are listed, and their number at the end. */
const auditLines: Lines = {
  method: ConnectorService.method.exportAuditLogs,
  request: {},
  begin() {
    let entries = 0;
    return {
      lines(message) {
        const { auditLogs } = message as ExportAuditLogsResponse;
        entries += auditLogs.length;
        return auditLogs.map((log) => line(toJson(AuditLogSchema, log, implicit))).join("");
      },
      end: () => line({ trailer: { entries } }),
    };
  },
};

export const linesOfStreams: readonly Lines[] = [rowLines, auditLines];

function headerOf(header: Message): object {
  const { format: _, ...rest } = toJson(StreamHeaderSchema, header as never, implicit) as { format?: unknown };
  return rest;
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
