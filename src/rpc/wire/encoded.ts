/** Message fields that are encoded already, and are passed on as they are. */
import { fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { WireType } from "@bufbuild/protobuf/wire";
import type { HandlerContext } from "@connectrpc/connect";

/**
 * Adds a length-delimited field to a message as bytes: protobuf-es writes what it
 * does not know as it came. The message reads as if it lacked the field, until it is
 * sent.
 *
 * @param content The field's content behind its tag, its size in front. It may go on
 *   with more fields, tags included.
 */
export function addEncoded(message: Message, field: number, content: Uint8Array): void {
  message.$unknown = [{ no: field, wireType: WireType.LengthDelimited, data: content }];
}

/** The message with its encoded fields decoded: a JSON answer needs them as objects. */
export function decoded<T extends Message>(schema: GenMessage<T>, message: T): T {
  return fromBinary(schema, toBinary(schema, message));
}

/** Whether the call's messages are JSON, in any protocol. */
export function speaksJson(context: HandlerContext): boolean {
  return context.requestHeader.get("content-type")?.includes("json") ?? context.requestMethod === "GET";
}
