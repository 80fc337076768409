import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { NullValue } from "@bufbuild/protobuf/wkt";
import { type Value, ValueSchema } from "../gen/connector/v1/value_pb.js";
import { type Column, kindInt32 } from "./decode/kind.ts";
import { type Cell, columnFromText } from "./decode/scalar.ts";

/**
 * A value of a filter or a parameter. A whole number is sent as an integer. What has
 * no type in JavaScript (decimal, date, interval, uuid, JSON, array) is given as text.
 */
export type Parameter = null | boolean | number | bigint | string | Uint8Array | Date | TemporalValue;

/** A Temporal value, sent as its own text. */
interface TemporalValue {
  readonly [Symbol.toStringTag]: `Temporal.${string}`;
  toString(): string;
}

const maxInt64 = 2n ** 63n - 1n;
const maxUint64 = 2n ** 64n - 1n;

/** A JavaScript value as the contract's Value. Throws a RangeError for an invalid Date. */
export function valueFrom(parameter: Parameter): Value {
  return create(ValueSchema, { kind: kindOf(parameter) });
}

function kindOf(parameter: Parameter): NonNullable<MessageInitShape<typeof ValueSchema>["kind"]> {
  switch (typeof parameter) {
    case "boolean":
      return { case: "bool", value: parameter };
    case "string":
      return { case: "string", value: parameter };
    case "number":
      return Number.isSafeInteger(parameter) && !Object.is(parameter, -0)
        ? { case: "int64", value: BigInt(parameter) }
        : { case: "double", value: parameter };
    case "bigint":
      return integer(parameter);
    default:
      if (parameter === null) return { case: "null", value: NullValue.NULL_VALUE };
      if (parameter instanceof Uint8Array) return { case: "bytes", value: parameter };
      return { case: "text", value: parameter instanceof Date ? parameter.toISOString() : parameter.toString() };
  }
}

function integer(value: bigint): NonNullable<MessageInitShape<typeof ValueSchema>["kind"]> {
  if (value >= -maxInt64 - 1n && value <= maxInt64) return { case: "int64", value };
  if (value > 0n && value <= maxUint64) return { case: "uint64", value };
  return { case: "text", value: value.toString() };
}

/** The contract's Value as a cell of a column. */
export function cellOf(value: Value, column: Column): Cell {
  const { kind } = value;
  switch (kind.case) {
    case "string":
    case "text":
      return columnFromText(kind.value, column);
    case "int64":
      return column.kind === kindInt32 ? Number(kind.value) : kind.value;
    case "null":
    case undefined:
      return null;
    default:
      return kind.value;
  }
}
