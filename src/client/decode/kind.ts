import { type Field, FieldType } from "../../gen/connector/v1/value_pb.js";

/**
 * How the cells of a column are decoded. Numbers and not the contract's enum: a
 * `switch` over constants becomes a jump table, and it runs once for every cell.
 */
export const kindAscii = 0;
export const kindText = 1;
export const kindBool = 2;
export const kindInt32 = 3;
export const kindBigint = 4;
export const kindDouble = 5;
export const kindBytes = 6;
export const kindArray = 7;

export type Kind = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** What is needed to decode the cells of one field. */
export interface Column {
  readonly name: string;
  readonly kind: Kind;
  /** The kind of an array's elements; `kindText` for every other field. */
  readonly elementKind: Kind;
  /** What stands between an array's elements: a comma, for PostgreSQL's `box` a semicolon. */
  readonly delimiter: string;
}

export function columnOf(field: Field): Column {
  return {
    name: field.name,
    kind: kindOf(field.type),
    elementKind: kindOf(field.elementType),
    delimiter: field.nativeType.startsWith("box[") ? ";" : ",",
  };
}

function kindOf(type: FieldType): Kind {
  switch (type) {
    case FieldType.BOOL:
      return kindBool;
    case FieldType.INT32:
      return kindInt32;
    case FieldType.INT64:
    case FieldType.UINT64:
      return kindBigint;
    case FieldType.FLOAT:
    case FieldType.DOUBLE:
      return kindDouble;
    case FieldType.BYTES:
      return kindBytes;
    case FieldType.ARRAY:
      return kindArray;
    case FieldType.DECIMAL:
    case FieldType.DATE:
    case FieldType.TIME:
    case FieldType.TIMESTAMP:
    case FieldType.TIMESTAMP_TZ:
    case FieldType.INTERVAL:
    case FieldType.UUID:
      return kindAscii;
    default:
      return kindText;
  }
}
