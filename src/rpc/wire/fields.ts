/** Fields and their types: from the domain to the wire. */
import { create } from "@bufbuild/protobuf";
import { FieldSchema, type Field as WireField, FieldType as WireType } from "../../gen/connector/v1/value_pb.js";
import type { Field, FieldType } from "../../rows/field.ts";

const types: Record<FieldType, WireType> = {
  bool: WireType.BOOL,
  int32: WireType.INT32,
  int64: WireType.INT64,
  uint64: WireType.UINT64,
  float: WireType.FLOAT,
  double: WireType.DOUBLE,
  decimal: WireType.DECIMAL,
  string: WireType.STRING,
  bytes: WireType.BYTES,
  date: WireType.DATE,
  time: WireType.TIME,
  timestamp: WireType.TIMESTAMP,
  timestamp_tz: WireType.TIMESTAMP_TZ,
  interval: WireType.INTERVAL,
  uuid: WireType.UUID,
  json: WireType.JSON,
  array: WireType.ARRAY,
  struct: WireType.STRUCT,
  enum: WireType.ENUM,
  other: WireType.OTHER,
};

export function typeToWire(type: FieldType | undefined): WireType {
  return type === undefined ? WireType.UNSPECIFIED : types[type];
}

export function fieldToWire(field: Field): WireField {
  return create(FieldSchema, {
    name: field.name,
    type: typeToWire(field.type),
    elementType: typeToWire(field.elementType),
    nullable: field.nullable,
    nativeType: field.nativeType,
  });
}
