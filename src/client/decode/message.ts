/**
 * The messages of a stream without decoding what is in them.
 *
 * The generated decoder would make an object of every cell. Called as a method that
 * answers with the empty message, StreamQuery keeps the parts of its answers as
 * unknown fields instead: pieces of the received bytes, not copied, not looked into.
 */
import type { DescMethodServerStreaming, Message } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import { ConnectorService } from "../../gen/connector/v1/service_pb.js";
import { type StreamQueryRequestSchema, StreamQueryResponseSchema } from "../../gen/connector/v1/stream_pb.js";
import { WireReader, wireLengthDelimited } from "./wire.ts";

export const streamQueryView: DescMethodServerStreaming<typeof StreamQueryRequestSchema, typeof EmptySchema> = {
  ...ConnectorService.method.streamQuery,
  output: EmptySchema,
};

const { header, values, packed, arrow, trailer } = StreamQueryResponseSchema.field;
const names = new Map([header, values, packed, arrow, trailer].map((field) => [field.number, field.localName]));

/** One message of a stream: which part it is, and where in `bytes` its content begins. */
export interface Part {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly at: number;
}

/** The part that a message holds; undefined when it is one that this client does not know. */
export function partOf(message: Message): Part | undefined {
  const field = message.$unknown?.at(-1);
  if (field === undefined || field.wireType !== wireLengthDelimited) return undefined;
  const name = names.get(field.no);
  if (name === undefined) return undefined;
  const reader = new WireReader(field.data);
  reader.size();
  return { name, bytes: field.data, at: reader.at };
}
