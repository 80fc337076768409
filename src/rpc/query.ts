/** Translates one page of a query, and its explanation, between wire and domain; holds no rules. */
import { create, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { ListValueSchema, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { Caller } from "../execution/call.ts";
import { type Query, QueryResponseSchema, QuerySchema, Paging as WirePaging } from "../gen/connector/v1/query_pb.js";
import type { ConnectorService } from "../gen/connector/v1/service_pb.js";
import type { PageRequest, Paging } from "../providers/contract.ts";
import type { Grant } from "../registry/grant/grant.ts";
import type { ConnectorRow } from "../registry/registry.ts";
import type { PackedBatch } from "../rows/packed.ts";
import { ValueEncoder } from "../rows/values.ts";
import { boundsOf } from "./bounds.ts";
import { connectorFor } from "./caller.ts";
import { beginNative, toldOf } from "./native.ts";
import type { Rooms } from "./rooms.ts";
import { boundTo, canonical } from "./wire/canonical.ts";
import { addEncoded, decoded, speaksJson } from "./wire/encoded.ts";
import { fieldToWire } from "./wire/fields.ts";
import { durationToMs, durationToWire, timingsToWire } from "./wire/timings.ts";

const pagings: Record<Paging, WirePaging> = {
  keyset: WirePaging.KEYSET,
  offset: WirePaging.OFFSET,
  single: WirePaging.SINGLE,
  source: WirePaging.SOURCE,
};

const defaultPageSize = 100;
const maxPageSize = 10_000;
/** Cells of a page; typed values take somewhat more, and clients refuse messages of more than 4 MiB. */
const maxPageBytes = 2_000_000;

export function queryHandlers(rooms: Rooms): Pick<ServiceImpl<typeof ConnectorService>, "query" | "explainQuery"> {
  const { execution, pageTokens } = rooms;
  return {
    async query(request, context) {
      const { query, asked, bounds, binding, connector, page } = await opened(rooms, request, context);
      const maxAgeMs = request.maxAge === undefined ? 0 : durationToMs(request.maxAge);
      const ended = await beginNative(rooms, context, connector, query);
      const read = (caller: Caller) => execution.query(connector, { query: asked, page, maxAgeMs }, caller);
      const answer = await toldOf(ended, bounds.run(read, asked), ({ result }) => rowsIn(result.batches));
      const { fields, batches, continuation, paging, truncated, postFiltered = [] } = answer.result;
      const response = create(QueryResponseSchema, {
        fields: fields.map(fieldToWire),
        nextPageToken: continuation === undefined ? "" : pageTokens.seal(continuation, binding()),
        paging: pagings[paging],
        truncated,
        postFiltered: [...postFiltered],
        timings: timingsToWire(answer.timings),
        attempts: answer.attempts,
        readTime: timestampFromDate(answer.readTime),
        cached: answer.cached,
        ...(answer.cached ? { age: durationToWire(Math.max(0, Date.now() - answer.readTime.getTime())) } : {}),
      });
      const encoder = new ValueEncoder(fields, QueryResponseSchema.field.rows.number);
      // Each copied, since the encoder's bytes are good until its next batch only.
      const rows = Buffer.concat(batches.map((batch) => Buffer.from(encoder.encode(batch))));
      // Without its first tag, which protobuf-es writes itself.
      if (rows.length > 0) addEncoded(response, QueryResponseSchema.field.rows.number, rows.subarray(1));
      return speaksJson(context) ? decoded(QueryResponseSchema, response) : response;
    },

    async explainQuery(request, context) {
      const { query, asked, bounds, connector, page } = await opened(rooms, request, context);
      const ended = await beginNative(rooms, context, connector, query);
      const explain = (caller: Caller) => execution.explain(connector, { query: asked, page }, caller);
      const explained = bounds.explanation(await toldOf(ended, bounds.run(explain, asked), () => 0), asked);
      const {
        statement,
        parameters,
        pushedDown,
        postFiltered = [],
        paging,
        plan,
        estimatedRows,
        estimatedCost,
      } = explained;
      return {
        statement,
        parameters: [...parameters],
        pushedDown: [...pushedDown],
        postFiltered: [...postFiltered],
        paging: pagings[paging],
        ...(plan === undefined ? {} : { plan: fromJson(ListValueSchema, plan as JsonValue) }),
        ...(estimatedRows === undefined ? {} : { estimatedRows: BigInt(Math.round(estimatedRows)) }),
        ...(estimatedCost === undefined ? {} : { estimatedCost }),
      };
    },
  };
}

function rowsIn(batches: readonly PackedBatch[]): number {
  return batches.reduce((sum, { rows }) => sum + rows, 0);
}

interface PagedRequest {
  readonly connectorId: string;
  readonly query?: Query | undefined;
  readonly pageSize: number;
  readonly pageToken: string;
}

async function opened(rooms: Rooms, request: PagedRequest, context: HandlerContext) {
  const query = request.query ?? create(QuerySchema);
  const connector = await connectorFor(rooms, context, request.connectorId);
  const bounds = await boundsOf(rooms, context, connector);
  const asked = bounds.query(query);
  // Most queries have one page, and need none.
  const binding = () => bindingOf(connector, query, bounds.grant);
  const continuation = request.pageToken === "" ? undefined : rooms.pageTokens.open(request.pageToken, binding());
  const size = Math.min(request.pageSize || defaultPageSize, maxPageSize);
  const page: PageRequest = { size, continuation, maxBytes: maxPageBytes };
  return { query, asked, bounds, binding, connector, page };
}

/**
 * A page token belongs to one query of one connector, and to the agent it was made for, within the
 * fields and rows that it was granted then: a source's own token leads on with the conditions that
 * it was made with. The size of its pages may change.
 */
function bindingOf(connector: ConnectorRow, query: Query, grant: Grant | undefined): string {
  const within = grant === undefined ? [] : [...boundTo(grant.agent), grant.resources];
  return canonical("Query", connector.organizationId, connector.id, query, ...within);
}
