/** The text of an OpenAPI document, as JSON or YAML, into a tree. */
import { parseDocument } from "yaml";
import { type Tree, treeOf, Unusable } from "./tree.ts";

/**
 * Nodes that aliases may stand for, in proportion to those that are written out. A text of
 * some hundred bytes whose aliases stand for one another means billions.
 */
const maxAliases = 100;

/**
 * Reads JSON, or YAML of the core schema: no tag but its own means anything. Where a key is
 * given twice, the last one counts.
 *
 * @throws Unusable with the place of what is wrong, without any of the text
 */
export function readText(text: string): Tree {
  const start = /^\uFEFF?\s*\{/.test(text) ? readJson(text) : undefined;
  const tree = treeOf(start ?? readYaml(text));
  if (tree === undefined) throw new Unusable("It is no object, neither in JSON nor in YAML.");
  return tree;
}

/** Undefined when it is none: YAML may begin with a brace, too. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return undefined;
  }
}

function readYaml(text: string): unknown {
  try {
    // The check that keys are unique takes time that grows with the square of their number.
    const options = {
      schema: "core",
      merge: true,
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "silent",
    } as const;
    const document = parseDocument(text, options);
    const [error] = document.errors;
    if (error === undefined) return document.toJS({ maxAliasCount: maxAliases });
    throw new Unusable(`It is neither JSON nor YAML: ${error.code} in line ${lineOf(text, error.pos[0])}.`);
  } catch (error) {
    if (error instanceof Unusable) throw error;
    // The parser calls itself for every level, and refuses too many aliases by an error without a class.
    if (error instanceof RangeError) throw new Unusable("It is nested too deeply.");
    throw new Unusable("It can't be read: its aliases stand for too much, or for nothing.");
  }
}

function lineOf(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < position; at = text.indexOf("\n", at + 1)) line++;
  return line;
}
