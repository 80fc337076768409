/**
 * What is read of a document: nothing in it is what it should be until it was looked at.
 * Only own properties count, so that `__proto__` and `constructor` are names like others.
 */

/** An object of the document. */
export type Tree = { readonly [name: string]: unknown };

/** Why a document can't be used, in a sentence for whoever registered the connector. */
export class Unusable extends Error {
  override readonly name = "Unusable";
}

export function treeOf(value: unknown): Tree | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Tree) : undefined;
}

/** A property, when the object has it itself. */
export function own(tree: Tree | undefined, name: string): unknown {
  return tree !== undefined && Object.hasOwn(tree, name) ? tree[name] : undefined;
}

export function ownTree(tree: Tree | undefined, name: string): Tree | undefined {
  return treeOf(own(tree, name));
}

export function ownList(tree: Tree | undefined, name: string): readonly unknown[] {
  const value = own(tree, name);
  return Array.isArray(value) ? value : [];
}

export function ownText(tree: Tree | undefined, name: string): string | undefined {
  const value = own(tree, name);
  return typeof value === "string" ? value : undefined;
}

export function ownNumber(tree: Tree | undefined, name: string): number | undefined {
  const value = own(tree, name);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** Longer descriptions are cut: thousands of them are kept with a session. */
const maxDescription = 1_000;

/** What people are told of something: its description, or its summary. */
export function descriptionOf(tree: Tree | undefined): string {
  const text = (ownText(tree, "description") || ownText(tree, "summary") || "").trim();
  return text.length > maxDescription ? `${text.slice(0, maxDescription)}…` : text;
}
