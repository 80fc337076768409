/**
 * Resources out of an OpenAPI document, by what most APIs have in common. A GET is a resource:
 * its rows are the list in its answer, or the one object that the answer is. What else can be
 * done with its path and with those of its items belongs to it: `GET /customers/{id}` reads a
 * row of `customers`, `POST /customers` creates one. All other operations are actions.
 */
import type { ChangeKind, ChangeOperation, HttpAction, HttpResource, ReadOperation } from "../declaration.ts";
import { actionOf } from "./actions.ts";
import { changeOf } from "./changes.ts";
import { type Collection, collectionOf, itemReadOf } from "./collection.ts";
import type { ApiDescription, DescriptionOptions } from "./description.ts";
import { partsOf, resourceNames, take } from "./names.ts";
import { type Method, type Operation, operationsOf } from "./operations.ts";
import { type Referenced, referencesOf } from "./reference.ts";
import { type Tree, Unusable } from "./tree.ts";

/** Of all resources: each is kept with the document. */
const maxFields = 60_000;
/** Characters of what is kept, as JSON: of resources, and of actions. A small document can refer to one part a thousand times. */
const maxSize = 16_000_000;

interface Reading {
  readonly references: Referenced;
  readonly options: DescriptionOptions;
  readonly byPath: ReadonlyMap<string, readonly Operation[]>;
  /** The operations that rows are read or changed by. */
  readonly used: Set<Operation>;
}

/**
 * What a document describes.
 *
 * @throws Unusable when it is no OpenAPI document or has no operation, or is made to take forever
 */
export function resourcesOf(document: Tree, options: DescriptionOptions): ApiDescription {
  const references = referencesOf(document);
  const operations = operationsOf(references, options.basePath);
  if (operations.length === 0) throw new Unusable("It describes no operation: it has no paths, or nothing at them.");
  const reading: Reading = {
    references,
    options,
    byPath: Map.groupBy(operations, ({ path }) => path),
    used: new Set(),
  };
  const itemPaths = itemPathsOf(reading.byPath.keys());
  const collections: Collection[] = [];
  let fields = 0;
  for (const operation of operations) {
    if (operation.method !== "GET" || fields > maxFields) continue;
    const item = itemPaths.get(operation.path);
    const itemParameter = item === undefined ? undefined : partsOf(item).at(-1)?.parameter;
    const collection = collectionOf(operation, itemParameter, references);
    fields += collection?.fields.length ?? 0;
    if (collection !== undefined && fields <= maxFields) collections.push(collection);
  }
  // Lists before single rows: of two that would have one name the list has it, and the row may be one of its own.
  const inOrder = [...collections.filter(({ list }) => list), ...collections.filter(({ list }) => !list)];
  const nameFor = resourceNames();
  const resources = bounded<HttpResource>();
  for (const collection of inOrder) {
    if (reading.used.has(collection.operation) || resources.isFull) continue;
    const name = nameFor(collection.operation.path, collection.operation.id);
    resources.add(resourceOf(name, collection, itemPaths.get(collection.operation.path), reading));
  }
  const actions = actionsOf(operations, reading);
  const notes = notesOf(reading, fields > maxFields, resources.isFull || actions.isFull);
  return { resources: resources.all, actions: actions.all, notes, size: resources.size + actions.size };
}

interface Bounded<Part> {
  readonly all: readonly Part[];
  readonly size: number;
  /** Something was left out. */
  readonly isFull: boolean;
  add(part: Part): void;
}

/** As much as may be kept. */
function bounded<Part>(): Bounded<Part> {
  const all: Part[] = [];
  let size = 0;
  let isFull = false;
  return {
    all,
    get size() {
      return size;
    },
    get isFull() {
      return isFull;
    },
    add(part) {
      const { length } = JSON.stringify(part);
      isFull ||= size + length > maxSize;
      if (isFull) return;
      size += length;
      all.push(part);
    },
  };
}

/** By a collection's path that of one of its items; of several, the first. */
function itemPathsOf(paths: Iterable<string>): ReadonlyMap<string, string> {
  const items = new Map<string, string>();
  for (const path of paths) {
    const above = /^(.*)\/\{[^{}]+\}$/.exec(path)?.[1];
    if (above !== undefined && above !== "" && !items.has(above)) items.set(above, path);
  }
  return items;
}

function resourceOf(
  name: string,
  collection: Collection,
  itemPath: string | undefined,
  reading: Reading,
): HttpResource {
  const { operation, list, fields, key, read } = collection;
  const ofItem = (method: Method) => operationAt(reading, list ? itemPath : undefined, method);
  const get = ofItem("GET");
  const itemRead = get === undefined ? undefined : itemReadOf(get, collection, reading.references);
  const reads: readonly [ReadOperation, ...ReadOperation[]] = itemRead === undefined ? [read] : [itemRead, read];
  reading.used.add(operation);
  if (get !== undefined && itemRead !== undefined) reading.used.add(get);
  const changes: Partial<Record<ChangeKind, ChangeOperation>> = {};
  const change = (kind: ChangeKind, made: Operation | undefined) => {
    const found = made === undefined ? undefined : changeOf(made, changed(collection, reading), reading.references);
    if (made === undefined || found === undefined || changes[kind] !== undefined) return;
    changes[kind] = found.change;
    if (!found.partial) reading.used.add(made);
  };
  if (list) change("create", operationAt(reading, operation.path, "POST"));
  // Who has no PATCH changes a row by PUT; Stripe by POST.
  for (const method of ["PATCH", "PUT", "POST"] as const) change("update", ofItem(method));
  change("delete", ofItem("DELETE"));
  return { name, description: operation.description, fields, primaryKey: key, reads, changes };
}

function changed({ fields, owners, last }: Collection, { options: { idempotencyHeader } }: Reading) {
  return { fields, owners, last, idempotencyHeader };
}

function operationAt({ byPath }: Reading, path: string | undefined, method: Method): Operation | undefined {
  return path === undefined ? undefined : byPath.get(path)?.find((operation) => operation.method === method);
}

function actionsOf(operations: readonly Operation[], { used, references, options }: Reading): Bounded<HttpAction> {
  const taken = new Set<string>();
  const actions = bounded<HttpAction>();
  for (const operation of operations) {
    if (used.has(operation) || actions.isFull) continue;
    const action = actionOf(operation, options.idempotencyHeader, references);
    actions.add({ ...action, name: take(taken, [action.name], action.name) });
  }
  return actions;
}

function notesOf({ references: { dangling } }: Reading, isCut: boolean, isFull: boolean): string[] {
  const notes: string[] = [];
  if (isFull) notes.push("What it says of its operations is too much to be kept: the last ones are left out.");
  if (isCut) notes.push(`Its resources have more than ${maxFields} fields over all: the last ones are left out.`);
  const [first] = dangling;
  if (first !== undefined) {
    notes.push(
      `References lead nowhere, or out of the document, which is not followed: \`${first}\` is the first of ${dangling.size}.`,
    );
  }
  return notes;
}
