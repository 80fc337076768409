/**
 * Schemas of OpenAPI 3.0 and 3.1 as far as rows need them: what a value is, and which
 * properties an object has. Nothing is validated by them.
 */
import type { Referenced } from "./reference.ts";
import { descriptionOf, own, ownList, ownNumber, ownText, ownTree, type Tree, treeOf } from "./tree.ts";

export type JsonType = "string" | "integer" | "number" | "boolean" | "array" | "object";

/** What a schema says of a value. */
export interface Shape {
  /** Undefined when it says nothing, or several. */
  readonly type: JsonType | undefined;
  readonly nullable: boolean;
  readonly format: string | undefined;
  readonly description: string;
  /** The texts that it may be; empty when it may be others, too. */
  readonly labels: readonly string[];
  /** Of an object, in the document's order, each as it stands there: `shapeOf` reads it. */
  readonly properties: ReadonlyMap<string, unknown>;
  /** Names of properties that are always there. */
  readonly required: ReadonlySet<string>;
  /** Of an array, as it stands there. */
  readonly items: unknown;
  readonly readOnly: boolean;
  readonly writeOnly: boolean;
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  /** Its default, of whatever kind. */
  readonly byDefault: unknown;
}

/** Schemas within one another by `allOf` and the like; what is deeper says nothing. */
const maxDepth = 12;
/** Parts of one schema, over all. */
const maxParts = 500;
/** More properties than any list of an API has. */
const maxProperties = 1_000;
const maxLabels = 200;
const maxLabelLength = 200;

const types: ReadonlySet<string> = new Set<JsonType>(["string", "integer", "number", "boolean", "array", "object"]);
const isType = (value: unknown): value is JsonType => types.has(value as string);

/**
 * What a schema says, with all that it is put together from. `allOf` is one object with the
 * properties of each. Of `oneOf` and `anyOf` a single alternative besides null counts as if it
 * stood there by itself, and several objects as one object that has the properties of each,
 * none of which need be there; where alternatives are of different types nothing is said.
 */
export function shapeOf(schema: unknown, references: Referenced): Shape {
  const target = references.follow(schema);
  if (target === undefined) return settled(nothing());
  const known = references.shapes.get(target) ?? settled(gather({ references, parts: 0 }, target, 0));
  references.shapes.set(target, known);
  // A description beside a reference is the one that is meant here.
  const description = schema === target ? "" : descriptionOf(treeOf(schema));
  return description === "" ? known : { ...known, description };
}

function settled(gathered: Gathered): Shape {
  const [first, ...others] = gathered.types;
  // An integer is a number, too.
  const numbers = others.length === 1 && gathered.types.has("integer") && gathered.types.has("number");
  return { ...gathered, type: numbers ? "number" : others.length === 0 ? first : undefined };
}

interface Walk {
  readonly references: Referenced;
  parts: number;
}

interface Gathered extends Omit<Shape, "type" | "properties" | "required"> {
  readonly types: Set<JsonType>;
  readonly properties: Map<string, unknown>;
  readonly required: Set<string>;
}

function gather(walk: Walk, schema: unknown, depth: number): Gathered {
  const tree = walk.references.follow(schema);
  if (tree === undefined || depth > maxDepth || ++walk.parts > maxParts) return nothing();
  let gathered = ownOf(tree, descriptionOf(tree));
  for (const part of ownList(tree, "allOf")) gathered = both(gathered, gather(walk, part, depth + 1));
  for (const keyword of ["oneOf", "anyOf"]) {
    const alternatives = ownList(tree, keyword).slice(0, maxParts);
    if (alternatives.length > 0) gathered = both(gathered, oneOf(walk, alternatives, depth));
  }
  return gathered;
}

function nothing(): Gathered {
  return {
    ...{ types: new Set(), nullable: false, format: undefined, description: "", labels: [] },
    ...{ properties: new Map(), required: new Set(), items: undefined, readOnly: false, writeOnly: false },
    ...{ minimum: undefined, maximum: undefined, byDefault: undefined },
  };
}

/** What stands in the schema itself. */
function ownOf(tree: Tree, description: string): Gathered {
  const given = own(tree, "type");
  const named = (Array.isArray(given) ? given : [given]).slice(0, 10);
  const typesHere = new Set(named.filter(isType));
  const listed = own(tree, "const") === undefined ? ownList(tree, "enum") : [own(tree, "const")];
  const properties = new Map(entriesOf(ownTree(tree, "properties")));
  const items = own(tree, "items");
  if (typesHere.size === 0 && properties.size > 0) typesHere.add("object");
  if (typesHere.size === 0 && items !== undefined) typesHere.add("array");
  if (typesHere.size === 0) for (const type of typesOf(listed)) typesHere.add(type);
  return {
    types: typesHere,
    nullable: own(tree, "nullable") === true || named.includes("null") || listed.includes(null),
    ...{ format: ownText(tree, "format"), description, labels: labelsOf(listed), properties },
    required: new Set(ownList(tree, "required").filter((name) => typeof name === "string")),
    ...{ items, readOnly: own(tree, "readOnly") === true, writeOnly: own(tree, "writeOnly") === true },
    ...{ minimum: ownNumber(tree, "minimum"), maximum: ownNumber(tree, "maximum"), byDefault: own(tree, "default") },
  };
}

function entriesOf(tree: Tree | undefined): [string, unknown][] {
  const entries: [string, unknown][] = [];
  for (const name in tree ?? {}) {
    if (entries.length >= maxProperties) break;
    if (Object.hasOwn(tree ?? {}, name)) entries.push([name, own(tree, name)]);
  }
  return entries;
}

/** Of values that are listed one by one. */
function typesOf(listed: readonly unknown[]): Set<JsonType> {
  const named = listed.map((value): string => (value === null ? "null" : typeof value));
  return new Set(named.filter<JsonType>(isType));
}

/** None when some are no texts, or when there are so many that they are no short list. */
function labelsOf(listed: readonly unknown[]): readonly string[] {
  if (listed.length > maxLabels) return [];
  const labels = listed.filter((label) => label !== null);
  const fits = (label: unknown): label is string => typeof label === "string" && label.length <= maxLabelLength;
  return labels.every(fits) ? [...new Set(labels as string[])] : [];
}

/** Both hold: `allOf`, and what stands beside it. */
function both(a: Gathered, b: Gathered): Gathered {
  const properties = new Map(a.properties);
  for (const [name, schema] of b.properties) if (properties.size < maxProperties) properties.set(name, schema);
  return {
    types: a.types.size === 0 ? b.types : a.types,
    nullable: a.nullable || b.nullable,
    format: a.format ?? b.format,
    description: a.description || b.description,
    labels: a.labels.length > 0 ? a.labels : b.labels,
    properties,
    required: new Set([...a.required, ...b.required]),
    items: a.items ?? b.items,
    readOnly: a.readOnly || b.readOnly,
    writeOnly: a.writeOnly || b.writeOnly,
    minimum: a.minimum ?? b.minimum,
    maximum: a.maximum ?? b.maximum,
    byDefault: a.byDefault ?? b.byDefault,
  };
}

function oneOf(walk: Walk, alternatives: readonly unknown[], depth: number): Gathered {
  const all = alternatives.map((alternative) => gather(walk, alternative, depth + 1));
  const real = all.filter((shape) => shape.types.size > 0 || !shape.nullable);
  const nullable = all.some((shape) => shape.nullable);
  const [only] = real;
  if (only !== undefined && real.length === 1) return { ...only, nullable: nullable || only.nullable };
  const typesOfAll = new Set(real.flatMap(({ types: some }) => [...some]));
  // An alternative that says nothing may be anything.
  const anything = real.some(({ types: some }) => some.size === 0);
  if (anything) for (const type of ["string", "object"] as const) typesOfAll.add(type);
  const merged = { ...nothing(), types: typesOfAll, nullable };
  return typesOfAll.size > 1 ? merged : { ...merged, ...unionOf(real) };
}

/** Alternatives of one type: what may be said of whichever it is. */
function unionOf(all: readonly Gathered[]): Partial<Gathered> {
  const [first, ...others] = all;
  if (first === undefined) return {};
  const same = <T>(of: (shape: Gathered) => T) =>
    others.every((other) => of(other) === of(first)) ? of(first) : undefined;
  const limited = all.every(({ labels }) => labels.length > 0);
  const properties = new Map<string, unknown>();
  for (const shape of all) {
    for (const [name, schema] of shape.properties) {
      const known = properties.get(name);
      if (known === undefined) properties.set(name, schema);
      else if (known !== schema) properties.set(name, { anyOf: [known, schema] });
    }
  }
  return {
    format: same(({ format }) => format),
    labels: limited ? [...new Set(all.flatMap(({ labels }) => labels))].slice(0, maxLabels) : [],
    properties: new Map([...properties].slice(0, maxProperties)),
    required: new Set([...first.required].filter((name) => others.every(({ required }) => required.has(name)))),
    items: same(({ items }) => items),
  };
}
