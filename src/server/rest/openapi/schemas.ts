/**
 * JSON Schemas of the contract's messages, as protobuf's JSON mapping writes them.
 * @see https://protobuf.dev/programming-guides/json/
 */
import { type DescEnum, type DescField, type DescMessage, getOption, hasOption, ScalarType } from "@bufbuild/protobuf";
import { oneof as oneofRules } from "../../../gen/buf/validate/validate_pb.js";
import { isRequired, rulesOf } from "./rules.ts";
import type { Schema } from "./types.ts";

/** The comment in front of what has this full name; empty when there is none. */
export type Comments = (name: string) => string;

const int64 = { type: "string", format: "int64", pattern: "^-?[0-9]+$" };
const double = {
  anyOf: [
    { type: "number", format: "double" },
    { type: "string", enum: ["NaN", "Infinity", "-Infinity"] },
  ],
};

const scalars: Partial<Record<ScalarType, Schema>> = {
  [ScalarType.STRING]: { type: "string" },
  [ScalarType.BOOL]: { type: "boolean" },
  [ScalarType.BYTES]: { type: "string", contentEncoding: "base64" },
  [ScalarType.INT32]: { type: "integer", format: "int32" },
  [ScalarType.UINT32]: { type: "integer", format: "int64", minimum: 0 },
  [ScalarType.INT64]: int64,
  [ScalarType.UINT64]: { ...int64, format: "uint64", pattern: "^[0-9]+$" },
  [ScalarType.FLOAT]: double,
  [ScalarType.DOUBLE]: double,
};

/** Well-known types, which have forms of their own. */
const wellKnown: Readonly<Record<string, Schema>> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Duration": { type: "string", pattern: "^-?[0-9]+(\\.[0-9]{1,9})?s$", examples: ["1.5s"] },
  "google.protobuf.FieldMask": { type: "string", examples: ["displayName,config.host"] },
  "google.protobuf.Struct": { type: "object", additionalProperties: true },
  "google.protobuf.ListValue": { type: "array", items: {} },
  "google.protobuf.Value": {},
  "google.protobuf.NullValue": { type: "null" },
};

/** Schemas of types, each once, by the names that others refer to them by. */
export class Schemas {
  readonly #comments: Comments;
  readonly #asked: ReadonlySet<DescMessage>;
  readonly #all = new Map<string, Schema>();

  /** @param requests whatever they lead to is asked for, and may leave out what has a default */
  constructor(comments: Comments, requests: readonly DescMessage[]) {
    this.#comments = comments;
    const asked = new Set(requests);
    for (const { fields } of asked) for (const { message } of fields) if (message !== undefined) asked.add(message);
    this.#asked = asked;
  }

  all(): Record<string, Schema> {
    return Object.fromEntries([...this.#all].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** A reference to the schema of a message, or of some of its fields under a name of its own. */
  message(message: DescMessage, name: string = message.name, fields: readonly DescField[] = message.fields): Schema {
    const form = wellKnown[message.typeName];
    if (form !== undefined) return form;
    if (!this.#all.has(name)) {
      // A message may hold itself.
      this.#all.set(name, {});
      this.#all.set(name, this.#object(message, fields));
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  /** The schema of a field's value, with its comment and rules. */
  field(field: DescField): Schema {
    const description = this.#comments(`${field.parent.typeName}.${field.name}`);
    return { ...this.#value(field), ...rulesOf(field), ...(description && { description }) };
  }

  #object(message: DescMessage, fields: readonly DescField[]): Schema {
    const required = fields.filter((field) => (this.#asked.has(message) ? isRequired(field) : isAlwaysThere(field)));
    const choices = message.oneofs.filter(
      (oneof) => hasOption(oneof, oneofRules) && getOption(oneof, oneofRules).required,
    );
    const description = this.#comments(message.typeName);
    return {
      type: "object",
      ...(description && { description }),
      properties: Object.fromEntries(fields.map((field) => [field.jsonName, this.field(field)])),
      ...(required.length > 0 && { required: required.map(({ jsonName }) => jsonName) }),
      ...(choices[0] && { oneOf: choices[0].fields.map(({ jsonName }) => ({ required: [jsonName] })) }),
    };
  }

  #value(field: DescField): Schema {
    switch (field.fieldKind) {
      case "list":
        return { type: "array", items: this.#single(field) };
      case "map":
        return { type: "object", additionalProperties: this.#single(field) };
      default:
        return this.#single(field);
    }
  }

  #single({ message, enum: of, scalar }: DescField): Schema {
    if (message !== undefined) return this.message(message);
    if (of !== undefined) return this.#enum(of);
    return scalars[scalar as ScalarType] ?? {};
  }

  #enum(of: DescEnum): Schema {
    const form = wellKnown[of.typeName];
    if (form !== undefined) return form;
    const values = of.values.map(({ name }) => `- \`${name}\`: ${this.#comments(`${of.typeName}.${name}`)}`);
    const description = [this.#comments(of.typeName), values.join("\n")].join("\n\n");
    this.#all.set(of.name, { type: "string", enum: of.values.map(({ name }) => name), description });
    return { $ref: `#/components/schemas/${of.name}` };
  }
}

/** Answers have every field that can't be absent, whatever its value. */
function isAlwaysThere(field: DescField): boolean {
  if (field.fieldKind === "list" || field.fieldKind === "map") return true;
  return field.fieldKind !== "message" && field.oneof === undefined && !field.proto.proto3Optional;
}
