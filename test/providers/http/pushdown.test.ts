/** What of a query goes to the source, in which words, and what is refused or done here. */
import { beforeEach, expect, test } from "vitest";
import type { FilterNode, Operand, Operator, ResourceQuery, Session } from "../../../src/providers/contract.ts";
import { queryOf, sessionWith, type TestApi, testApi, textsOf } from "./api.ts";
import { callFor } from "./stage.ts";

const rows = [
  { id: 1, name: "Ann", vip: true, born: "1990-05-01", seen: "2026-11-22T10:00:00.5Z", town: null, labels: ["a"] },
  { id: 2, name: "Bob", vip: false, born: null, seen: "2026-11-22T12:00:00+02:00", town: "Bern", labels: [] },
  { id: 3, name: "Cleo", vip: null, born: "2001-01-31", seen: null, town: "Chur", labels: null },
];

const customers = {
  ...{
    name: "customers",
    path: "/shops/{shop}/customers",
    primary_key: ["id"],
    rows: { format: "json", path: "/data" },
  },
  query: { view: "full" },
  fields: [
    { name: "shop", type: "string", parameter: true },
    { name: "id", type: "int64", nullable: false },
    { name: "name", type: "string" },
    { name: "vip", type: "bool" },
    { name: "born", type: "date" },
    { name: "seen", type: "timestamp_tz" },
    { name: "town", type: "string" },
    { name: "labels", type: "json" },
  ],
  filters: [
    { field: "id", operators: ["in"], parameter: "ids", separator: "," },
    { field: "name", operators: ["eq"] },
    { field: "vip", parameter: "is_vip", booleans: ["1", "0"] },
    { field: "seen", operators: ["ge"], parameter: "seen[gte]", times: "epoch_seconds" },
    { field: "seen", operators: ["lt"], parameter: "seen", value: "before:{value}" },
    { field: "town", operators: ["is_null"], parameter: "homeless", value: "yes" },
    { field: "name", operators: ["contains"], parameter: "search", value: "contains(name,'{value}')" },
    { field: "town", operators: ["not_in"], parameter: { header: "X-Not-In" }, separator: "|" },
  ],
  order: { parameter: "sort", fields: ["id", { field: "name", name: "n" }], descending: null },
  select: { parameter: "only", fields: ["name", "town"], separator: " " },
  lookups: [{ path: "/shops/{shop}/customers/{id}", rows: { format: "json" } }],
};

let api: TestApi;
let session: Required<Omit<Session, "test">>;
beforeEach(async () => {
  api = await testApi(({ path }) => {
    const [, id] = /customers\/(.+)$/.exec(path) ?? [];
    const row = rows.find((each) => String(each.id) === id);
    if (id === undefined) return { json: { data: rows } };
    return row === undefined ? { status: 404 } : { json: row };
  });
  session = sessionWith(api.url, { resources: [customers] });
});

const operandOf = (value: string | number | boolean): Operand =>
  typeof value === "string"
    ? { kind: "text", value }
    : typeof value === "boolean"
      ? { kind: "bool", value }
      : { kind: "integer", value: BigInt(value) };
const compare = (field: string, operator: Operator, ...values: (string | number | boolean)[]): FilterNode => {
  return { kind: "compare", field, operator, values: values.map(operandOf), path: `query.filter.${field}` };
};
const and = (...operands: FilterNode[]): FilterNode => ({ kind: "and", operands });
const or = (...operands: FilterNode[]): FilterNode => ({ kind: "or", operands });
const not = (operand: FilterNode): FilterNode => ({ kind: "not", operand });
const shop = compare("shop", "eq", "a/b ?");

async function ask(filter: FilterNode | undefined, more: Partial<ResourceQuery> = {}) {
  const page = await session.query(
    queryOf("customers", { filter, ...more }),
    { size: 10, continuation: undefined, maxBytes: 1_000_000 },
    callFor(),
  );
  const [asked] = api.asked.slice(-1);
  return {
    page,
    ids: textsOf(page).map(([, id]) => id),
    path: asked?.path,
    search: asked?.parameters.toString(),
    asked,
  };
}

const sent: Readonly<Record<string, readonly [FilterNode[], string]>> = {
  nothing: [[], "view=full"],
  "a list": [[compare("id", "in", 1, 2)], "view=full&ids=1%2C2"],
  "a list of one": [[compare("name", "in", "Ann & co")], "view=full&name=Ann+%26+co"],
  "a boolean in the source's words": [[compare("vip", "eq", false)], "view=full&is_vip=0"],
  "a time as seconds": [[compare("seen", "ge", "2026-11-22T12:00:00.5+02:00")], "view=full&seen%5Bgte%5D=1795341600.5"],
  "a time with words around it": [
    [compare("seen", "lt", "2026-11-22 10:00:00Z")],
    "view=full&seen=before%3A2026-11-22T10%3A00%3A00Z",
  ],
  "null by a word": [[compare("town", "is_null")], "view=full&homeless=yes"],
  "what is negated twice": [[not(not(compare("vip", "eq", true)))], "view=full&is_vip=1"],
};

test.each(Object.entries(sent))("%s goes to the source", async (_, [filters, search]) => {
  const asked = await ask(and(shop, ...filters));
  expect([asked.path, asked.search]).toEqual(["/shops/a%2Fb%20%3F/customers", search]);
  expect(asked.page.postFiltered).toEqual([]);
});

test("a negated list goes where the source takes it", async () => {
  const { asked } = await ask(and(shop, not(compare("town", "in", "Bern", "Chur"))));
  expect(asked?.headers["x-not-in"]).toBe("Bern|Chur");
});

test("the field that only a filter knows has its value in every row", async () => {
  const { page } = await ask(shop, { fields: ["name", "shop"] });
  expect(textsOf(page)).toEqual(["Ann", "Bob", "Cleo"].map((name) => [name, "a/b ?"]));
});

test("a filter by the key looks one row up, and finds none where there is none", async () => {
  const found = await ask(and(shop, compare("id", "eq", 2)));
  expect([found.path, found.ids]).toEqual(["/shops/a%2Fb%20%3F/customers/2", ["2"]]);
  expect((await ask(and(shop, compare("id", "eq", 9)))).ids).toEqual([]);
});

test("order and fields go in the source's words", async () => {
  const { search } = await ask(shop, { fields: ["name", "born"], orderBy: [{ field: "name", descending: false }] });
  expect(search).toBe("view=full&sort=n&only=name");
});

const impossible: Readonly<Record<string, readonly [FilterNode, string, RegExp]>> = {
  "an operator that it lacks": [
    compare("name", "gt", "B"),
    "query.filter.name",
    /can't carry out GT of `name`.*asked EQ/,
  ],
  "a field that it does not filter by": [compare("born", "eq", "2001-01-31"), "query.filter.born", /asked nothing/],
  "one of several": [
    or(compare("name", "eq", "Ann"), compare("vip", "eq", true)),
    "query.filter.name",
    /joined by AND/,
  ],
  "the same parameter twice": [
    and(compare("name", "eq", "Ann"), compare("name", "eq", "Bob")),
    "query.filter.name",
    /each once/,
  ],
  "a value that ends the text it stands in": [
    compare("name", "contains", "x') or ('1"),
    "query.filter.name",
    /CONTAINS/,
  ],
  "a value that keeps the text it stands in from ending": [
    compare("name", "contains", "x\\"),
    "query.filter.name",
    /CONTAINS/,
  ],
  "a value that holds what stands between two": [not(compare("town", "in", "a|b", "c")), "query.filter.town", /NOT_IN/],
};

test.each(Object.entries(impossible))(
  "%s is refused with what is possible, before anything is sent",
  async (_, [filter, field, words]) => {
    const asking = ask(and(shop, filter));
    await expect(asking).rejects.toMatchObject({ kind: "invalid_request", message: expect.stringMatching(words) });
    await expect(asking).rejects.toMatchObject({
      fields: expect.arrayContaining([expect.objectContaining({ field })]),
    });
    await expect(asking).rejects.toMatchObject({ remedy: expect.stringContaining("allow_post_filter") });
    expect(api.asked).toEqual([]);
  },
);

const done: Readonly<Record<string, readonly [FilterNode, string[]]>> = {
  "an operator that the source lacks": [compare("name", "gt", "B"), ["2", "3"]],
  "a negated one": [not(compare("name", "starts_with", "B")), ["1", "3"]],
  "null is never equal": [not(compare("born", "eq", "2001-01-31")), ["1"]],
  "one of several": [or(compare("name", "eq", "Ann"), compare("town", "eq", "Chur")), ["1", "3"]],
  "an instant with another offset": [compare("seen", "eq", "2026-11-22T11:00:00.500+01:00"), ["1"]],
  "not null": [not(compare("born", "is_null")), ["1", "3"]],
};

test.each(Object.entries(done))(
  "%s is done here when the caller allows it, and the answer says so",
  async (_, [filter, ids]) => {
    const asked = await ask(and(shop, filter), { allowPostFilter: true });
    expect(asked.ids).toEqual(ids);
    expect(asked.page.postFiltered?.length).toBeGreaterThan(0);
    const explained = await session.explain(
      queryOf("customers", { filter: and(shop, filter), allowPostFilter: true }),
      { size: 10, continuation: undefined, maxBytes: 1 },
      callFor(),
    );
    expect(explained).toMatchObject({ postFiltered: asked.page.postFiltered, pushedDown: ["query.filter.shop"] });
  },
);

test.each([
  [
    "an order that it can't",
    { orderBy: [{ field: "born", descending: false }] },
    /can't order by `born`; it can by `id`, `name`/,
  ],
  ["a direction that it lacks", { orderBy: [{ field: "name", descending: true }] }, /ascending only/],
  [
    "two keys",
    {
      orderBy: [
        { field: "id", descending: false },
        { field: "name", descending: false },
      ],
    },
    /one field only/,
  ],
  ["what has no order", { orderBy: [{ field: "labels", descending: false }] }, /have no order/],
] as const)("%s is refused, whatever the caller allows", async (_, more, words) => {
  const asking = ask(shop, { ...more, allowPostFilter: true });
  await expect(asking).rejects.toMatchObject({ kind: "invalid_request", message: expect.stringMatching(words) });
});

test("what the path needs must be given", async () => {
  await expect(ask(undefined)).rejects.toMatchObject({ message: expect.stringContaining("equality filter of `shop`") });
  const wrong = and(compare("shop", "ne", "a"));
  await expect(ask(wrong, { allowPostFilter: true })).rejects.toMatchObject({ kind: "invalid_request" });
});

test.each(["..", ".", "", "../admin", "a/../../admin", "a\\..\\admin", "./", "a/."])(
  "the value %j leads to no other path",
  async (value) => {
    await expect(ask(compare("shop", "eq", value))).rejects.toMatchObject({
      ...{ kind: "invalid_request", message: expect.stringContaining("source's path") },
    });
    expect(api.asked).toEqual([]);
  },
);

test("an explanation has the request without its values", async () => {
  const filter = and(compare("shop", "eq", "canary"), compare("name", "eq", "canary"));
  const query = queryOf("customers", { filter, fields: ["name"] });
  const explained = await session.explain(query, { size: 10, continuation: undefined, maxBytes: 1 }, callFor());
  expect(explained.statement).toBe("GET /shops/{shop}/customers?view=full&name={}&only={}");
  expect(explained.parameters).toEqual(["canary", "canary", "name"]);
  expect(explained.pushedDown).toEqual(["fields", "filter"]);
});

test("the schema says what can be asked of each field", async () => {
  const [resource] = await session.schema(callFor());
  expect(resource).toMatchObject({ name: "customers", kind: "collection", primaryKey: ["id"] });
  const comments = Object.fromEntries(resource?.fields.map(({ name, comment }) => [name, comment]) ?? []);
  expect(comments).toMatchObject({
    ...{ shop: "[filter: eq; required; parameter]", id: "[filter: eq, in; order]", born: "" },
    ...{ seen: "[filter: ge, lt]", town: "[filter: is_null, not_in]" },
  });
});

test("fields that nobody has declared are inferred from rows", async () => {
  const inferred = { name: "people", path: "/people", rows: { format: "json", path: "/data" } };
  session = sessionWith(api.url, { resources: [inferred] });
  const page = await session.query(queryOf("people"), { size: 10, continuation: undefined, maxBytes: 1e6 }, callFor());
  expect(page.fields.map(({ name, type }) => [name, type])).toEqual([
    ...[
      ["id", "int64"],
      ["name", "string"],
      ["vip", "bool"],
      ["born", "date"],
      ["seen", "timestamp_tz"],
    ],
    ...[
      ["town", "string"],
      ["labels", "json"],
    ],
  ]);
  const [resource] = await session.schema(callFor());
  expect(resource?.fields).toHaveLength(7);
});

test("the schema says why it has no fields of a resource: its rows can't be read, or there are none", async () => {
  const rows = (path: string) => ({ format: "json", path });
  const resources = [
    { name: "garbled", description: "People.", path: "/people", rows: { format: "xml", path: "/people/one" } },
    { name: "elsewhere", path: "/people", rows: rows("/items") },
    { name: "asked", path: "/people/{id}" },
  ];
  session = sessionWith(api.url, { resources });
  const described = await session.schema(callFor());
  expect(Object.fromEntries(described.map(({ name, comment }) => [name, comment]))).toEqual({
    garbled: expect.stringMatching(/^People\. \[no fields: .* can't be inferred from XML/),
    elsewhere: expect.stringMatching(/^\[no fields: .* no rows at `\/items`/),
    asked: expect.stringMatching(/^\[no fields: .* by a filter only/),
  });
});
