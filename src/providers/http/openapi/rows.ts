/** Where rows stand in an operation's answer. */
import { escaped } from "./fields.ts";
import { lastWord, partsOf, plain, singular } from "./names.ts";
import type { OperationAnswer } from "./operations.ts";
import type { Referenced } from "./reference.ts";
import { type Shape, shapeOf } from "./schema.ts";

export interface RowPlace {
  /** Where the rows are in the answer, as a JSON pointer; empty for all of it. */
  readonly pointer: string;
  /** Of one row. */
  readonly schema: unknown;
  /** Rows come as a list; else there is one. */
  readonly list: boolean;
  /** The document does not say that there is always something there. */
  readonly absent?: "none";
}

/** What APIs call a list that is the answer, whatever is in it; the most telling first. */
const listNames = [
  ...["data", "items", "results", "records", "value", "values", "entries", "rows", "elements", "objects"],
  ...["list", "content", "contents", "nodes", "resources", "documents", "hits", "collection"],
];
/** What stands beside a list that is the answer, in plain spelling: of its pages, and of how it went. */
const envelope =
  /^(?:.*(?:cursor|token|page|pages|total|count|more|next|prev|previous|links?|paging|pagination|offset|limit|size).*|.*ur[il]|meta(?:data)?|object|kind|type|ok|status|code|error|errors|message|success|warnings|etag|version)$/;
/** What APIs call an object that holds the answer. */
const wrapperNames = new Set(["data", "result", "response", "item", "meta", "payload", "object"]);

/**
 * The list in the answer: the answer itself, or the only list of objects in it, or the one of
 * several that bears a common name or that of the path's last part; if there is none, one in
 * an object of the answer. An object that has an `id`, or that a parameter at the path's end
 * names, is a thing with lists, and no list, unless the list is called as if it was all.
 *
 * @param path The operation's.
 */
export function listIn(answer: OperationAnswer, path: string, references: Referenced): RowPlace | undefined {
  const parts = partsOf(path);
  const last = lastWord(path);
  const isThing = parts.at(-1)?.parameter !== undefined;
  const shape = shapeOf(answer.schema, references);
  if (answer.kind === "ndjson") return { pointer: "", schema: answer.schema, list: true };
  if (answer.kind === "json_api") return jsonApiRows(shape, references);
  if (shape.type === "array") return { pointer: "", schema: shape.items, list: true };
  if (shape.properties.size === 0) return undefined;
  const outer = pick(listsOf(shape, "", references), shape, last, isThing);
  if (outer !== undefined || hasLists(shape, references)) return outer;
  const inner: RowPlace[] = [];
  for (const [name, schema] of shape.properties) {
    const within = shapeOf(schema, references);
    if (within.type !== "object") continue;
    const place = pick(listsOf(within, `/${escaped(name)}`, references), within, last, isThing);
    if (place !== undefined) inner.push({ ...place, ...absentIn(shape, name) });
  }
  return inner.length === 1 ? inner[0] : undefined;
}

/** The one row that an answer is, or that an object around it holds. */
export function rowIn(answer: OperationAnswer, path: string, references: Referenced): RowPlace | undefined {
  const shape = shapeOf(answer.schema, references);
  if (answer.kind === "json_api") return jsonApiRows(shape, references);
  if (answer.kind !== "json" || shape.type !== "object") return undefined;
  const objects = [...shape.properties].filter(([, schema]) => shapeOf(schema, references).properties.size > 0);
  const [only] = objects;
  const whole: RowPlace = { pointer: "", schema: answer.schema, list: false };
  if (only === undefined || objects.length > 1 || hasKey(shape)) return whole;
  const [name, schema] = only;
  const isWrapper =
    wrapperNames.has(name) || plain(name) === plain(singular(lastWord(path))) || shape.properties.size === 1;
  return isWrapper ? { pointer: `/${escaped(name)}`, schema, list: false, ...absentIn(shape, name) } : whole;
}

const absentIn = ({ required }: Shape, name: string) => (required.has(name) ? {} : ({ absent: "none" } as const));

function jsonApiRows(shape: Shape, references: Referenced): RowPlace | undefined {
  const schema = shape.properties.get("data");
  const data = shapeOf(schema, references);
  if (schema === undefined) return undefined;
  const list = data.type === "array";
  return { pointer: "/data", schema: list ? data.items : schema, list };
}

interface List extends RowPlace {
  readonly name: string;
  readonly ofObjects: boolean;
}

function listsOf(shape: Shape, below: string, references: Referenced): List[] {
  const lists: List[] = [];
  for (const [name, schema] of shape.properties) {
    const { type, items } = shapeOf(schema, references);
    if (type !== "array") continue;
    const ofObjects = shapeOf(items, references).properties.size > 0;
    lists.push({
      name,
      pointer: `${below}/${escaped(name)}`,
      schema: items,
      list: true,
      ofObjects,
      ...absentIn(shape, name),
    });
  }
  return lists;
}

const hasLists = (shape: Shape, references: Referenced) =>
  [...shape.properties.values()].some((schema) => shapeOf(schema, references).type === "array");

const hasKey = ({ properties }: Shape) => properties.has("id") || properties.has("uuid") || properties.has("_id");

function pick(lists: readonly List[], around: Shape, last: string, isThing: boolean): RowPlace | undefined {
  const ofObjects = lists.filter((list) => list.ofObjects);
  const candidates = ofObjects.length > 0 ? ofObjects : lists;
  const named =
    candidates.find(({ name }) => plain(name) === plain(last)) ??
    listNames.map((common) => candidates.find(({ name }) => name.toLowerCase() === common)).find((list) => list);
  if (named !== undefined) return placeOf(named);
  const [only] = candidates;
  if (only === undefined || candidates.length > 1 || isThing || hasKey(around)) return undefined;
  // What has a list and several facts of its own is a thing, too.
  const facts = [...around.properties.keys()].filter((name) => name !== only.name && !envelope.test(plain(name)));
  if (facts.length > 1) return undefined;
  // Of texts or numbers: it may be any property of a thing that has no `id`.
  return only.ofObjects || around.properties.size <= 2 ? placeOf(only) : undefined;
}

function placeOf({ name: _name, ofObjects: _ofObjects, ...place }: List): RowPlace {
  return place;
}
