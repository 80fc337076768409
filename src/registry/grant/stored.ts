/** A grant's terms as JSON, which has no integers of 64 bits and no bytes: operands are kept as texts. */
import type { Comparison, Operand } from "../../providers/contract.ts";
import type { ResourceTerms, Terms } from "./grant.ts";

export function encodeTerms({ permissions, actions, resources, budgets }: Terms): string {
  return JSON.stringify({
    ...{ permissions, actions, budgets },
    resources: resources.map(({ resource, fields, rowFilter }) => ({
      ...{ resource, fields },
      ...(rowFilter === undefined ? {} : { rowFilter: mapped(rowFilter, storedComparison) }),
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
      rowFilter: rowFilter === undefined ? undefined : mapped(rowFilter, comparisonOf),
    })),
  };
}

interface StoredTerms extends Omit<Terms, "resources"> {
  readonly resources: readonly (Omit<ResourceTerms, "rowFilter"> & { readonly rowFilter?: Tree<StoredComparison> })[];
}

type StoredComparison = Omit<Comparison, "values"> & { readonly values: readonly StoredOperand[] };

interface StoredOperand {
  readonly kind: Operand["kind"];
  readonly text: string;
}

/** A filter with comparisons of some kind. */
type Tree<Leaf> =
  | Leaf
  | { readonly kind: "and" | "or"; readonly operands: readonly Tree<Leaf>[] }
  | { readonly kind: "not"; readonly operand: Tree<Leaf> };

function mapped<From extends { readonly kind: "compare" }, To>(node: Tree<From>, change: (leaf: From) => To): Tree<To> {
  if (node.kind === "compare") return change(node);
  if (node.kind === "not") return { kind: node.kind, operand: mapped(node.operand, change) };
  return { kind: node.kind, operands: node.operands.map((operand) => mapped(operand, change)) };
}

const storedComparison = ({ values, ...rest }: Comparison): StoredComparison => ({
  ...rest,
  values: values.map(storedOf),
});

/** What is wrong with it at the source is wrong in the grant, and not in the request that it is added to. */
const comparisonOf = ({ values, path, ...rest }: StoredComparison): Comparison => ({
  ...rest,
  path: `grant.${path}`,
  values: values.map(operandOf),
});

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
