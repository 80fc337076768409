/** The parameters of an operation: of its path, of its query, and headers. */
import type { DescField } from "@bufbuild/protobuf";
import { headerFields } from "../asked.ts";
import { type Binding, type FieldPath, fieldNamed, nameOf, variableName } from "../bindings.ts";
import { isNested, isParameter } from "../parameters.ts";
import { isRequired } from "./rules.ts";
import type { Schemas } from "./schemas.ts";
import type { Parameter, Reference } from "./types.ts";

/** Headers that every call takes. */
export const commonHeaders: Readonly<Record<string, Parameter>> = {
  ConnectorAgent: {
    name: "Connector-Agent",
    in: "header",
    description: "The agent that the call is made as, on that agent's grants only.",
    schema: { type: "string", pattern: "^[!-~]{1,255}$" },
  },
  ConnectTimeoutMs: {
    name: "Connect-Timeout-Ms",
    in: "header",
    description: "Milliseconds that the call may take.",
    schema: { type: "integer", minimum: 1, maximum: 9_999_999_999 },
  },
};

const headerNames: Readonly<Record<keyof typeof headerFields, string>> = {
  "if-match": "If-Match",
  "idempotency-key": "Idempotency-Key",
};

export function parametersOf(binding: Binding, schemas: Schemas): (Parameter | Reference)[] {
  const paths = binding.segments.filter((segment) => typeof segment !== "string");
  return [
    ...paths.map((path) => pathParameter(path, schemas)),
    ...queryParameters(binding, paths, schemas),
    ...headersOf(binding, schemas),
    ...Object.keys(commonHeaders).map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ];
}

function pathParameter(path: FieldPath, schemas: Schemas): Parameter {
  const { description, ...schema } = schemas.field(path.at(-1) as DescField) as { description?: string };
  return { name: variableName(path), in: "path", required: true, ...(description && { description }), schema };
}

function queryParameters({ body, method }: Binding, paths: readonly FieldPath[], schemas: Schemas): Parameter[] {
  if (body === "message") return [];
  const inPath = new Set(paths.map(nameOf));
  const fields = method.input.fields.filter((field) => field !== body);
  return leaves(fields)
    .filter((path) => !inPath.has(nameOf(path)))
    .map((path) => queryParameter(path, schemas));
}

/** All fields that a query can say, those inside of others among them. */
function leaves(fields: readonly DescField[], above: FieldPath = []): FieldPath[] {
  return fields.filter(isParameter).flatMap((field) => {
    const path = [...above, field];
    return isNested(field) ? leaves(field.message.fields, path) : [path];
  });
}

function queryParameter(path: FieldPath, schemas: Schemas): Parameter {
  const field = path.at(-1) as DescField;
  const { description, ...schema } = schemas.field(field) as { description?: string };
  return {
    ...{ name: nameOf(path), in: "query" as const, schema },
    ...(isRequired(field) && { required: true }),
    ...(description && { description }),
    ...(field.fieldKind === "map" && { style: "deepObject" as const }),
  };
}

/** Those that say what a field does. */
function headersOf({ method, verb }: Binding, schemas: Schemas): Parameter[] {
  return Object.entries(headerFields).flatMap(([header, name]) => {
    const field = fieldNamed(method.input, name);
    if (field === undefined || verb === "GET") return [];
    const { description: _, ...schema } = schemas.field(field) as { description?: string };
    const description = `The same as \`${field.jsonName}\`.`;
    return [{ name: headerNames[header as keyof typeof headerFields], in: "header" as const, description, schema }];
  });
}
