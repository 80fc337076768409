/**
 * Streams as NDJSON: an object a line. The last line says that the stream is whole
 * (`{"trailer":…}`) or why it is not (`{"problem":…}`); one without either was cut off.
 */
import { type DescMethod, fromBinary, type JsonObject, type Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { endStreamFlag } from "@connectrpc/connect/protocol-connect";
import { envelopeHeadBytes } from "../../rows/packed.ts";
import { toConnectError } from "../../rpc/failure.ts";
import type { Schemas } from "./openapi/schemas.ts";
import type { Schema } from "./openapi/types.ts";
import { errorIn, problemAnswer, problemOf } from "./problem.ts";

/** How the messages of one method become lines. */
export interface Lines {
  readonly method: DescMethod;
  /** What the mapping sets in the request, by names in JSON. */
  readonly request: Readonly<JsonObject>;
  /** What the lines are, for people. */
  readonly description: string;
  /** What each line is, as a JSON Schema. */
  schema(schemas: Pick<Schemas, "message">): Schema;
  /** For one call. */
  begin(): LineWriter;
}

export interface LineWriter {
  /**
   * The lines of a message, each with its end.
   *
   * @throws Failure when the message can't be said so
   */
  lines(message: Message): string | Uint8Array;
  /** The lines behind the last message of a stream that is whole. */
  end(): string;
}

export const ndjsonType = "application/x-ndjson";

/**
 * The messages of a handler of the Connect protocol as lines; a problem when it failed before the first one.
 *
 * @param envelopes each chunk is one, as the handlers give them
 * @param header what the answer says besides
 */
export async function answerLines(
  envelopes: AsyncIterable<Uint8Array>,
  lines: Lines,
  header: Headers,
  callId: () => string,
): Promise<UniversalServerResponse> {
  const it = envelopes[Symbol.asyncIterator]();
  const first = await it.next();
  const error = first.done ? undefined : errorAtEnd(first.value);
  if (error !== undefined) return problemAnswer(problemOf(error, { callId: callId() }), header);
  header.set("content-type", ndjsonType);
  return { status: 200, header, body: linesOf(first, it, lines, callId) };
}

async function* linesOf(
  first: IteratorResult<Uint8Array>,
  it: AsyncIterator<Uint8Array>,
  { method, begin }: Lines,
  callId: () => string,
): AsyncGenerator<Uint8Array> {
  const writer = begin();
  try {
    for (let next = first; !next.done; next = await it.next()) {
      if (!isEnd(next.value)) {
        yield bytesOf(writer.lines(fromBinary(method.output, next.value.subarray(envelopeHeadBytes))));
        continue;
      }
      const error = errorAtEnd(next.value);
      yield bytesOf(error === undefined ? writer.end() : problemLine(error, callId()));
      return;
    }
  } catch (cause) {
    yield bytesOf(problemLine(toConnectError(cause, callId), callId()));
  } finally {
    // Stops the source when nobody reads on.
    await it.return?.();
  }
}

function isEnd(envelope: Uint8Array): boolean {
  return ((envelope[0] ?? 0) & endStreamFlag) > 0;
}

function errorAtEnd(envelope: Uint8Array): ConnectError | undefined {
  if (!isEnd(envelope)) return undefined;
  const { error } = JSON.parse(new TextDecoder().decode(envelope.subarray(envelopeHeadBytes))) as { error?: unknown };
  return error === undefined ? undefined : errorIn(error);
}

function problemLine(error: ConnectError, callId: string): string {
  return `${JSON.stringify({ problem: problemOf(error, { callId }) })}\n`;
}

function bytesOf(lines: string | Uint8Array): Uint8Array {
  return typeof lines === "string" ? new TextEncoder().encode(lines) : lines;
}
