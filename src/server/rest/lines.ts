/** What the lines of the contract's streams are. */
import { type Message, toJson } from "@bufbuild/protobuf";
import { Failure } from "../../failure.ts";
import { AuditLogSchema, type ExportAuditLogsResponse } from "../../gen/connector/v1/audit_pb.js";
import { ConnectorService } from "../../gen/connector/v1/service_pb.js";
import { StreamHeaderSchema, type StreamQueryResponse, StreamTrailerSchema } from "../../gen/connector/v1/stream_pb.js";
import type { Lines } from "./ndjson.ts";
import type { Schema } from "./openapi/types.ts";
import { RowLines } from "./row-lines.ts";

const implicit = { alwaysEmitImplicit: true } as const;

/**
 * Rows as objects by the names of their fields: `{"header":…}` first, then a line for each row,
 * and `{"trailer":…}`. No value of a row is an object, so that a row is never taken for one of those.
 */
const rowLines: Lines = {
  method: ConnectorService.method.streamQuery,
  request: { format: "FORMAT_PACKED" },
  description:
    'A line `{"header":…}` with the fields and the keys of the rows, a line for each row, and `{"trailer":…}`.',
  schema: (schemas) =>
    oneOfLines({
      header: {
        allOf: [
          schemas.message(StreamHeaderSchema, "StreamHeaderLine", withoutFormat),
          { type: "object", required: ["keys"], properties: { keys: { type: "array", items: { type: "string" } } } },
        ],
      },
      row: { type: "object", additionalProperties: { type: ["string", "number", "boolean", "null"] } },
      trailer: schemas.message(StreamTrailerSchema),
    }),
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
  description: 'A line for each entry, the earliest first, and `{"trailer":…}` with their number.',
  schema: (schemas) =>
    oneOfLines({
      row: schemas.message(AuditLogSchema),
      trailer: { type: "object", required: ["entries"], properties: { entries: { type: "integer" } } },
    }),
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

/** All are the same in lines. */
const withoutFormat = StreamHeaderSchema.fields.filter(({ name }) => name !== "format");

function oneOfLines({ row, ...marked }: { readonly row: Schema; readonly [mark: string]: Schema }): Schema {
  const problem = { $ref: "#/components/schemas/Problem" };
  const lines = Object.entries({ ...marked, problem }).map(([mark, schema]) => ({
    type: "object",
    required: [mark],
    properties: { [mark]: schema },
  }));
  return { anyOf: [row, ...lines] };
}

function headerOf(header: Message): object {
  const { format: _, ...rest } = toJson(StreamHeaderSchema, header as never, implicit) as { format?: unknown };
  return rest;
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
