/**
 * Which HTTP requests lead to which RPCs, as the contract's `google.api.http` annotations say.
 *
 * Of path templates it has what the contract needs: literal segments, which may end in a
 * `:verb`, and `{field}` or `{field.inner}` for one whole segment.
 * @see https://github.com/googleapis/googleapis/blob/master/google/api/http.proto
 */
import { type DescField, type DescMessage, type DescMethod, type DescService, getOption } from "@bufbuild/protobuf";
import { http } from "../../gen/google/api/annotations_pb.js";
import type { HttpRule } from "../../gen/google/api/http_pb.js";

/** The fields that lead from a request message to a value in it: `filter`, `connector_id`. */
export type FieldPath = readonly DescField[];

/** A segment of a path: text as it is, or the place of a field's value. */
export type Segment = string | FieldPath;

export interface Binding {
  readonly method: DescMethod;
  /** `GET`. */
  readonly verb: string;
  readonly segments: readonly Segment[];
  /** What a request's body is: the whole message but what its path gives, one field of it, or nothing. */
  readonly body: "message" | DescField | undefined;
  /** The one field of the answer that is sent; undefined: all of it. */
  readonly answer: DescField | undefined;
}

/** Of all the service's methods that have an annotation, in their order. A wrong one is an error of the contract. */
export function bindingsOf(service: DescService): Binding[] {
  return service.methods.flatMap((method) => {
    const rule = getOption(method, http);
    return [rule, ...rule.additionalBindings].filter(isGiven).map((each) => bindingOf(method, each));
  });
}

/** `/api/connectors/{connectorId}`. */
export function templateOf({ segments }: Pick<Binding, "segments">): string {
  return segments.map((segment) => `/${typeof segment === "string" ? segment : `{${variableName(segment)}}`}`).join("");
}

/** What a template calls a field: the last of its names in JSON. */
export function variableName(path: FieldPath): string {
  return path.at(-1)?.jsonName ?? "";
}

/** The path of a field by its names in JSON: `filter.connectorId`. */
export function nameOf(path: FieldPath): string {
  return path.map(({ jsonName }) => jsonName).join(".");
}

/** Those fields of a message that something is about. */
export type Fields = Pick<DescMessage, "fields">;

/** The field of that name, in the contract or in JSON. */
export function fieldNamed({ fields }: Fields, name: string): DescField | undefined {
  return fields.find((field) => field.name === name || field.jsonName === name);
}

function isGiven({ pattern }: HttpRule): boolean {
  return pattern.case !== undefined;
}

function bindingOf(method: DescMethod, { pattern, body, responseBody }: HttpRule): Binding {
  const wrong = (what: string): never => {
    throw new TypeError(`${method.parent.typeName}.${method.name}: ${what}`);
  };
  if (pattern.case === undefined || pattern.case === "custom") return wrong("an HTTP method that is not known here");
  const field = (message: DescMessage, name: string) => fieldNamed(message, name) ?? wrong(`no field ${name}`);
  return {
    method,
    verb: pattern.case.toUpperCase(),
    segments: segmentsOf(pattern.value, method.input) ?? wrong(`the path ${pattern.value} is not understood`),
    body: body === "*" ? "message" : body === "" ? undefined : field(method.input, body),
    answer: responseBody === "" ? undefined : field(method.output, responseBody),
  };
}

function segmentsOf(template: string, message: DescMessage): Segment[] | undefined {
  const [before, ...parts] = template.split("/");
  if (before !== "" || parts.length === 0) return undefined;
  const segments = parts.map((part) => {
    const names = /^\{([\w.]+)\}$/.exec(part)?.[1]?.split(".");
    if (names !== undefined) return pathTo(message, names);
    return /^[\w-]+(:\w+)?$/.test(part) ? part : undefined;
  });
  return segments.every((segment) => segment !== undefined) ? segments : undefined;
}

function pathTo(message: DescMessage, names: readonly string[]): FieldPath | undefined {
  const path: DescField[] = [];
  let inside: DescMessage | undefined = message;
  for (const name of names) {
    const field: DescField | undefined = inside && fieldNamed(inside, name);
    if (field === undefined) return undefined;
    path.push(field);
    inside = field.message;
  }
  return path;
}
