/**
 * What the SQL providers share: a queried resource as its catalogue describes it,
 * and the few places in which their SQL differs.
 */
import type { Field, FieldType } from "../../rows/field.ts";

/** What a type's values can be asked: which comes first, whether two are equal, or neither. */
export type Comparability = "ordered" | "equal" | "none";

/** A type of the source, as far as operands and comparisons need to know it. */
export interface ValueType {
  readonly type: FieldType;
  /** The source's own words for it, for messages: `numeric(10,2)`. */
  readonly nativeType: string;
  /** How SQL names the type that an operand is cast to, quoted where it must be. */
  readonly castType: string;
  readonly comparison: Comparability;
  /** Where the operators that compare its values are, when they are not the database's own. */
  readonly operatorSchema?: string;
  /** The integers it holds, where they are fewer than its FieldType's. */
  readonly range?: readonly [bigint, bigint];
  /** The labels of an enum, when they are known. */
  readonly enumLabels?: readonly string[];
}

/** A field that a query may name. */
export interface SqlField extends Field, ValueType {
  /** What an array holds. */
  readonly element?: ValueType;
}

/** A resource that a query may read; the only source of identifiers in compiled SQL. */
export interface SqlResource {
  /** The full name, as GetSchema shows it. */
  readonly name: string;
  /** The name in SQL, quoted. */
  readonly sqlName: string;
  readonly fields: readonly SqlField[];
  /** Sets of fields by which pages can be cut: unique, never null, ordered. */
  readonly keys: readonly (readonly string[])[];
}

/** Adds a parameter and says its placeholder. */
export type Bind = (text: string) => string;

/** How one database writes what SQL leaves open. `column` is quoted SQL everywhere. */
export interface Dialect {
  quote(identifier: string): string;
  /** The placeholder of a parameter, from 1. */
  placeholder(position: number): string;
  /** A placeholder that has the given type, whatever the database would infer. */
  typed(placeholder: string, type: ValueType): string;
  /** `=`, `<>`, `<`, `<=`, `>` or `>=` of the given type. */
  operator(symbol: string, type: ValueType): string;
  oneOf(column: string, type: ValueType, values: readonly string[], bind: Bind): string;
  /** Case matters and nothing is a wildcard, in this and in `startsWith`. */
  contains(column: string, type: ValueType, value: string, bind: Bind): string;
  startsWith(column: string, type: ValueType, value: string, bind: Bind): string;
  /** Null only when the array is; an array without the element gives false. */
  hasElement(column: string, element: ValueType, value: string, bind: Bind): string;
  isNull(column: string, type: ValueType): string;
  /** One key of ORDER BY; nulls come last in both directions. */
  orderKey(column: string, descending: boolean, nullable: boolean): string;
}
