/** Which values of a row are wanted: pointers as a tree. */
import { pointerNames } from "../pointer.ts";

/** A key as a source writes it, its escapes included, and what was learned of it. */
export interface Key {
  readonly bytes: Buffer;
  /** What is wanted of its value; undefined for nothing. */
  readonly node: PlanNode | undefined;
  /** The key that followed it the last time: mostly it does so again. */
  next: Key | undefined;
}

/** A value that is wanted, or that holds some that are. */
export interface PlanNode {
  /** The value's own slot; -1 when only what it holds is wanted. */
  slot: number;
  /** The slots of what it holds: from `firstSlot` to before `endSlot`. */
  firstSlot: number;
  endSlot: number;
  readonly children: Map<string, PlanNode>;
  /** Its children that may be elements of an array, by their place. */
  readonly elements: (PlanNode | undefined)[];
  /** The keys that have been seen, by their text as latin1. */
  readonly keys: Map<string, Key>;
  firstKey: Key | undefined;
}

export interface RowPlan {
  readonly root: PlanNode;
  readonly slotCount: number;
  /** The slot of each pointer that was asked for. */
  readonly slots: Int32Array;
}

const place = /^(?:0|[1-9]\d{0,3})$/;

/**
 * @param pointers as often as you like each
 * @throws RangeError for what is no pointer
 */
export function planRow(pointers: readonly string[]): RowPlan {
  const root = newNode();
  const nodes = pointers.map((pointer) => nodeAt(root, pointerNames(pointer)));
  const wanted = new Set(nodes);
  const slotCount = number(root, wanted, 0);
  return { root, slotCount, slots: Int32Array.from(nodes, ({ slot }) => slot) };
}

function nodeAt(root: PlanNode, names: readonly string[]): PlanNode {
  let node = root;
  for (const name of names) {
    let child = node.children.get(name);
    if (child === undefined) {
      child = newNode();
      node.children.set(name, child);
      if (place.test(name)) node.elements[Number(name)] = child;
    }
    node = child;
  }
  return node;
}

/** Gives the slots below a node numbers in a row, so that they are forgotten at once where a key stands twice. */
function number(node: PlanNode, wanted: ReadonlySet<PlanNode>, from: number): number {
  let next = from;
  if (wanted.has(node)) node.slot = next++;
  node.firstSlot = next;
  for (const child of node.children.values()) next = number(child, wanted, next);
  node.endSlot = next;
  return next;
}

function newNode(): PlanNode {
  return {
    ...{ slot: -1, firstSlot: 0, endSlot: 0, children: new Map(), elements: [], keys: new Map(), firstKey: undefined },
  };
}
