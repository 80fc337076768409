/** Values of an engine that has no types but JavaScript's, as cells and as parameters. */
import { Failure } from "../../../failure.ts";
import { doubleText } from "../../../rows/double.ts";
import type { Field, FieldType } from "../../../rows/field.ts";
import type { Operand } from "../../contract.ts";
import { refuseUnstorable } from "../../query/operand.ts";
import type { Parameter } from "./engine.ts";

type Value = NonNullable<Parameter>;

/** What a field of a type may hold; where nothing is said, anything. */
const fits: Partial<Record<FieldType, (value: Value) => boolean>> = {
  bool: (value) => value === 0n || value === 1n,
  int64: (value) => typeof value === "bigint",
  double: (value) => typeof value === "number",
  string: (value) => typeof value === "string",
  bytes: (value) => value instanceof Uint8Array,
};

const stray = "STRAY_VALUE";

/**
 * The canonical text of a value.
 *
 * @throws `strayError` for a value that is not of the field's type
 */
export function cellOf(value: Value, { name, type }: Field): string {
  if (fits[type]?.(value) === false) throw strayError(name);
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  if (type === "bool") return value === 1n ? "t" : "f";
  return typeof value === "number" ? doubleText(value) : String(value);
}

/** For a value that a field of the name should not hold. */
export function strayError(field: string): Error {
  return Object.assign(new Error("A value is not of its field's type."), { code: stray, field });
}

/** What such an error means, also one that comes from the engine's process; undefined for any other. */
export function strayValue(cause: unknown, upstream: string): Failure | undefined {
  const { code, field } = (cause ?? {}) as { readonly code?: unknown; readonly field?: unknown };
  if (code !== stray) return undefined;
  const message = `A row has in \`${field}\` what is no value of the type that the column is declared with.`;
  return new Failure("configuration_rejected", message, {
    ...{ where: "upstream", upstream, metadata: { field: String(field) }, cause },
    remedy: "Correct such rows at the source, or list in `query.fields` those without this one.",
  });
}

/** @param i its place among the native statement's parameters */
export function parameterOf(operand: Operand, i: number): Parameter {
  switch (operand.kind) {
    case "null":
      return null;
    case "bool":
      return operand.value ? 1n : 0n;
    case "integer":
      // Beyond 64 bits, in digits.
      return BigInt.asIntN(64, operand.value) === operand.value ? operand.value : String(operand.value);
    case "text":
      refuseUnstorable(operand.value, `query.native.parameters[${i}]`, { holdsNul: true });
      return operand.value;
    default:
      return operand.value;
  }
}
