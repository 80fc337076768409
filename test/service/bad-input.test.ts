/** Queries that ask for what is not there, or for it in a wrong way. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { and, field, type QueryInput } from "../../src/client/index.ts";
import { connectorTo } from "../support/service.ts";
import { allRows, cities, expectAllAsBefore, refusalOf, refusalOfQuery } from "./refusal.ts";
import { type Source, serviceWithSource } from "./source.ts";

let source: Source;

beforeAll(async () => {
  source = await serviceWithSource(cities);
});
afterEach(() => expectAllAsBefore(source));
afterAll(() => source.stop());

const invalid = { code: "InvalidArgument", where: "request" };

describe("a name that is not there is refused with the nearest names", () => {
  test.each<[string, QueryInput, string, string, string]>([
    ["resource", { resource: "citty" }, "UNKNOWN_RESOURCE", "query.resource", "public.city"],
    ["schema of a resource", { resource: "publik.city" }, "UNKNOWN_RESOURCE", "query.resource", "public.city"],
    ["field", { resource: "city", fields: ["id", "nmae"] }, "UNKNOWN_FIELD", "query.fields[1]", "name"],
    [
      "field of a filter",
      { resource: "city", filter: and(field("id").eq(1), field("contry").eq("CH")) },
      "UNKNOWN_FIELD",
      "query.filter.and.filters[1].compare.field",
      "country",
    ],
    ["field of where", { resource: "city", where: { contry: "CH" } }, "UNKNOWN_FIELD", "query.where.contry", "country"],
    [
      "field of an order",
      { resource: "city", orderBy: ["id", "-populaton"] },
      "UNKNOWN_FIELD",
      "query.order_by[1].field",
      "population",
    ],
  ])("%s", async (_what, query, reason, at, near) => {
    const refusal = await refusalOfQuery(source, query);
    expect(refusal).toMatchObject({ ...invalid, reason, fields: [at] });
    expect(refusal.remedy).toContain("as GetSchema shows it");
    expect(refusal.descriptions[0]).toMatch(new RegExp(`Did you mean (.*, |.* or )?\`${near}\``));
  });

  test("provider", async () => {
    const call = source.client.createConnector({ ...connectorTo(source.url), name: "other", provider: "postgres" });
    const refusal = await refusalOf(call);
    expect(refusal).toMatchObject({ ...invalid, reason: "INVALID_REQUEST", fields: ["provider"] });
    expect(refusal.message).toContain('"postgresql"');
    expect(refusal.remedy).toContain("ListProviders");
  });
});

describe("a value of a wrong type is refused with what the type takes", () => {
  test.each<[string, string, Parameters<ReturnType<typeof field>["eq"]>[0], RegExp]>([
    ["a number for a text", "name", 7, /text, which takes a text; an integer was given/],
    ["a text for an integer", "population", "many", /integer, which takes an integer from -2147483648 to 2147483647/],
    ["an integer out of range", "small", 40_000, /smallint, which takes an integer from -32768 to 32767/],
    ["an integer out of all ranges", "id", 2n ** 63n, /bigint, which takes an integer from -9223372036854775808 to/],
    ["a fraction for an integer", "population", 1.5, /a number that is no integer was given/],
    ["a text that is no UUID", "key", "0190f3a2", /uuid, which takes a text such as/],
    ["a date that is none", "founded", "2026-02-30", /date, which takes a text such as `2026-11-22`/],
    ["an instant without an offset", "seen", "2026-11-22 10:00:00", /with its offset/],
    ["a text for a boolean", "capital", "perhaps", /boolean, which takes true or false/],
    ["a text for a decimal", "area", "1,5", /numeric\(10,2\), which takes a number/],
    ["bytes for an integer", "id", new Uint8Array([1]), /bytes was given/],
  ])("%s", async (_what, name, value, description) => {
    const refusal = await refusalOfQuery(source, { resource: "city", filter: field(name).eq(value) });
    const at = "query.filter.compare.values[0]";
    expect(refusal).toMatchObject({ ...invalid, reason: "INVALID_REQUEST", fields: [at] });
    expect(refusal.descriptions[0]).toMatch(description);
  });

  test("in a list of where", async () => {
    const refusal = await refusalOfQuery(source, { resource: "city", where: { id: [1, 2, "three"] } });
    expect(refusal).toMatchObject({ ...invalid, reason: "INVALID_REQUEST", fields: ["query.where.id[2]"] });
  });

  test("in a parameter of a statement", async () => {
    const query = { native: "SELECT $1::text, $2::int", parameters: ["one", "two"] };
    const refusal = await refusalOfQuery(source, query);
    expect(refusal).toMatchObject({ ...invalid, reason: "INVALID_REQUEST", fields: ["query.native.parameters[1]"] });
    expect(refusal.descriptions[0]).toContain("takes an integer from -2147483648 to 2147483647");
  });
});

test.each([
  ["too few", "SELECT $1::int + $2::int", [1], /The highest parameter is `\$2`, and 1 were given/],
  ["too many", "SELECT 1", [1, 2], /The statement has no parameter, and 2 were given/],
])("%s parameters are refused with their number", async (_what, native, parameters, description) => {
  const refusal = await refusalOfQuery(source, { native, parameters });
  expect(refusal).toMatchObject({ ...invalid, reason: "INVALID_REQUEST", fields: ["query.native.parameters"] });
  expect(refusal.descriptions[0]).toMatch(description);
});

test.each<[string, QueryInput, string]>([
  ["resource", { resource: "ci\0ty" }, "query.resource"],
  ["field", { resource: "city", fields: ["na\0me"] }, "query.fields[0]"],
  ["field of an order", { resource: "city", orderBy: ["na\0me"] }, "query.order_by[0].field"],
  ["field of where", { resource: "city", where: { "na\0me": "Bern" } }, "query.where.na\0me"],
  ["operand", { resource: "city", filter: field("name").eq("Be\0rn") }, "query.filter.compare.values[0]"],
  ["statement", { native: "SELECT 1\0; DROP TABLE city" }, "query.native.text"],
  ["statement that seems empty", { native: "\0DROP TABLE city" }, "query.native.text"],
  ["parameter", { native: "SELECT $1::text", parameters: ["Be\0rn"] }, "query.native.parameters[0]"],
])("a NUL in a %s is refused", async (_what, query, at) => {
  expect(await refusalOfQuery(source, query)).toMatchObject({ ...invalid, fields: [at] });
});

test("every part of a query that a statement must hold itself is refused beside one", async () => {
  const { client, connectorId } = source;
  const call = client.rpc.query({
    connectorId,
    query: {
      source: { case: "native", value: { text: "SELECT 1" } },
      fields: ["id"],
      filter: field("id").eq(1),
      where: { id: 1 },
      orderBy: [{ field: "id" }],
      limit: 1n,
    },
  });
  expect(await refusalOf(call)).toMatchObject({
    ...invalid,
    reason: "INVALID_REQUEST",
    fields: ["query.fields", "query.filter", "query.where", "query.order_by", "query.limit"],
  });
});

describe("sizes", () => {
  test.each([
    ["page size", { pageSize: -1 }, "page_size"],
    ["page size of the least integer", { pageSize: -(2 ** 31) }, "page_size"],
  ])("a negative %s is refused", async (_what, options, at) => {
    const call = source.client.query(source.connectorId, { resource: "city" }, options);
    expect(await refusalOf(call)).toMatchObject({ ...invalid, reason: "INVALID_REQUEST", fields: [at] });
  });

  test("a negative limit is refused", async () => {
    const refusal = await refusalOfQuery(source, { resource: "city", limit: -1 });
    expect(refusal).toMatchObject({ ...invalid, reason: "INVALID_REQUEST", fields: ["query.limit"] });
  });

  test("the greatest page size means the greatest page, never more than it", async () => {
    await source.run("CREATE TABLE many AS SELECT generate_series(1, 10001) AS n");
    const page = await source.client.query(source.connectorId, { resource: "many" }, { pageSize: 2 ** 31 - 1 });
    expect(page.rows).toHaveLength(10_000);
    expect(page.nextPageToken).not.toBe("");
    const rest = await source.client.query(
      source.connectorId,
      { resource: "many" },
      { pageSize: 2 ** 31 - 1, pageToken: page.nextPageToken },
    );
    expect(rest).toMatchObject({ rows: { length: 1 }, nextPageToken: "" });
  });

  test("the greatest limit means all rows", async () => {
    const query = { resource: "city", limit: 2n ** 63n - 1n };
    expect((await source.client.query(source.connectorId, query)).rows).toHaveLength(3);
    expect(await allRows(source.client.stream(source.connectorId, query))).toHaveLength(3);
  });
});
