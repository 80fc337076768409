/** A column of the table of hard values, and how its values are written. */
import type { FieldType } from "../../../src/gen/connector/v1/value_pb.js";

export interface TortureColumn {
  readonly name: string;
  /** As it is declared. */
  readonly type: string;
  /** What the contract calls it. */
  readonly fieldType: FieldType;
  /** The type in the source's words, as the contract gives them. */
  readonly nativeType: string;
  readonly values: readonly TortureValue[];
}

export interface TortureValue {
  /** In SQL. */
  readonly sql: string;
  /** The text that a packed cell must have. */
  readonly text: string;
}

/** A text whose value is written as the text itself, or a literal and the text it is read as. */
export type Given = string | readonly [sql: string, text: string];

export function column(type: string, fieldType: FieldType, ...values: Given[]): TortureColumn {
  return {
    name: type.replace(/\W+/g, "_").slice(0, 60).toLowerCase(),
    type,
    fieldType,
    nativeType: type.replace(/ (?:CHARACTER SET \w+|INVISIBLE|AS .*)$/, ""),
    values: values.map((value) =>
      typeof value === "string" ? { sql: literal(value), text: value } : { sql: value[0], text: value[1] },
    ),
  };
}

export const literal = (text: string) => `'${text.replace(/['\\]/g, "\\$&").replaceAll("\0", "\\0")}'`;
export const named = (name: string, nativeType: string, rest: TortureColumn): TortureColumn => ({
  ...rest,
  name,
  nativeType,
});
