import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Failure } from "../../../src/failure.ts";
import type { FilterNode, Operand, Operator } from "../../../src/providers/contract.ts";
import { lookUpResource } from "../../../src/providers/postgresql/catalogue.ts";
import { postgresqlDialect } from "../../../src/providers/postgresql/dialect.ts";
import { createTypeCatalogue } from "../../../src/providers/postgresql/types.ts";
import type { SqlResource } from "../../../src/providers/sql/dialect.ts";
import { compileSelect } from "../../../src/providers/sql/select.ts";
import { type Database, openDatabase } from "./client.ts";
import { compare, integer, select, text } from "./filtering.ts";

let database: Database;

beforeAll(async () => {
  database = await openDatabase();
});
afterAll(() => database.close());

const lookUp = (name: string) => lookUpResource(database.run, name, createTypeCatalogue());

function refusal(resource: SqlResource, filter: FilterNode): Failure {
  try {
    const query = { kind: "resource", resource: "", fields: [], filter, orderBy: [], limit: undefined } as const;
    compileSelect({ dialect: postgresqlDialect, resource, query });
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("fields of unusual types", () => {
  beforeAll(() =>
    database.execute(`
      CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext;
      CREATE DOMAIN positive AS int CHECK (VALUE > 0);
      CREATE DOMAIN tags AS text[];
      CREATE TYPE colour AS ENUM ('red', 'green "1"');
      CREATE TYPE pair AS (a int, b text);
      CREATE TABLE odd (
        id int PRIMARY KEY, small int2, padded char(5), folded ext.citext, dom positive, doms positive[], tagged tags,
        colours colour[], codes varchar(3)[], bits bit(3), net inet, doc jsonb, old json, spot point, pairs pair,
        span int4range, clock timetz, day date, ids oid, flag "char", name name, price real, uid uuid
      );
      INSERT INTO odd VALUES (1, 7, 'ab', 'Straße', 3, '{3,4}', '{x,NULL}', '{red}', '{a,b}', '101', '10.0.0.1',
        '{"a": 1}', '{}', '(1,2)', '(,)', '[1,5)', '10:00+02', '0044-03-15 BC', 4294967295, 'x', 'n', 0.1,
        '0190f3a2-7c1e-7b7a-9d2e-3f1b5c6d7e8f');
      INSERT INTO odd (id) VALUES (2);`),
  );

  test.each<[string, Operator, ...Operand[]]>([
    ["small", "eq", integer(7n)],
    ["small", "in", integer(7n), integer(-32_768n)],
    ["padded", "eq", text("ab")],
    ["padded", "starts_with", text("ab")],
    ["folded", "eq", text("sTRAßE")],
    ["folded", "in", text("sTRAßE")],
    ["folded", "contains", text("Str")],
    ["dom", "ge", integer(3n)],
    ["doms", "contains", integer(4n)],
    ["tagged", "contains", text("x")],
    ["tagged", "eq", text("{x,NULL}")],
    ["colours", "contains", text("red")],
    ["codes", "contains", text("b")],
    ["codes", "eq", text("{a,b}")],
    ["bits", "eq", text("101")],
    ["bits", "in", text("101"), text("000")],
    ["net", "lt", text("10.0.0.2")],
    ["doc", "eq", text('{ "a":1 }')],
    ["span", "eq", text("[1,4]")],
    ["clock", "eq", text("10:00:00+02")],
    ["day", "eq", text("0044-03-15 BC")],
    ["day", "lt", text("0001-01-01")],
    ["ids", "eq", integer(4_294_967_295n)],
    ["flag", "eq", text("x")],
    ["name", "in", text("n"), text("m")],
    ["price", "eq", { kind: "double", value: 0.1 }],
    ["uid", "eq", text("0190F3A2-7C1E-7B7A-9D2E-3F1B5C6D7E8F")],
  ])("%s %s its own value", async (field, operator, ...values) => {
    const resource = await lookUp("odd");
    expect(await select(database.run, resource, compare(field, operator, ...values), "id")).toEqual(["1"]);
  });

  test("a composite whose fields are all null is not null", async () => {
    expect(await select(database.run, await lookUp("odd"), compare("pairs", "is_null"), "id")).toEqual(["2"]);
  });

  test("an element that is not in an array with a null is not in it, rather than unknown", async () => {
    const filter: FilterNode = { kind: "not", operand: compare("tagged", "contains", text("y")) };
    expect(await select(database.run, await lookUp("odd"), filter, "id")).toEqual(["1"]);
  });

  test("a longer text does not match a type that would cut it off", async () => {
    const resource = await lookUp("odd");
    expect(await select(database.run, resource, compare("flag", "eq", text("xy")), "id")).toEqual([]);
    expect(await select(database.run, resource, compare("name", "eq", text(`n${"x".repeat(80)}`)), "id")).toEqual([]);
  });

  test.each<[string, Operator, Operand[], RegExp]>([
    ["old", "eq", [text("{}")], /json.*can't be compared/],
    ["doc", "lt", [text("1")], /jsonb.*no order/],
    ["spot", "gt", [text("(0,0)")], /point.*no order/],
    ["pairs", "eq", [text("(1,a)")], /pair.*can't be compared/],
    ["small", "contains", [integer(1n)], /neither a text nor an array/],
    ["small", "starts_with", [integer(1n)], /no text/],
  ])("%s %s is refused with its reason", async (field, operator, operands, reason) => {
    const failure = refusal(await lookUp("odd"), compare(field, operator, ...operands));
    expect(failure).toMatchObject({ kind: "invalid_request" });
    expect(failure.fields[0]).toMatchObject({
      field: "query.filter.compare.operator",
      description: expect.stringMatching(reason),
    });
  });

  test.each<[string, Operand, RegExp]>([
    ["small", integer(32_768n), /smallint.*-32768 to 32767; an integer was given/],
    ["small", text("7.5"), /a text was given/],
    ["small", { kind: "double", value: 7.5 }, /a number that is no integer was given/],
    ["ids", integer(-1n), /0 to 4294967295/],
    ["padded", integer(1n), /takes a text; an integer/],
    ["padded", text("a\0b"), /NUL/],
    ["padded", text("\ud800"), /well-formed/],
    ["padded", { kind: "null" }, /IS_NULL/],
    ["colours", text("reed"), /text such as/],
    ["uid", text("0190f3a2"), /such as `0190f3a2-/],
    ["day", text("2026-02-30"), /such as `2026-11-22`/],
    ["clock", text("25:00"), /13:45/],
    ["price", { kind: "double", value: 1e39 }, /single precision/],
    ["doc", text("{a:1}"), /JSON document/],
    ["doc", text("\0"), /NUL/],
  ])("%s refuses what does not fit it before anything is sent", async (field, operand, reason) => {
    const failure = refusal(await lookUp("odd"), compare(field, "eq", operand));
    expect(failure).toMatchObject({ kind: "invalid_request", where: "request" });
    expect(failure.fields).toMatchObject([
      { field: "query.filter.compare.values[0]", description: expect.stringMatching(reason) },
    ]);
  });

  test("a wrong label is answered with the nearest ones", async () => {
    await database.execute("CREATE TABLE painted (c colour)");
    const failure = refusal(await lookUp("painted"), compare("c", "eq", text('gren "1"')));
    expect(failure.message).toMatch(/one of its 2 labels; .* Did you mean `green "1"`\?/);
  });

  test("an unknown field is answered with the nearest ones", async () => {
    const failure = refusal(await lookUp("odd"), compare("folder", "eq", text("")));
    expect(failure).toMatchObject({ kind: "unknown_field", fields: [{ field: "query.filter.compare.field" }] });
    expect(failure.message).toContain("Did you mean `folded`?");
  });

  test.each<[Operator, number, RegExp]>([
    ["in", 0, /1 to 1000/],
    ["in", 1_001, /1 to 1000/],
    ["is_null", 1, /no operand/],
    ["eq", 0, /exactly one/],
    ["eq", 2, /exactly one/],
  ])("%s with %i operands is refused", async (operator, count, reason) => {
    const failure = refusal(await lookUp("odd"), compare("id", operator, ...Array<Operand>(count).fill(integer(1n))));
    expect(failure.fields).toMatchObject([
      { field: "query.filter.compare.values", description: expect.stringMatching(reason) },
    ]);
  });
});

describe("the size of a tree", () => {
  const leaf = compare("id", "is_null");
  const nested = (depth: number): FilterNode => {
    let node: FilterNode = leaf;
    for (let i = 1; i < depth; i++) node = { kind: "not", operand: node };
    return node;
  };
  const wide = (nodes: number): FilterNode => ({ kind: "or", operands: Array<FilterNode>(nodes - 1).fill(leaf) });

  beforeAll(() => database.execute("CREATE TABLE sized (id int); INSERT INTO sized VALUES (1)"));

  test("32 levels and 1,000 nodes are served", async () => {
    const resource = await lookUp("sized");
    expect(await select(database.run, resource, nested(32), "id")).toEqual(["1"]);
    expect(await select(database.run, resource, wide(1_000), "id")).toEqual([]);
  });

  test("more is refused, however much more", async () => {
    const resource = await lookUp("sized");
    for (const depth of [33, 1_000, 1_000_000]) expect(refusal(resource, nested(depth)).message).toMatch(/32 levels/);
    expect(refusal(resource, wide(1_001)).message).toMatch(/1000 nodes/);
    expect(refusal(resource, { kind: "and", operands: [] }).message).toMatch(/at least one/);
  });
});
