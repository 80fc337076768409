/** Fields of a resource out of the schema of its rows. */
import type { FieldFormat, HttpFieldType } from "../body/format.ts";
import type { DeclaredField } from "../declaration.ts";
import type { Referenced } from "./reference.ts";
import { type Shape, shapeOf } from "./schema.ts";

/** What a value's text is, and how the source writes it. */
export interface Kind {
  readonly type: HttpFieldType;
  readonly format?: FieldFormat;
}

const numbers: Readonly<Record<string, HttpFieldType>> = {
  ...{ int32: "int32", int64: "int64", uint64: "uint64", uint32: "int64", int16: "int32", int8: "int32" },
  ...{ float: "float", double: "double", decimal: "decimal" },
};

/** Formats of texts that say what they are; others (`email`, `uri`) are texts like any. */
const texts: Readonly<Record<string, HttpFieldType>> = {
  ...{ date: "date", "date-time": "timestamp_tz", time: "time", uuid: "uuid", byte: "bytes", decimal: "decimal" },
  ...{ int64: "int64", uint64: "uint64" },
};

/**
 * The type of a value of this shape. A `number` without a format is a `double`, as JSON's are
 * to most who read them; an `integer` without one has 64 bits. What is an object, a list, or
 * one of several types is `json`.
 */
export function kindOf({ type, format = "", labels }: Shape): Kind {
  switch (type) {
    case "boolean":
      return { type: "bool" };
    case "integer":
    case "number": {
      if (/^(?:unix-?time|timestamp|epoch)/i.test(format)) return { type: "timestamp_tz", format: "epoch_seconds" };
      return { type: own(numbers, format) ?? (type === "integer" ? "int64" : "double") };
    }
    case "string":
      return { type: labels.length > 0 ? "enum" : (own(texts, format) ?? "string") };
    default:
      return { type: "json" };
  }
}

function own(types: Readonly<Record<string, HttpFieldType>>, format: string): HttpFieldType | undefined {
  return Object.hasOwn(types, format) ? types[format] : undefined;
}

/** The source's own words: `string(date-time)`, `array`. */
export function nativeTypeOf({ type, format }: Shape): string {
  return format === undefined ? (type ?? "any") : `${type ?? "any"}(${format.slice(0, 50)})`;
}

/**
 * The fields of rows: a field for each property of an object that is read, and one field
 * `value` for rows of any other kind. Objects within are `json`, but for the attributes of
 * JSON:API, which are fields of their own.
 */
export function fieldsOf(
  schema: unknown,
  references: Referenced,
  kind: "json" | "json_api" | "ndjson",
): DeclaredField[] {
  const shape = shapeOf(schema, references);
  if (shape.properties.size === 0) return [fieldOf("value", "", shape, false)];
  if (kind !== "json_api") return propertiesOf(shape, "", references);
  const { attributes, ...others } = Object.fromEntries(shape.properties);
  const outside = propertiesOf({ ...shape, properties: new Map(Object.entries(others)) }, "", references);
  const within = propertiesOf(shapeOf(attributes, references), "/attributes", references);
  const names = new Set(outside.map(({ name }) => name));
  return [...outside, ...within.filter(({ name }) => !names.has(name))];
}

function propertiesOf(object: Shape, below: string, references: Referenced): DeclaredField[] {
  const fields: DeclaredField[] = [];
  for (const [name, schema] of object.properties) {
    const shape = shapeOf(schema, references);
    if (!shape.writeOnly) fields.push(fieldOf(name, `${below}/${escaped(name)}`, shape, !object.required.has(name)));
  }
  return fields;
}

function fieldOf(name: string, path: string, shape: Shape, optional: boolean): DeclaredField {
  const kind = kindOf(shape);
  return {
    ...{ name, path, ...kind, nullable: optional || shape.nullable, nativeType: nativeTypeOf(shape) },
    description: shape.description,
    enumLabels: kind.type === "enum" ? shape.labels : [],
    readOnly: shape.readOnly,
  };
}

/** A name as part of a JSON pointer. */
export function escaped(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
