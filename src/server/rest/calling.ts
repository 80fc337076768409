/**
 * Calls of RPCs for requests of REST: through the same handlers as Connect's own requests,
 * so that who may call, what is valid and how long it may take is decided in one place.
 */
import { fromBinary, type JsonObject, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import { createContextValues } from "@connectrpc/connect";
import {
  createAsyncIterable,
  encodeEnvelope,
  readAllBytes,
  type UniversalHandler,
  type UniversalServerRequest,
  type UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { contentTypeStreamProto, contentTypeUnaryProto } from "@connectrpc/connect/protocol-connect";
import { Failure } from "../../failure.ts";
import { callIdOf, toConnectError } from "../../rpc/failure.ts";
import { takeReady } from "../../rpc/ready.ts";
import { type Asked, messageOf } from "./asked.ts";
import type { Binding } from "./bindings.ts";
import { readBody } from "./body.ts";
import { answerHeader, connectHeader } from "./header.ts";
import { answerLines, type Lines } from "./ndjson.ts";
import { errorIn, problemAnswer, problemOf } from "./problem.ts";

export interface Call {
  readonly handler: UniversalHandler;
  readonly asked: Omit<Asked, "header">;
  /** Makes lines of a stream's messages; undefined for a method that has one. */
  readonly lines: Lines | undefined;
  /** Bytes of a request's body, decompressed. */
  readonly maxBytes: number;
}

/** Answers a request of REST. */
export async function answerCall(call: Call, request: UniversalServerRequest): Promise<UniversalServerResponse> {
  const contextValues = request.contextValues ?? createContextValues();
  const { lines, handler, maxBytes } = call;
  const asked: Asked = { ...call.asked, header: request.header };
  const encode = (message: Message) => {
    const bytes = toBinary(handler.method.input, message);
    return lines === undefined ? bytes : encodeEnvelope(0, bytes);
  };
  // Read only when the call has been admitted.
  async function* body(): AsyncGenerator<Uint8Array> {
    yield encode(await asConnectError(async () => messageOf(asked, await readBody(request, maxBytes))));
  }
  const type = lines === undefined ? contentTypeUnaryProto : contentTypeStreamProto;
  const header = connectHeader(request.header, type);
  // Lines are copies: an envelope's memory is free as soon as they are made.
  const putReady = takeReady(contextValues, () => true);
  const answered = await handler({ ...request, contextValues, method: "POST", header, body: body() });
  const callId = () => callIdOf(contextValues);
  if (lines !== undefined) {
    return answerLines(putReady(answered.body ?? nothing), lines, answerHeader(answered.header), callId);
  }
  return answerWhole(call.asked.binding, answered, callId);
}

const nothing = createAsyncIterable<Uint8Array>([]);

/** What the handlers know is a ConnectError; one of ours says more. */
async function asConnectError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw cause instanceof Failure ? toConnectError(cause) : cause;
  }
}

async function answerWhole(
  binding: Binding,
  { status, header: given, body }: UniversalServerResponse,
  callId: () => string,
): Promise<UniversalServerResponse> {
  const bytes = await readAllBytes(body ?? nothing, Number.MAX_SAFE_INTEGER);
  const header = answerHeader(given);
  if (status !== 200) {
    const error = errorIn(JSON.parse(new TextDecoder().decode(bytes)));
    return problemAnswer(problemOf(error, { callId: callId() }), header);
  }
  const { output } = binding.method;
  if (output.fields.length === 0) return { status: 204, header };
  const json = toJson(output, fromBinary(output, bytes), { alwaysEmitImplicit: true }) as JsonObject;
  const answer = (binding.answer === undefined ? json : (json[binding.answer.jsonName] ?? {})) as JsonObject;
  if (typeof answer.etag === "string" && answer.etag !== "") header.set("etag", `"${answer.etag}"`);
  header.set("content-type", "application/json");
  const text = new TextEncoder().encode(`${JSON.stringify(answer)}\n`);
  header.set("content-length", String(text.length));
  return { status: isCreating(binding) ? 201 : 200, header, body: createAsyncIterable([text]) };
}

/** A standard method of that name (AIP-133). */
export function isCreating({ verb, method }: Binding): boolean {
  return verb === "POST" && method.name.startsWith("Create");
}
