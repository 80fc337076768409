/** `$ref`, followed when somebody asks for what it stands for. */
import type { Shape } from "./schema.ts";
import { own, ownText, type Tree, treeOf, Unusable } from "./tree.ts";

/** References that lead to one another before something is there. */
const maxHops = 32;
/**
 * Looks at parts of the document over all: some hundred thousand for the largest documents there
 * are (GitHub's, of 13 MB, takes 150,000).
 */
const maxSteps = 3_000_000;

/** A document whose parts may stand elsewhere in it. */
export interface Referenced {
  readonly root: Tree;
  /**
   * The object itself, or what its `$ref` leads to. Undefined when it is no object, when the
   * reference leads out of the document or nowhere, or round in a circle.
   *
   * @throws Unusable when the whole document was looked at far too often
   */
  follow(value: unknown): Tree | undefined;
  /** What schemas were found to say: most are referred to many times. */
  readonly shapes: WeakMap<Tree, Shape>;
  /** References that led nowhere, each once. */
  readonly dangling: ReadonlySet<string>;
}

export function referencesOf(root: Tree): Referenced {
  const dangling = new Set<string>();
  const targets = new Map<string, Tree | undefined>();
  let steps = 0;

  const look = (reference: string): Tree | undefined => {
    if (!targets.has(reference)) targets.set(reference, locate(root, reference));
    return targets.get(reference);
  };

  const follow = (value: unknown): Tree | undefined => {
    let tree = treeOf(value);
    for (let hops = 0; tree !== undefined; hops++) {
      if (++steps > maxSteps) throw new Unusable("Its parts refer to one another more often than can be followed.");
      const reference = ownText(tree, "$ref");
      if (reference === undefined) return tree;
      const target: Tree | undefined = hops < maxHops ? look(reference) : undefined;
      if (target === undefined && dangling.size < maxHops) dangling.add(reference.slice(0, 200));
      tree = target;
    }
    return undefined;
  };
  return { root, follow, dangling, shapes: new WeakMap() };
}

/** RFC 6901 behind `#`, percent-encoded as URLs are. */
function locate(root: Tree, reference: string): Tree | undefined {
  if (reference !== "#" && !reference.startsWith("#/")) return undefined;
  let at: unknown = root;
  for (const part of reference.split("/").slice(1)) {
    const name = decoded(part).replaceAll("~1", "/").replaceAll("~0", "~");
    at = Array.isArray(at) ? at[Number(name)] : own(treeOf(at), name);
  }
  return treeOf(at);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
