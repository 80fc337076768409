/** What the types of sources are, as far as queries of them need to know it. */
import type { FieldType } from "../../rows/field.ts";

/** What a type's values can be asked: which comes first, whether two are equal, or neither. */
export type Comparability = "ordered" | "equal" | "none";

/** A type of a source, as far as operands and comparisons need to know it. */
export interface ValueType {
  readonly type: FieldType;
  /** The source's own words for it, for messages: `numeric(10,2)`. */
  readonly nativeType: string;
  /** How the source's language names the type that an operand is cast to, quoted where it must be; where it has one. */
  readonly castType?: string;
  readonly comparison: Comparability;
  /** The integers it holds, where they are fewer than its FieldType's. */
  readonly range?: readonly [bigint, bigint];
  /** Digits of a decimal, in all and behind the point. Default: as many as there are. */
  readonly digits?: { readonly total: number; readonly fraction: number };
  /** Its numbers are neither NaN nor infinite. */
  readonly finite?: true;
  /** The dates that it holds. Default: those of the contract, with eras and infinities. */
  readonly calendar?: Calendar;
  /** The hours of a time that may also be a span, and negative. Default: a time of day. */
  readonly hours?: number;
  /** The labels of an enum, when they are known. */
  readonly enumLabels?: readonly string[];
  /** A text may hold NUL characters. */
  readonly holdsNul?: true;
  /** Which texts are its values, where its FieldType doesn't say it. */
  readonly form?: TextForm;
}

/** Dates of four digits for the year, without eras and infinities. */
export interface Calendar {
  /** A year, a month and a day may be zero: `0000-00-00`. */
  readonly zeros: boolean;
}

export interface TextForm {
  /** For messages: "a text such as `10.0.0.1`". */
  readonly expects: string;
  accepts(text: string): boolean;
}
