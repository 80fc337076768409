/** The fields that a condition names. */
import type { Comparison, FilterNode } from "../../providers/contract.ts";

/** Every comparison of a tree; without recursion, as a tree may be deep. */
export function comparisonsIn(filter: FilterNode | undefined): readonly Comparison[] {
  const found: Comparison[] = [];
  const waiting = filter === undefined ? [] : [filter];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node.kind === "compare") found.push(node);
    else if (node.kind === "not") waiting.push(node.operand);
    else waiting.push(...node.operands);
  }
  return found;
}
