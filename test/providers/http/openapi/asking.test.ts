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
} from "./document.ts";

type Parts = Record<string, unknown>;

const time = { type: "string", format: "date-time" };
const order = object(
  { id: integer, status: text, createdAt: time, paid: { type: "integer", format: "unix-time" }, lines: listOf(text) },
  { required: ["id", "createdAt"] },
);

const readWith = (...parameters: Parts[]) => readOf(resourceOf(operation(listOf(order), { parameters })));
const filtersWith = (...parameters: Parts[]) => readWith(...parameters).filters;

test.each([
  [
    "is called as a field",
    parameter("status"),
    { field: "status", operator: "eq", slot: { in: "query", name: "status" } },
  ],
  ["is spelled otherwise", parameter("created_at", time), { field: "createdAt", operator: "eq" }],
  [
    "compares in brackets",
    parameter("created_at[gte]", time),
    { field: "createdAt", operator: "ge", slot: { in: "query", name: "created_at[gte]" } },
  ],
  ["compares as Django does", parameter("id__lt", integer), { field: "id", operator: "lt" }],
  ["takes seconds since 1970", parameter("paid", integer), { field: "paid", spelling: { time: "epoch_seconds" } }],
])("a parameter that %s is a filter", (_, given, rule) => {
  expect(filtersWith(given)).toMatchObject([rule]);
});

test("an object of comparisons is a filter each", () => {
  const created = parameter("created_at", object({ gt: time, lte: time, about: time }), { style: "deepObject" });
  expect(filtersWith(created)).toMatchObject([
    { field: "createdAt", operator: "gt", slot: { in: "query", name: "created_at[gt]" } },
    { field: "createdAt", operator: "le", slot: { in: "query", name: "created_at[lte]" } },
  ]);
});

test("a list is asked for at once, in one parameter or in several", () => {
  expect(filtersWith(parameter("status", listOf(text)))).toMatchObject([
    { operator: "eq" },
    { operator: "in", separator: undefined },
  ]);
  const joined = parameter("status", listOf(text), { explode: false });
  expect(filtersWith(joined)).toMatchObject([{ operator: "eq" }, { operator: "in", separator: "," }]);
});

test("a parameter that searches in a field is not equality of that field", () => {
  const [rule] = filtersWith(parameter("status", text, { description: "Statuses that contain this text." }));
  expect(rule).toMatchObject({ field: "status_parameter", operator: "eq" });
});

test("what a thing belongs to is asked for by a field of its own", () => {
  const get = operation(listOf(order), { parameters: [inPath("id")] });
  const { reads, fields } = found(describedBy({ "/customers/{id}/orders": { get } }), "customers.orders");
  expect(reads[0].filters).toMatchObject([{ field: "customer_id", slot: { in: "path", name: "id" } }]);
  expect(fields.at(-1)).toMatchObject({ name: "customer_id", parameter: true, nullable: false });
});

test("a credential is none of a query's business", () => {
  const components = { securitySchemes: { key: { type: "apiKey", in: "query", name: "api_key" } } };
  const parameters = [parameter("api_key"), { name: "Authorization", in: "header", required: true, schema: text }];
  const resource = resourceOf(operation(listOf(order), { parameters }), { components });
  expect(readOf(resource).filters).toEqual([]);
});

test.each([
  [
    "with a minus",
    [parameter("sort", { type: "string", enum: ["created_at", "-created_at", "status", "-status"] })],
    { names: { createdAt: "created_at" }, ascending: "{name}", descending: "-{name}" },
  ],
  [
    "by a parameter of its own",
    [
      parameter("sort", { type: "string", enum: ["created", "id"] }),
      parameter("direction", { type: "string", enum: ["asc", "desc"] }),
    ],
    {
      names: { createdAt: "created", id: "id" },
      direction: { slot: { in: "query", name: "direction" }, ascending: "asc", descending: "desc" },
    },
  ],
  [
    "behind the name",
    [parameter("order_by", { type: "string", enum: ["id:asc", "id:desc"] })],
    { names: { id: "id" }, ascending: "{name}:asc", descending: "{name}:desc" },
  ],
])("rows are put in order %s, by fields that are never null", (_, parameters, rule) => {
  const read = readWith(...parameters);
  expect(read.order).toMatchObject(rule);
  expect(read.filters).toEqual([]);
});

test("what a path has in braces is asked for, whether or not it is described", () => {
  const get = operation(listOf(order), { parameters: [inPath("nowhere")] });
  const { reads } = found(describedBy({ "/shops/{shop}/orders": { get } }), "shops.orders");
  expect(reads[0].filters.map(({ field, slot }) => [field, slot])).toEqual([["shop", { in: "path", name: "shop" }]]);
});
