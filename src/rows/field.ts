/** What the values of a field are; the contract's `FieldType` describes each one's text form. */
export type FieldType =
  | "bool"
  | "int32"
  | "int64"
  | "uint64"
  | "float"
  | "double"
  | "decimal"
  | "string"
  | "bytes"
  | "date"
  | "time"
  | "timestamp"
  | "timestamp_tz"
  | "interval"
  | "uuid"
  | "json"
  | "array"
  | "struct"
  | "enum"
  | "other";

/** The description of one field of a result. */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  /** What an array holds; only set for arrays. */
  readonly elementType?: FieldType;
  readonly nullable: boolean;
  /** The source's own words for the type: `numeric(10,2)`. */
  readonly nativeType: string;
}
