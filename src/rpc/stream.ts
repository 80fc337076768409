/** Translates a stream between domain and wire; holds no rules. */
import { create, fromBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import type { ExecutedStream } from "../execution/answer.ts";
import { Failure } from "../failure.ts";
import type { ConnectorService } from "../gen/connector/v1/service_pb.js";
import {
  Format,
  type StreamQueryResponse,
  StreamQueryResponseSchema,
  Truncation,
  ValueBatchSchema,
} from "../gen/connector/v1/stream_pb.js";
import type { ReadQuery } from "../providers/contract.ts";
import type { ConnectorRow } from "../registry/registry.ts";
import type { Field } from "../rows/field.ts";
import { envelopeHeadBytes, envelopeOf, type PackedBatch } from "../rows/packed.ts";
import { ValueEncoder } from "../rows/values.ts";
import { type Bounds, boundsOf } from "./bounds.ts";
import { connectorFor } from "./caller.ts";
import { beginNative, streamToldOf } from "./native.ts";
import { leaveReady } from "./ready.ts";
import type { Rooms } from "./rooms.ts";
import { speaksJson } from "./wire/encoded.ts";
import { fieldToWire } from "./wire/fields.ts";
import { timingsToWire } from "./wire/timings.ts";

export function streamHandlers(rooms: Rooms): Pick<ServiceImpl<typeof ConnectorService>, "streamQuery"> {
  return {
    async *streamQuery(request, context) {
      const { connectorId, query } = request;
      const format = builtFormat(request.format);
      if (query === undefined) throw new Failure("internal", "A request passed validation without its query.");
      const connector = await connectorFor(rooms, context, connectorId);
      const bounds = await boundsOf(rooms, context, connector);
      const asked = bounds.query(query);
      const ended = await beginNative(rooms, context, connector, query);
      const moved: Moved = { rows: 0, bytes: 0 };
      const answers = answersTo(rooms, context, { connector, asked, bounds, format, moved });
      yield* streamToldOf(ended, answers, () => moved.rows);
    },
  };
}

/** What has been sent up to now. */
interface Moved {
  rows: number;
  bytes: number;
}

interface Asked {
  readonly connector: ConnectorRow;
  readonly asked: ReadQuery;
  readonly bounds: Bounds;
  readonly format: BuiltFormat;
  readonly moved: Moved;
}

/** Header, batches and trailer. */
async function* answersTo(
  { execution }: Rooms,
  context: HandlerContext,
  { connector, asked, bounds, format, moved }: Asked,
): AsyncGenerator<StreamQueryResponse> {
  const stream = await bounds.run((caller) => execution.stream(connector, asked, caller), asked);
  const encode = encoderOf(format, stream.fields);
  yield header(stream, format);
  const json = speaksJson(context);
  for await (const batch of stream.batches) {
    const { envelope, size } = encode(batch);
    moved.rows += batch.rows;
    moved.bytes += size;
    const left = !json && leaveReady(context.values, { envelope, sent: () => batch.release() });
    yield left ? create(StreamQueryResponseSchema) : messageIn(envelope);
  }
  const limit = asked.kind === "resource" ? asked.limit : undefined;
  yield create(StreamQueryResponseSchema, {
    part: {
      case: "trailer",
      value: {
        rows: BigInt(moved.rows),
        bytes: BigInt(moved.bytes),
        truncated: moved.rows === limit ? Truncation.LIMIT : Truncation.UNSPECIFIED,
        attempts: stream.attempts,
        timings: timingsToWire(stream.timings()),
      },
    },
  });
}

function header({ fields, readTime, postFiltered }: ExecutedStream, format: Format): StreamQueryResponse {
  return create(StreamQueryResponseSchema, {
    part: {
      case: "header",
      value: {
        ...{ fields: fields.map(fieldToWire), format, readTime: timestampFromDate(readTime) },
        postFiltered: [...postFiltered],
      },
    },
  });
}

/** A batch as the envelope that carries it, and its own size in there. */
type Encode = (batch: PackedBatch) => { readonly envelope: Uint8Array; readonly size: number };

function encoderOf(format: Format.VALUES | Format.PACKED, fields: readonly Field[]): Encode {
  const { packed, values } = StreamQueryResponseSchema.field;
  if (format === Format.PACKED) return (batch) => ({ envelope: batch.envelope(packed.number), size: batch.size });
  const encoder = new ValueEncoder(fields, ValueBatchSchema.field.rows.number);
  return (batch) => {
    const rows = encoder.encode(batch);
    return { envelope: envelopeOf(values.number, rows), size: rows.length };
  };
}

/** The format to answer in, before anything is asked of the source. */
type BuiltFormat = Format.VALUES | Format.PACKED;

function builtFormat(format: Format): BuiltFormat {
  if (format === Format.PACKED) return format;
  if (format !== Format.ARROW) return Format.VALUES;
  throw new Failure("not_implemented", "Streams in the format ARROW are not there yet.", {
    where: "service",
    remedy: "Ask for PACKED or VALUES.",
  });
}

/** The message in an envelope, for a caller that reads JSON or a writer that takes no ready ones. */
function messageIn(envelope: Uint8Array): StreamQueryResponse {
  return fromBinary(StreamQueryResponseSchema, envelope.subarray(envelopeHeadBytes));
}
