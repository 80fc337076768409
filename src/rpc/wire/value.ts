/** Values of requests: between the wire and operands. */
import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { NullValue } from "@bufbuild/protobuf/wkt";
import { invalidRequest } from "../../failure.ts";
import { type Value, ValueSchema } from "../../gen/connector/v1/value_pb.js";
import type { FilterNode, Operand } from "../../providers/contract.ts";

export function operandFromWire({ kind }: Value): Operand {
  switch (kind.case) {
    case "bool":
      return { kind: "bool", value: kind.value };
    case "int64":
    case "uint64":
      return { kind: "integer", value: kind.value };
    case "double":
      return { kind: "double", value: kind.value };
    case "string":
    case "text":
      return { kind: "text", value: kind.value };
    case "bytes":
      return { kind: "bytes", value: kind.value };
    default:
      return { kind: "null" };
  }
}

export function operandToWire(operand: Operand): Value {
  return create(ValueSchema, { kind: kindOf(operand) });
}

function kindOf(operand: Operand): Value["kind"] {
  switch (operand.kind) {
    case "null":
      return { case: "null", value: NullValue.NULL_VALUE };
    case "bool":
      return { case: "bool", value: operand.value };
    case "integer":
      return operand.value < 2n ** 63n
        ? { case: "int64", value: operand.value }
        : { case: "uint64", value: operand.value };
    case "double":
      return { case: "double", value: operand.value };
    case "text":
      return { case: "string", value: operand.value };
    case "bytes":
      return { case: "bytes", value: new Uint8Array(operand.value) };
  }
}

/** The short form of a filter: a map of equalities in plain JSON. */
export function whereFromWire(where: JsonObject, path: string): FilterNode[] {
  return Object.entries(where).map(([field, value]) => {
    const at = { kind: "compare" as const, field, path: `${path}.${field}`, short: true as const };
    if (value === null) return { ...at, operator: "is_null", values: [] };
    if (Array.isArray(value)) {
      return { ...at, operator: "in", values: value.map((item, i) => operandFromJson(item, `${at.path}[${i}]`)) };
    }
    return { ...at, operator: "eq", values: [operandFromJson(value, at.path)] };
  });
}

function operandFromJson(value: JsonValue, path: string): Operand {
  switch (typeof value) {
    case "boolean":
      return { kind: "bool", value };
    case "number":
      return Number.isSafeInteger(value) ? { kind: "integer", value: BigInt(value) } : { kind: "double", value };
    case "string":
      return { kind: "text", value };
    default:
      throw invalidRequest({
        field: path,
        description: "must be a string, a number or a boolean; `where` compares plain values only",
      });
  }
}
