/** What a source has to be queried. */
import type { FieldType } from "../../rows/field.ts";

export type ResourceKind =
  | "table"
  | "view"
  | "materialized_view"
  | "partitioned_table"
  | "partition"
  | "foreign_table"
  | "collection";

/** Something that can be queried; see `Resource` of the contract. */
export interface Resource {
  /** The full name, as a query takes it: `public.cities`. */
  readonly name: string;
  readonly namespace: string;
  readonly localName: string;
  readonly kind: ResourceKind;
  readonly comment: string;
  readonly estimatedRows: number | undefined;
  readonly fields: readonly ResourceField[];
  readonly primaryKey: readonly string[];
  readonly uniqueKeys: readonly { readonly name: string; readonly fields: readonly string[] }[];
  readonly foreignKeys: readonly ForeignKey[];
  readonly indexes: readonly Index[];
  /** The full name of the partitioned resource that this is a part of, or empty. */
  readonly partitionOf: string;
}

export interface ResourceField {
  readonly name: string;
  readonly type: FieldType;
  readonly elementType?: FieldType;
  readonly nativeType: string;
  readonly nullable: boolean;
  readonly defaultExpression: string;
  readonly generated: boolean;
  readonly comment: string;
  readonly enumLabels: readonly string[];
}

export interface ForeignKey {
  readonly name: string;
  readonly fields: readonly string[];
  readonly references: string;
  readonly referencedFields: readonly string[];
}

export interface Index {
  readonly name: string;
  readonly keys: readonly string[];
  readonly unique: boolean;
  readonly method: string;
  readonly predicate: string;
  /** The source keeps it up to date, and does not use it for reading. Default: it does. */
  readonly ignored?: boolean;
}
