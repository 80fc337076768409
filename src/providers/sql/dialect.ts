/**
 * What the SQL providers share: a queried resource as its catalogue describes it,
 * and the few places in which their SQL differs.
 */
import type { Field } from "../../rows/field.ts";
import type { ValueType as AskedType } from "../query/value-type.ts";

/** A type of a database. */
export interface ValueType extends AskedType {
  readonly castType: string;
  /** Where the operators that compare its values are, when they are not the database's own. */
  readonly operatorSchema?: string;
  /** How a text is stored that can hold a part of Unicode only. */
  readonly narrowText?: NarrowText;
}

/** By the names that the database has for them, which stand in SQL as they are. */
export interface NarrowText {
  readonly characterSet: string;
  readonly collation: string;
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

export type ComparisonSymbol = "=" | "<>" | "<" | "<=" | ">" | ">=";

/** A column that is compared with a value, in the canonical text form of its type. */
export interface ComparedColumn {
  readonly column: string;
  readonly type: ValueType;
  readonly value: string;
}

/**
 * How one database writes what SQL leaves open. `column` is quoted SQL everywhere;
 * values come in the canonical text form of their type.
 *
 * Placeholders may have no numbers: what a function binds stands in its SQL in the same
 * order, each once.
 */
export interface Dialect {
  quote(identifier: string): string;
  /** The placeholder of a parameter, from 1. */
  placeholder(position: number): string;
  /** An expression that has the given type, whatever the database would infer. */
  typed(expression: string, type: ValueType): string;
  /** A value that has the given type. */
  operand(value: string, type: ValueType, bind: Bind): string;
  compare(compared: ComparedColumn, symbol: ComparisonSymbol, bind: Bind): string;
  /**
   * Compares several columns, none of which can be null, with as many values at once,
   * the first deciding; undefined where no index would serve that.
   */
  compareRow(row: readonly ComparedColumn[], symbol: "<" | ">", bind: Bind): string | undefined;
  oneOf(column: string, type: ValueType, values: readonly string[], bind: Bind): string;
  /** Case matters and nothing is a wildcard, in this and in `startsWith`. */
  contains(column: string, type: ValueType, value: string, bind: Bind): string;
  startsWith(column: string, type: ValueType, value: string, bind: Bind): string;
  /** Null only when the array is; an array without the element gives false. Only where there are arrays. */
  hasElement?(column: string, element: ValueType, value: string, bind: Bind): string;
  isNull(column: string, type: ValueType): string;
  /** One key of ORDER BY; nulls come last in both directions. */
  orderKey(column: string, descending: boolean, nullable: boolean): string;
}

/** What every dialect has to say for itself. */
type OwnWords = Pick<Dialect, "quote" | "placeholder" | "typed" | "contains" | "startsWith">;

/** A dialect that is the standard's in everything that it does not say itself. */
export function dialectWith(own: OwnWords & Partial<Dialect>): Dialect {
  const dialect: Dialect = {
    operand: (value, type, bind) => dialect.typed(bind(value), type),
    compare: ({ column, type, value }, symbol, bind) => `${column} ${symbol} ${dialect.operand(value, type, bind)}`,
    compareRow: (row, symbol, bind) => {
      const columns = row.map(({ column }) => column).join(", ");
      return `(${columns}) ${symbol} (${row.map(({ value, type }) => dialect.operand(value, type, bind)).join(", ")})`;
    },
    oneOf: (column, type, values, bind) =>
      `${column} IN (${values.map((value) => dialect.operand(value, type, bind)).join(", ")})`,
    isNull: (column) => `${column} IS NULL`,
    orderKey: (column, descending, nullable) => `${column}${descending ? " DESC" : ""}${nullable ? " NULLS LAST" : ""}`,
    ...own,
  };
  return dialect;
}
