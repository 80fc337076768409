/**
 * The OpenAPI document of REST, made of the contract's descriptors and comments.
 * @see https://spec.openapis.org/oas/v3.1.1.html
 */
import type { DescService } from "@bufbuild/protobuf";
import { type Binding, bindingsOf, fieldNamed, templateOf } from "../bindings.ts";
import { isCreating } from "../calling.ts";
import { linesOfStreams } from "../lines.ts";
import { ndjsonType } from "../ndjson.ts";
import { problemType } from "../problem.ts";
import { commonHeaders, parametersOf } from "./parameters.ts";
import { isRequired } from "./rules.ts";
import { type Comments, Schemas } from "./schemas.ts";
import type { Content, Operation, Schema } from "./types.ts";

/**
 * @param comments in front of what has a full name
 * @param reasons the names of all reasons of errors
 */
export function openApiOf(service: DescService, comments: Comments, reasons: readonly string[]): object {
  const bindings = bindingsOf(service);
  const schemas = new Schemas(
    comments,
    bindings.map(({ method }) => method.input),
  );
  const paths: Record<string, Record<string, Operation>> = {};
  const operations = new Set<string>();
  for (const binding of bindings) {
    const operation = operationOf(binding, schemas, comments, operations);
    operations.add(operation.operationId);
    const template = templateOf(binding);
    paths[template] = { ...paths[template], [binding.verb.toLowerCase()]: operation };
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "connector-service",
      version: service.file.proto.package.split(".").at(-1) ?? "",
      description: [comments(service.typeName), aboutRest].join("\n\n"),
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ bearer: [] }],
    tags: [...new Set(bindings.map(tagOf))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer", description: "An API key or a JWT." } },
      parameters: commonHeaders,
      responses: { Problem: { description: "What went wrong.", content: contentOf(problemType, problemRef) } },
      schemas: { ...schemas.all(), Problem: problemSchema(reasons) },
    },
  };
}

const aboutRest = `Names and values are those of protobuf's JSON mapping: integers of 64 bits are texts, times are
RFC 3339, durations \`1.5s\`. An answer has all fields, also those with their default value. Every error is a problem
(RFC 9457) with one of the reasons that /docs/errors describes. Streams are NDJSON: an object a line, the last of which
is \`{"trailer":…}\` when the stream is whole, or \`{"problem":…}\`.`;

const problemRef: Schema = { $ref: "#/components/schemas/Problem" };

function operationOf(binding: Binding, schemas: Schemas, comments: Comments, taken: ReadonlySet<string>): Operation {
  const { method, verb } = binding;
  const description = comments(`${method.parent.typeName}.${method.name}`);
  const id = method.localName;
  const bodyFields = bodyFieldsOf(binding);
  return {
    // Of another way to the same call.
    operationId: taken.has(id)
      ? `${id}By${verb === "GET" ? "Path" : verb.charAt(0) + verb.slice(1).toLowerCase()}`
      : id,
    tags: [tagOf(binding)],
    summary: /^[^.]*/.exec(description)?.[0].replaceAll("\n", " ") ?? "",
    description,
    parameters: parametersOf(binding, schemas),
    ...(bodyFields && {
      requestBody: {
        required: bodyFields.some(isRequired),
        content: contentOf("application/json", schemas.message(method.input, `${method.name}Body`, bodyFields)),
      },
    }),
    ...(typeof binding.body === "object" && {
      requestBody: { required: true, content: contentOf("application/json", schemas.field(binding.body)) },
    }),
    responses: { ...answerOf(binding, schemas), default: { $ref: "#/components/responses/Problem" } },
  };
}

/** The fields of a request that stand in its body, when all do that have no other place. */
function bodyFieldsOf({ method, body, segments }: Binding) {
  if (body !== "message") return undefined;
  const elsewhere = new Set(segments.flatMap((segment) => (typeof segment === "string" ? [] : segment.slice(0, 1))));
  const lines = linesOfStreams.find((each) => each.method === method);
  for (const name of Object.keys(lines?.request ?? {})) {
    const field = fieldNamed(method.input, name);
    if (field !== undefined) elsewhere.add(field);
  }
  return method.input.fields.filter((field) => !elsewhere.has(field));
}

function answerOf(binding: Binding, schemas: Schemas): Operation["responses"] {
  const { method, answer } = binding;
  const lines = linesOfStreams.find((each) => each.method === method);
  if (lines !== undefined) {
    return { 200: { description: lines.description, content: contentOf(ndjsonType, lines.schema(schemas)) } };
  }
  if (method.output.fields.length === 0) return { 204: { description: "It is done." } };
  const schema = answer === undefined ? schemas.message(method.output) : schemas.field(answer);
  const content = contentOf("application/json", schema);
  return isCreating(binding)
    ? { 201: { description: "It is made.", content } }
    : { 200: { description: "OK", content } };
}

function contentOf(type: string, schema: Schema): Content {
  return { [type]: { schema } };
}

/** The file of the contract that has the request: `api_key` as `api key`. */
function tagOf({ method }: Binding): string {
  return (method.input.file.name.split("/").at(-1) ?? "").replaceAll("_", " ");
}

function problemSchema(reasons: readonly string[]): Schema {
  const text = { type: "string" };
  return {
    type: "object",
    description: "What went wrong (RFC 9457).",
    required: ["type", "title", "status", "detail", "code", "reason", "domain", "metadata"],
    properties: {
      type: { type: "string", format: "uri-reference", description: "Leads to what is said about the reason." },
      title: { ...text, description: "The reason in words." },
      status: { type: "integer", description: "Of HTTP." },
      detail: { ...text, description: "What was wrong, and what to do about it." },
      instance: { type: "string", format: "uri", description: "The call's id, which the service's log has." },
      code: { ...text, description: "The code of gRPC and Connect: `not_found`." },
      reason: { type: "string", enum: reasons },
      domain: { ...text, description: "Whose reasons they are: `connector.v1`." },
      metadata: { type: "object", additionalProperties: text, description: "More about it, as /docs/errors says." },
      fields: {
        type: "array",
        description: "Every wrong field of the request.",
        items: {
          type: "object",
          required: ["field", "description"],
          properties: { field: text, description: text },
        },
      },
      retryAfter: { type: "number", description: "Seconds after which another try makes sense." },
    },
  };
}
