/** From a path to the bindings that it may mean. */
import type { Binding, FieldPath, Segment } from "./bindings.ts";

/** What a path leads to. */
export interface Found {
  /** By HTTP method; at least one. */
  readonly bindings: ReadonlyMap<string, Binding>;
  /** What the path gives, in the order of the bindings' own fields. */
  readonly values: readonly string[];
}

interface Node {
  readonly literals: Map<string, Node>;
  variable: Node | undefined;
  readonly bindings: Map<string, Binding>;
}

/**
 * Finds the bindings of a path as it stands in a request. Literal segments come before
 * fields, and each segment is decoded by itself, so that a value may hold an encoded slash.
 */
export function createRoutes(bindings: readonly Binding[]): (path: string) => Found | undefined {
  const root = newNode();
  for (const binding of bindings) {
    const node = binding.segments.reduce(childOf, root);
    if (node.bindings.has(binding.verb)) throw new TypeError(`Two RPCs have one path: ${binding.method.name}`);
    node.bindings.set(binding.verb, binding);
  }
  return (path) => {
    const segments = path.split("/").slice(1).map(decoded);
    return segments.every((segment) => segment !== undefined) ? find(root, segments, []) : undefined;
  };
}

/** The values of a binding's fields in the path that it was found by. */
export function variablesOf({ segments }: Binding, values: readonly string[]): [FieldPath, string][] {
  const fields = segments.filter((segment) => typeof segment !== "string");
  return fields.map((field, i) => [field, values[i] ?? ""]);
}

function newNode(): Node {
  return { literals: new Map(), variable: undefined, bindings: new Map() };
}

function childOf(node: Node, segment: Segment): Node {
  if (typeof segment !== "string") {
    node.variable ??= newNode();
    return node.variable;
  }
  const child = node.literals.get(segment) ?? newNode();
  node.literals.set(segment, child);
  return child;
}

function find(node: Node, [first, ...rest]: readonly string[], values: readonly string[]): Found | undefined {
  if (first === undefined) return node.bindings.size === 0 ? undefined : { bindings: node.bindings, values };
  const literal = node.literals.get(first);
  const found = literal && find(literal, rest, values);
  if (found !== undefined || node.variable === undefined || first === "") return found;
  return find(node.variable, rest, [...values, first]);
}

/** Undefined for what is not encoded as a path must be. */
function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
