/** What the query of a URL says of a request: `pageSize=10&filter.labels[team]=sales&kinds=RESOURCE_KIND_VIEW`. */
import { type DescField, type DescMessage, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { DurationSchema, FieldMaskSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { type FieldViolation, invalidRequest } from "../../failure.ts";
import { type Fields, fieldNamed } from "./bindings.ts";

/** Messages that are one text in JSON. */
const texts: ReadonlySet<string> = new Set([TimestampSchema, DurationSchema, FieldMaskSchema].map((d) => d.typeName));

/** JSON that is put together; without a prototype, so that every name is just one. */
export type Draft = Record<string, JsonValue>;

export function draft(): Draft {
  return Object.create(null) as Draft;
}

/** The object of that name, put there when there is none. */
export function innerOf(json: Draft, name: string): Draft {
  const inner = (json[name] as Draft | undefined) ?? draft();
  json[name] = inner;
  return inner;
}

/**
 * Puts what a query says into the JSON of a message. Fields inside of fields have dotted
 * names, as they are in the contract or in JSON; the key of a map stands in brackets; what is
 * repeated is given more than once.
 *
 * @throws Failure `invalid_request` that names every parameter which is wrong
 */
export function addParameters(json: Draft, query: URLSearchParams, of: Fields): void {
  const violations: FieldViolation[] = [];
  for (const name of new Set(query.keys())) {
    const [, path = name, key] = /^([^[]+)\[(.*)\]$/s.exec(name) ?? [];
    const problem = addParameter(json, path.split("."), key, query.getAll(name), of);
    if (problem !== undefined) violations.push({ field: name, description: problem });
  }
  const [first, ...more] = violations;
  if (first !== undefined) throw invalidRequest(first, ...more);
}

/** Whether a query can say such a field. */
export function isParameter(field: DescField): boolean {
  if (field.fieldKind === "map") return field.mapKind === "scalar";
  const { message } = field;
  return (
    message === undefined || texts.has(message.typeName) || (field.fieldKind === "message" && hasOwnFields(message))
  );
}

/** Whether a field holds others, which have parameters of their own. */
export function isNested(field: DescField): field is DescField & { message: DescMessage } {
  return field.fieldKind === "message" && !texts.has(field.message.typeName);
}

/** Those of the well-known types are no names that a caller knows. */
function hasOwnFields({ typeName }: DescMessage): boolean {
  return !typeName.startsWith("google.protobuf.");
}

const unknown = "no such parameter";
const givenAlready = "is given twice";

/** Says what is wrong with it, if anything is. */
function addParameter(
  json: Draft,
  [name = "", ...rest]: readonly string[],
  key: string | undefined,
  texts: readonly string[],
  of: Fields,
): string | undefined {
  const field = fieldNamed(of, name);
  if (field === undefined || !isParameter(field)) return unknown;
  if (isNested(field)) {
    if (rest.length === 0) return "has fields of its own: name one behind a dot";
    return addParameter(innerOf(json, field.jsonName), rest, key, texts, field.message);
  }
  if (rest.length > 0) return unknown;
  if (field.fieldKind === "map") return addEntry(innerOf(json, field.jsonName), key, texts);
  if (key !== undefined) return "has no entries";
  const isList = field.fieldKind === "list";
  if (json[field.jsonName] !== undefined || (texts.length > 1 && !isList)) return givenAlready;
  const values = texts.map((text) => jsonOf(field, text));
  if (values.includes(undefined)) return `must be ${choiceOf(field).join(" or ")}`;
  json[field.jsonName] = (isList ? values : values[0]) as JsonValue;
  return undefined;
}

function addEntry(entries: Draft, key: string | undefined, texts: readonly string[]): string | undefined {
  if (key === undefined) return "name an entry in brackets";
  if (texts.length > 1) return givenAlready;
  entries[key] = texts[0] ?? "";
  return undefined;
}

/** A text as the field's JSON, where numbers may be texts; undefined for what is none of the field's choice. */
function jsonOf(field: DescField, text: string): JsonValue | undefined {
  const choice = choiceOf(field);
  if (choice.length > 0 && !choice.includes(text)) return undefined;
  return field.scalar === ScalarType.BOOL ? text === "true" : text;
}

/** All that a field may be, where that can be said. */
function choiceOf(field: DescField): string[] {
  if (field.enum !== undefined) return field.enum.values.map(({ name }) => name);
  return field.scalar === ScalarType.BOOL ? ["true", "false"] : [];
}
