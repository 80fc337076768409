/** Operations that are called by their names, out of those that read and change no rows. */
import type { HttpAction, Json, JsonObject, RequestBody, Slot } from "../declaration.ts";
import { idempotencyOf } from "./changes.ts";
import { nameOfOperation, partsOf } from "./names.ts";
import type { Operation, Parameter } from "./operations.ts";
import type { Referenced } from "./reference.ts";
import { shapeOf } from "./schema.ts";

/** Objects within one another of an input; what is deeper may be anything. */
const maxDepth = 4;
/** Schemas of one input, over all. */
const maxParts = 300;
/** In an input's description of a member, which is read by programs and models. */
const maxDescription = 300;

/** An operation as an action: its parameters and the members of its body are its input. */
export function actionOf(
  operation: Operation,
  idempotencyHeader: string | undefined,
  references: Referenced,
): HttpAction {
  const { method, path, description, body } = operation;
  const walk: Walk = { references, parts: 0 };
  const parameters = operation.parameters.filter(
    ({ shape, in: place }) => place !== "query" || shape.type !== "object",
  );
  const shape = shapeOf(body?.schema, references);
  const isObject = body !== undefined && (shape.type === "object" || shape.properties.size > 0);
  const members = new Map<string, JsonObject>();
  if (isObject) for (const [name, schema] of shape.properties) members.set(name, describe(walk, schema, 1));
  else if (body !== undefined) members.set("body", describe(walk, body.schema, 1));
  for (const parameter of parameters) members.set(parameter.name, describeParameter(walk, parameter));
  const ofBody = body?.required === false ? [] : isObject ? [...shape.required] : body === undefined ? [] : ["body"];
  const ofParameters = parameters.filter(({ required }) => required).map(({ name }) => name);
  const required = [...new Set([...ofBody, ...ofParameters])].filter((name) => members.has(name));
  const slots = new Map<string, Slot>(parameters.map(({ name, in: place }) => [name, { in: place, name }]));
  if (body !== undefined && !isObject && !slots.has("body")) slots.set("body", { in: "body", pointer: "" });
  return {
    name: operation.id === undefined ? nameByPath(operation) : nameOfOperation(operation.id),
    ...{ description, method, path, query: {}, output: "" },
    input: { type: "object", properties: Object.fromEntries(members), required, additionalProperties: false },
    slots: Object.fromEntries(slots),
    body: bodyOf(operation),
    idempotency: idempotencyOf(operation, idempotencyHeader),
  };
}

/** `POST /webhooks/{id}/pings` is `webhooks.pings.post`. */
function nameByPath({ path, method }: Operation): string {
  const fixed = partsOf(path).filter(({ parameter }) => parameter === undefined);
  return nameOfOperation([...fixed.map(({ text }) => text), method.toLowerCase()].join("."));
}

function bodyOf({ body }: Operation): RequestBody | undefined {
  return body === undefined ? undefined : { encoding: body.encoding, template: {} };
}

interface Walk {
  readonly references: Referenced;
  parts: number;
}

function describeParameter(walk: Walk, parameter: Parameter): JsonObject {
  const { type, format, labels, description } = parameter.shape;
  const items = type === "array" ? { items: describe(walk, parameter.shape.items, 2) } : {};
  return { ...scalar(type, format, labels), ...items, ...told(parameter.description || description) };
}

/** A schema without references, as far as it is of use to whoever fills it in. */
function describe(walk: Walk, schema: unknown, depth: number): JsonObject {
  if (depth > maxDepth || ++walk.parts > maxParts) return {};
  const shape = shapeOf(schema, walk.references);
  const described: Record<string, Json> = {
    ...scalar(shape.type, shape.format, shape.labels),
    ...told(shape.description),
  };
  if (shape.nullable && shape.type !== undefined) described.type = [shape.type, "null"];
  if (shape.nullable && shape.labels.length > 0) described.enum = [...shape.labels, null];
  if (shape.type === "array") described.items = describe(walk, shape.items, depth + 1);
  if (shape.properties.size === 0) return described;
  const members = [...shape.properties].map(([name, member]) => [name, describe(walk, member, depth + 1)] as const);
  described.properties = Object.fromEntries(members);
  if (shape.required.size > 0) described.required = [...shape.required].filter((name) => shape.properties.has(name));
  return described;
}

function scalar(type: string | undefined, format: string | undefined, labels: readonly string[]): JsonObject {
  return {
    ...(type === undefined ? {} : { type }),
    ...(format === undefined ? {} : { format: format.slice(0, 50) }),
    ...(labels.length === 0 ? {} : { enum: labels }),
  };
}

function told(description: string): JsonObject {
  return description === "" ? {} : { description: description.slice(0, maxDescription) };
}
