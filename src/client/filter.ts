import { create } from "@bufbuild/protobuf";
import { type Filter, FilterSchema, Operator } from "../gen/connector/v1/filter_pb.js";
import { type Parameter, valueFrom } from "./value.ts";

/** True when all are: `and(field("country").eq("CH"), field("population").gt(1000))`. */
export function and(...filters: readonly Filter[]): Filter {
  return create(FilterSchema, { node: { case: "and", value: { filters: [...filters] } } });
}

/** True when at least one is. */
export function or(...filters: readonly Filter[]): Filter {
  return create(FilterSchema, { node: { case: "or", value: { filters: [...filters] } } });
}

/** True when the other is false, and not when it is unknown for a null. */
export function not(filter: Filter): Filter {
  return create(FilterSchema, { node: { case: "not", value: filter } });
}

/** A field to compare: `field("population").gt(1000)`. */
export function field(name: string): FieldFilter {
  const compare = (operator: Operator, parameters: readonly Parameter[]): Filter =>
    create(FilterSchema, {
      node: { case: "compare", value: { field: name, operator, values: parameters.map(valueFrom) } },
    });
  return {
    eq: (value) => compare(Operator.EQ, [value]),
    ne: (value) => compare(Operator.NE, [value]),
    lt: (value) => compare(Operator.LT, [value]),
    le: (value) => compare(Operator.LE, [value]),
    gt: (value) => compare(Operator.GT, [value]),
    ge: (value) => compare(Operator.GE, [value]),
    in: (values) => compare(Operator.IN, values),
    contains: (value) => compare(Operator.CONTAINS, [value]),
    startsWith: (prefix) => compare(Operator.STARTS_WITH, [prefix]),
    isNull: () => compare(Operator.IS_NULL, []),
  };
}

/** What can be asked of a field; no operand is null, ask `isNull()` for that. */
export interface FieldFilter {
  eq(value: Operand): Filter;
  ne(value: Operand): Filter;
  lt(value: Operand): Filter;
  le(value: Operand): Filter;
  gt(value: Operand): Filter;
  ge(value: Operand): Filter;
  /** Equal to one of 1 to 1,000 values. */
  in(values: readonly Operand[]): Filter;
  /** A text contains this one, or an array has it as an element. */
  contains(value: Operand): Filter;
  startsWith(prefix: string): Filter;
  isNull(): Filter;
}

type Operand = NonNullable<Parameter>;
