/** A grant's terms as JSON, which has no integers of 64 bits and no bytes: operands are kept as texts. */
import type { FilterNode, Operand } from "../../providers/contract.ts";
import type { Terms } from "./grant.ts";

export function encodeTerms({ permissions, actions, resources, budgets }: Terms): string {
  return JSON.stringify({
    ...{ permissions, actions, budgets },
    resources: resources.map(({ resource, fields, rowFilter }) => ({
      ...{ resource, fields },
      ...(rowFilter === undefined ? {} : { rowFilter: withOperands(rowFilter, storedOf) }),
    })),
  });
}

/** Of what `encodeTerms` has made. */
export function decodeTerms(stored: unknown): Terms {
  const { resources, ...rest } = stored as StoredTerms;
  return {
    ...rest,
    resources: resources.map(({ resource, fields, rowFilter }) => ({
      ...{ resource, fields },
      rowFilter: rowFilter === undefined ? undefined : (withOperands(rowFilter, operandOf) as FilterNode),
    })),
  };
}

interface StoredTerms extends Omit<Terms, "resources"> {
  readonly resources: readonly {
    readonly resource: string;
    readonly fields: readonly string[];
    readonly rowFilter?: Tree<StoredOperand>;
  }[];
}

interface StoredOperand {
  readonly kind: Operand["kind"];
  readonly text: string;
}

/** A filter with operands of some kind. */
type Tree<Value> =
  | { readonly kind: "and" | "or"; readonly operands: readonly Tree<Value>[] }
  | { readonly kind: "not"; readonly operand: Tree<Value> }
  | { readonly kind: "compare"; readonly values: readonly Value[] };

function withOperands<From, To>(node: Tree<From>, change: (value: From) => To): Tree<To> {
  if (node.kind === "compare") return { ...node, values: node.values.map(change) };
  if (node.kind === "not") return { ...node, operand: withOperands(node.operand, change) };
  return { ...node, operands: node.operands.map((operand) => withOperands(operand, change)) };
}

function storedOf(operand: Operand): StoredOperand {
  const { kind } = operand;
  if (kind === "null") return { kind, text: "" };
  if (kind === "bytes") return { kind, text: Buffer.from(operand.value).toString("base64") };
  return { kind, text: Object.is(operand.value, -0) ? "-0" : String(operand.value) };
}

function operandOf({ kind, text }: StoredOperand): Operand {
  switch (kind) {
    case "null":
      return { kind };
    case "bool":
      return { kind, value: text === "true" };
    case "integer":
      return { kind, value: BigInt(text) };
    case "double":
      return { kind, value: Number(text) };
    case "text":
      return { kind, value: text };
    case "bytes":
      return { kind, value: Buffer.from(text, "base64") };
  }
}
