/** How rows are created, updated and deleted, out of the operations on a collection and on its items. */
import type { ChangeBody, ChangeOperation, DeclaredField, Idempotency } from "../declaration.ts";
import { escaped } from "./fields.ts";
import { singular } from "./names.ts";
import type { Operation } from "./operations.ts";
import type { Referenced } from "./reference.ts";
import { rowIn } from "./rows.ts";
import { type Shape, shapeOf } from "./schema.ts";

/** What an operation changes a row of. */
export interface Changed {
  readonly fields: readonly DeclaredField[];
  /** The field that each of the path's parameters is about. */
  readonly owners: ReadonlyMap<string, string>;
  /** The last part of the collection's path. */
  readonly last: string;
  readonly idempotencyHeader: string | undefined;
}

/** A change, and whether the operation takes more than a row's fields, so that it is of use beside it. */
export interface Change {
  readonly change: ChangeOperation;
  readonly partial: boolean;
}

/**
 * The change that an operation makes, when a row's fields are all that it needs: every
 * parameter that is required is in the path, and every property of its body that is required
 * is a field.
 */
export function changeOf(operation: Operation, changed: Changed, references: Referenced): Change | undefined {
  const { method, parameters } = operation;
  if (method === "GET" || operation.answer?.kind === "json_api") return undefined;
  const others = parameters.filter((parameter) => parameter.in !== "path");
  const idempotency = idempotencyOf(operation, changed.idempotencyHeader);
  const keyHeader = typeof idempotency === "object" ? idempotency.header : undefined;
  if (others.some(({ required, name }) => required && name !== keyHeader)) return undefined;
  const inPath = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
  const owners = inPath.map((name) => changed.owners.get(name));
  if (owners.includes(undefined)) return undefined;
  const written = method === "DELETE" ? undefined : bodyOf(operation, changed, references);
  if (method !== "DELETE" && written === undefined) return undefined;
  const change: ChangeOperation = {
    ...{ method, query: {}, idempotency, body: written?.body, concurrency: 1 },
    path: operation.path.replaceAll(/\{([^{}]+)\}/g, (_, name: string) => `{${changed.owners.get(name)}}`),
    identifiedBy: owners.filter((owner) => owner !== undefined),
    returns: returnsOf(operation, changed, references),
  };
  return { change, partial: others.length > 0 || written?.partial === true };
}

/** DELETE, and PUT of a whole row, have one effect however often they are sent (RFC 9110, 9.2.2). */
export function idempotencyOf({ method, parameters }: Operation, byDefault: string | undefined): Idempotency {
  const isKey = (name: string) => /^(?:x-)?(?:idempotency|idempotent|request)-(?:key|token)$/i.test(name);
  const header = parameters.find((parameter) => parameter.in === "header" && isKey(parameter.name))?.name;
  if (header !== undefined) return { header };
  if (method === "PUT" || method === "DELETE" || method === "GET") return "natural";
  return byDefault === undefined ? "none" : { header: byDefault };
}

function bodyOf(operation: Operation, { fields, last }: Changed, references: Referenced) {
  if (operation.body === undefined) return undefined;
  const { encoding, schema } = operation.body;
  const [row, shape] = rowOfBody(shapeOf(schema, references), last, references);
  const known = new Set(
    fields.filter(({ parameter, path }) => parameter !== true && path !== "").map(({ name }) => name),
  );
  // Some documents want what they don't describe.
  const named = [...new Set([...shape.properties.keys(), ...shape.required])];
  const taken = named.filter((name) => known.has(name));
  if (taken.length === 0 || [...shape.required].some((name) => !known.has(name))) return undefined;
  const body: ChangeBody = { encoding, template: {}, row, fields: taken };
  return { body, partial: taken.length < named.length };
}

/** The row, or the only object in a body that has nothing beside it: `{ "customer": { … } }`. */
function rowOfBody(body: Shape, last: string, references: Referenced): [pointer: string, shape: Shape] {
  const [first, second] = body.properties;
  if (first === undefined || second !== undefined) return ["", body];
  const [name, schema] = first;
  const within = shapeOf(schema, references);
  const isWrapper = name === singular(last) || name === "data";
  return isWrapper && within.properties.size > 0 ? [`/${escaped(name)}`, within] : ["", body];
}

function returnsOf(
  { answer, path }: Operation,
  { fields }: Changed,
  references: Referenced,
): ChangeOperation["returns"] {
  const place = answer === undefined ? undefined : rowIn(answer, path, references);
  if (place === undefined) return undefined;
  const names = shapeOf(place.schema, references).properties;
  const same = fields.filter(({ name, parameter }) => parameter !== true && names.has(name)).length;
  return same * 2 >= Math.min(names.size, fields.length) && same > 0
    ? { kind: "json", rows: place.pointer, absent: "none" }
    : undefined;
}
