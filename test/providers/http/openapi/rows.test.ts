import { expect, test } from "vitest";
import type { ReadOperation } from "../../../../src/providers/http/declaration.ts";
import {
  describe as describedBy,
  found,
  inPath,
  integer,
  listOf,
  object,
  operation,
  readOf,
  resourceOf,
  text,
  thing,
} from "./document.ts";

const rowsOf = (answer: unknown) => readOf(resourceOf(operation(answer))).rows;
const pages = { total: integer, next_cursor: text };

test.each([
  ["the answer itself", listOf(thing), ""],
  ["the only list in it", object({ stuff: listOf(thing), ...pages }), "/stuff"],
  [
    "the list that is called as the path's last part",
    object({ warnings: listOf(thing), things: listOf(thing) }),
    "/things",
  ],
  ["the list that has a common name", object({ included: listOf(thing), data: listOf(thing) }), "/data"],
  ["the only list of objects", object({ tags: listOf(text), entries: listOf(thing) }), "/entries"],
  [
    "the list in an object of it",
    object({ ok: { type: "boolean" }, meta: object({ parts: listOf(thing) }) }),
    "/meta/parts",
  ],
  ["a list of texts", object({ data: listOf(text) }), "/data"],
])("rows are %s", (_, answer, rows) => {
  expect(rowsOf(answer)).toMatchObject({ kind: "json", rows });
});

test.each([
  ["the answer itself", object({ id: text, roles: listOf(thing) }), ""],
  ["a thing that has a list and facts of its own", object({ login: text, plan: text, roles: listOf(thing) }), ""],
  ["the only object in it", object({ ok: { type: "boolean" }, thing }), "/thing"],
])("one row is %s", (_, answer, rows) => {
  const read = readOf(resourceOf(operation(answer)));
  expect(read.rows).toMatchObject({ kind: "json", rows });
  expect(read.paging.style).toBe("none");
});

test.each([
  ["that is required is always there", object({ data: listOf(thing) }, { required: ["data"] }), undefined],
  ["that is not may be left out when it is empty", object({ data: listOf(thing) }), "none"],
  [
    "in an object that may be left out may be so, too",
    object({ ok: text, meta: object({ parts: listOf(thing) }, { required: ["parts"] }) }),
    "none",
  ],
])("a list %s", (_, answer, absent) => {
  const { rows } = readOf(resourceOf(operation(answer)));
  expect("absent" in rows ? rows.absent : undefined).toBe(absent);
});

test("a list in a thing that its path names is one of its fields", () => {
  const file = object({ title: text, branches: listOf(thing) });
  const get = operation(file, { parameters: [inPath("key")] });
  const resource = found(describedBy({ "/files/{key}": { get } }), "files");
  expect(readOf(resource).rows).toEqual({ kind: "json", rows: "" });
  expect(resource.fields.map(({ name }) => name)).toEqual(["title", "branches", "key"]);
});

test("lines of JSON are rows", () => {
  const content = { "application/x-ndjson": { schema: thing } };
  expect(readOf(resourceOf({ responses: { 200: { content } } })).rows).toEqual({ kind: "ndjson" });
});

test("one row is read by its key, and all of them without", () => {
  const get = operation(listOf(thing));
  const getOne = operation(object({ thing }), { parameters: [inPath("thing_id")] });
  const description = describedBy({ "/things": { get }, "/things/{thing_id}": { get: getOne } });
  expect(description.resources).toHaveLength(1);
  const { reads } = found(description, "things");
  expect(reads.map(({ path, missing }: ReadOperation) => [path, missing])).toEqual([
    ["/things/{thing_id}", "no_rows"],
    ["/things", "unknown_resource"],
  ]);
  expect(reads[0].filters).toMatchObject([{ field: "id", operator: "eq", slot: { in: "path", name: "thing_id" } }]);
});

test("an item that is another thing than the list's rows is a resource of its own", () => {
  const other = object({ size: integer, colour: text, weight: integer });
  const getOne = operation(other, { parameters: [inPath("id")] });
  const description = describedBy({ "/things": { get: operation(listOf(thing)) }, "/things/{id}": { get: getOne } });
  expect(description.resources.map(({ name }) => name)).toEqual(["things", "things.by_id"]);
});

test.each([
  ["/v1/customers/{id}/orders", "customers.orders"],
  ["/api/v2/tax rates", "tax_rates"],
  ["/2026-09/contacts.json", "contacts"],
])("what is at %s is called %s", (path, name) => {
  const parameters = path.includes("{") ? [inPath("id")] : [];
  const { resources } = describedBy({ [path]: { get: operation(listOf(thing), { parameters }) } });
  expect(resources.map((resource) => resource.name)).toEqual([name]);
});

test("two resources never have one name", () => {
  const get = operation(listOf(thing));
  const getAt = operation(listOf(thing), { parameters: [inPath("team")] });
  const description = describedBy({
    "/v1/things": { get },
    "/v2/things": { get },
    "/v2/{team}/things": { get: getAt },
    "/v2/{team}/things.json": { get: { ...getAt, operationId: "list things/again" } },
  });
  const names = ["things", "v2.things", "things.by_team", "list_things_again"];
  expect(description.resources.map(({ name }) => name)).toEqual(names);
});

test("the path of the document's server is in front where the connector's URL has none", () => {
  const more = { servers: [{ url: "https://api.example.com/v1/" }] };
  expect(readOf(resourceOf(operation(listOf(thing)), more)).path).toBe("/v1/things");
});
