/** From an HTTP request to the message that it stands for: what path, query, headers and body say of it. */
import { type DescMessage, fromJson, type JsonObject, type JsonValue, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { Failure, invalidRequest } from "../../failure.ts";
import { type Binding, type FieldPath, fieldNamed } from "./bindings.ts";
import { addParameters, type Draft, draft, innerOf } from "./parameters.ts";

export interface Asked {
  readonly binding: Binding;
  /** What the path gives. */
  readonly variables: readonly (readonly [FieldPath, string])[];
  /** What the mapping itself gives, by names in JSON. */
  readonly fixed: Readonly<JsonObject>;
  readonly query: URLSearchParams;
  readonly header: Headers;
}

/**
 * Headers of HTTP that say what a field does.
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-if-match
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
export const headerFields = { "if-match": "etag", "idempotency-key": "idempotency_key" } as const;

/**
 * @throws Failure `invalid_request` when the request is no such message
 * @throws ConnectError when its JSON is none of the message, as the library does
 */
export function messageOf(asked: Asked, body: Uint8Array): Message {
  const { input } = asked.binding.method;
  const json = jsonOf(asked, body);
  try {
    return fromJson(input, json, { ignoreUnknownFields: false });
  } catch (cause) {
    throw ConnectError.from(cause, Code.InvalidArgument);
  }
}

function jsonOf(asked: Asked, body: Uint8Array): JsonObject {
  const { binding, variables, fixed, query, header } = asked;
  const { input } = binding.method;
  const given = draft();
  for (const [path, value] of variables) put(given, path, value);
  Object.assign(given, fixed);
  if (binding.body === "message") {
    addParameters(given, query, { fields: [] });
    addHeaders(given, header, input);
    return joined(given, parsed(body) ?? {}, asked);
  }
  if (binding.body === undefined && body.length > 0) {
    throw new Failure("invalid_request", "This request takes no body.", { where: "request", remedy: "Use the query." });
  }
  addParameters(given, query, { fields: input.fields.filter((field) => field !== binding.body) });
  addHeaders(given, header, input);
  const value = binding.body && parsed(body);
  return binding.body === undefined || value === undefined ? given : { ...given, [binding.body.jsonName]: value };
}

function put(json: Draft, [first, ...rest]: FieldPath, value: string): void {
  if (first === undefined) return;
  if (rest.length === 0) json[first.jsonName] = value;
  else put(innerOf(json, first.jsonName), rest, value);
}

function addHeaders(given: Draft, header: Headers, message: DescMessage): void {
  for (const [name, fieldName] of Object.entries(headerFields)) {
    const field = fieldNamed(message, fieldName);
    const text = header.get(name);
    if (field === undefined || text === null || text === "*") continue;
    if (given[field.jsonName] !== undefined) throw twice(field.jsonName, `the header ${name}`);
    // Both are quoted by their standards, and one of them is seldom.
    given[field.jsonName] = /^"([^"]*)"$/.exec(text)?.[1] ?? text;
  }
}

function parsed(body: Uint8Array): JsonValue | undefined {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body)) as JsonValue;
  } catch {
    // The error of the parser may quote the request, a credential in it included.
    throw new Failure("invalid_request", "The body is not valid JSON.", { where: "request" });
  }
}

function joined(given: Draft, body: JsonValue, { binding, fixed }: Asked): JsonObject {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new Failure("invalid_request", "The body is no JSON object.", { where: "request" });
  }
  for (const name of Object.keys(given)) {
    const field = fieldNamed(binding.method.input, name);
    for (const key of [name, field?.name ?? name]) {
      if (!Object.hasOwn(body, key)) continue;
      if (Object.hasOwn(fixed, name))
        throw invalidRequest({ field: key, description: "is always the same over REST: leave it out" });
      throw twice(key, "the request's path or headers");
    }
  }
  return { ...body, ...given };
}

function twice(field: string, elsewhere: string): Failure {
  return invalidRequest({ field, description: `is given by ${elsewhere} already` });
}
