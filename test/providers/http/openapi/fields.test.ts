import { expect, test } from "vitest";
import {
  describe as describedBy,
  found,
  inPath,
  integer,
  listOf,
  object,
  operation,
  parameter,
  readOf,
  resourceOf,
  text,
  thing,
} from "./document.ts";

const fieldOf = (schema: unknown, more: Record<string, unknown> = {}) => {
  const [field] = resourceOf(operation(listOf(object({ a: schema }, { required: ["a"] }))), more).fields;
  return field!;
};

test.each([
  [{ type: "string" }, "string"],
  [{ type: "string", format: "email" }, "string"],
  [{ type: "string", format: "date" }, "date"],
  [{ type: "string", format: "date-time" }, "timestamp_tz"],
  [{ type: "string", format: "time" }, "time"],
  [{ type: "string", format: "uuid" }, "uuid"],
  [{ type: "string", format: "byte" }, "bytes"],
  [{ type: "string", format: "decimal" }, "decimal"],
  [{ type: "string", format: "int64" }, "int64"],
  [{ type: "string", enum: ["sad", "ok"] }, "enum"],
  [{ type: "integer" }, "int64"],
  [{ type: "integer", format: "int32" }, "int32"],
  [{ type: "integer", format: "uint64" }, "uint64"],
  [{ type: "number" }, "double"],
  [{ type: "number", format: "float" }, "float"],
  [{ type: "number", format: "decimal" }, "decimal"],
  [{ type: "boolean" }, "bool"],
  [{ type: "object", properties: { b: { type: "string" } } }, "json"],
  [{ type: "array", items: { type: "string" } }, "json"],
  [{ type: ["string", "integer"] }, "json"],
  [{ oneOf: [{ type: "string" }, { type: "integer" }] }, "json"],
  [{ anyOf: [{ type: "string", format: "date" }, { type: "null" }] }, "date"],
  [{ allOf: [{ type: "string" }, { format: "uuid" }] }, "uuid"],
  [{ type: "string", format: "toString" }, "string"],
  [{}, "json"],
])("a value of %j is read as %s", (schema, type) => {
  expect(fieldOf(schema).type).toBe(type);
});

test("seconds since 1970 are times when the format says so", () => {
  expect(fieldOf({ type: "integer", format: "unix-time" })).toMatchObject({
    type: "timestamp_tz",
    format: "epoch_seconds",
  });
});

test.each([
  ["required", text, false],
  ["nullable as in 3.0", { type: "string", nullable: true }, true],
  ["nullable as in 3.1", { type: ["string", "null"] }, true],
  ["nullable by an alternative", { oneOf: [{ type: "null" }, text] }, true],
  ["null among its values", { enum: ["a", null] }, true],
])("a field that is %s says whether it can be null", (_, schema, nullable) => {
  expect(fieldOf(schema).nullable).toBe(nullable);
});

test("a field that is not required can be null", () => {
  const { fields } = resourceOf(operation(listOf(object({ a: text }))));
  expect(fields).toMatchObject([{ name: "a", nullable: true }]);
});

test("a field says where it stands, what it is for, what the source calls its type and which labels it has", () => {
  const mood = { type: "string", enum: ["sad", "ok"], format: "mood", description: "How it feels.", readOnly: true };
  const [field] = resourceOf(operation(listOf(object({ "a/b~c": mood })))).fields;
  expect(field).toMatchObject({
    ...{ name: "a/b~c", path: "/a~1b~0c", type: "enum", enumLabels: ["sad", "ok"], nativeType: "string(mood)" },
    ...{ description: "How it feels.", readOnly: true },
  });
});

test("a description beside a reference is the one that is meant", () => {
  const components = { schemas: { Name: { type: "string", description: "Any name." } } };
  expect(fieldOf({ $ref: "#/components/schemas/Name", description: "Hers." }, { components }).description).toBe(
    "Hers.",
  );
  expect(fieldOf({ $ref: "#/components/schemas/Name" }, { components }).description).toBe("Any name.");
});

test("an object has the fields of all that it is put together from", () => {
  const schema = { allOf: [object({ a: text }), { allOf: [object({ b: text })] }], properties: { c: text } };
  expect(
    resourceOf(operation(listOf(schema)))
      .fields.map(({ name }) => name)
      .sort(),
  ).toEqual(["a", "b", "c"]);
});

test("of several kinds of rows each field is there, and can be null where not all have it", () => {
  const dog = object({ name: text, barks: { type: "boolean" } }, { required: ["name", "barks"] });
  const cat = object({ name: text, lives: integer }, { required: ["name", "lives"] });
  const { fields } = resourceOf(operation(listOf({ oneOf: [dog, cat] })));
  expect(fields.map(({ name, nullable }) => [name, nullable])).toEqual([
    ["name", false],
    ["barks", true],
    ["lives", true],
  ]);
});

test("rows that are no objects have a field `value`", () => {
  const { fields } = resourceOf(operation(listOf(text)));
  expect(fields).toMatchObject([{ name: "value", path: "", type: "string" }]);
});

test("what is only written is no field", () => {
  const { fields } = resourceOf(operation(listOf(object({ a: text, password: { type: "string", writeOnly: true } }))));
  expect(fields.map(({ name }) => name)).toEqual(["a"]);
});

test("attributes of JSON:API are fields of their own", () => {
  const row = object({ id: text, type: text, attributes: object({ title: text }), links: object({ self: text }) });
  const content = { "application/vnd.api+json": { schema: object({ data: listOf(row) }) } };
  const resource = resourceOf({ responses: { 200: { content } } });
  expect(resource.fields.map(({ name, path }) => [name, path])).toEqual([
    ["id", "/id"],
    ["type", "/type"],
    ["links", "/links"],
    ["title", "/attributes/title"],
  ]);
  expect(readOf(resource).rows).toEqual({ kind: "json_api" });
});

test("the key of rows is what names an item in the path, with what they belong to", () => {
  const issues = object({ id: integer, number: integer });
  const [owner, number] = [inPath("owner"), inPath("issue_number", integer)];
  const description = describedBy({
    "/repos/{owner}/issues": { get: operation(listOf(issues), { parameters: [owner] }) },
    "/repos/{owner}/issues/{issue_number}": { get: operation(issues, { parameters: [owner, number] }) },
  });
  const resource = found(description, "repos.issues");
  expect(resource.primaryKey).toEqual(["owner", "number"]);
  expect(resource.fields.filter(({ nullable }) => !nullable).map(({ name }) => name)).toEqual(["number", "owner"]);
});

test("a parameter that is no field of the rows is a field that they don't hold", () => {
  const get = operation(listOf(thing), { parameters: [parameter("as_of", { type: "string", format: "date" })] });
  expect(resourceOf(get).fields.at(-1)).toMatchObject({ name: "as_of", type: "date", nullable: true, parameter: true });
});
