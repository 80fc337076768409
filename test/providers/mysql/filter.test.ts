import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Failure } from "../../../src/failure.ts";
import type { FilterNode, Operand, Operator } from "../../../src/providers/contract.ts";
import { type CompiledSelect, compileSelect, nextContinuation } from "../../../src/providers/sql/select.ts";
import { integer, queryOf, type Source, text } from "../sql/engine.ts";
import { mariadb } from "./engine.ts";

let source: Source;

beforeAll(async () => {
  source = await mariadb.open();
  for (const statement of tables) await source.run(statement, []);
});
afterAll(() => source.close());

const tables = [
  `CREATE TABLE odd (
    id int PRIMARY KEY, small smallint, big bigint unsigned, price float, exact decimal(5,2), y year, day date,
    held date NOT NULL, at timestamp(6) NULL, clock time(6), bits bit(4), mood enum('sad','ok') CHARACTER SET utf8mb4,
    tags set('x','y'), doc json, spot point, raw varbinary(9), german varchar(9) CHARACTER SET latin1 COLLATE latin1_german1_ci,
    fixed char(5), INDEX (price), INDEX (mood), INDEX (day), INDEX (german), INDEX (fixed), INDEX (at), INDEX (raw))`,
  `INSERT INTO odd VALUES (1, 7, 18446744073709551615, 0.1, 0.50, 1901, '2026-00-00', '0000-00-00',
    '2026-11-22 13:45:00.000001', '-838:59:59', b'0101', 'ok', 'x,y', '{"a": 1}', POINT(1, 2), x'00ff', 'Grün', 'a_b')`,
  "INSERT INTO odd (id, held) VALUES (2, '2026-11-22')",
  "CREATE TABLE pair (a int, b varchar(20), v int, PRIMARY KEY (a, b))",
  `INSERT INTO pair WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
    SELECT i % 50, i, i FROM n`,
  "CREATE TABLE story (id int PRIMARY KEY, tale text)",
  ...[3, 1, 2].map((n) => `INSERT INTO story VALUES (${n}, CONCAT(REPEAT('once ', 900), ${9 - n}))`),
];

const compare = (field: string, operator: Operator, ...values: Operand[]): FilterNode => ({
  kind: "compare",
  ...{ field, operator, values, path: "query.filter.compare" },
});

async function compiled(filter: FilterNode, table = "odd") {
  const resource = await source.resource(table);
  return compileSelect({ dialect: source.dialect, resource, query: queryOf(resource, { filter }) });
}

async function idsOf(filter: FilterNode) {
  const { text: sql, parameters } = await compiled(filter);
  return (await source.run(sql, parameters)).map(([id]) => id);
}

/** The server's plan of a statement. */
async function planOf({ text: sql, parameters }: Pick<CompiledSelect, "text" | "parameters">) {
  const [row] = await source.run(`EXPLAIN FORMAT=JSON ${sql}`, parameters);
  return row?.[0] ?? "";
}

describe("fields of unusual types", () => {
  test.each<[string, Operator, ...Operand[]]>([
    ["small", "in", integer("7"), integer("-32768")],
    ["big", "eq", integer("18446744073709551615")],
    ["big", "gt", integer("18446744073709551614")],
    ["price", "eq", { kind: "double", value: 0.1 }],
    ["price", "in", text("0.1"), text("7")],
    ["exact", "eq", text("5e-1")],
    ["exact", "lt", text("1e34")],
    ["exact", "gt", text("0.4999999999999999999999999999")],
    ["y", "eq", integer("1901")],
    ["day", "eq", text("2026-00-00")],
    ["held", "lt", text("2026-01-01")],
    ["at", "eq", text("2026-11-22T15:15:00.000001+01:30")],
    ["clock", "lt", text("-838:59:58.5")],
    ["bits", "eq", text("0101")],
    ["bits", "lt", text("0110")],
    ["mood", "gt", text("sad")],
    ["tags", "eq", text("x,y")],
    ["tags", "contains", text("y")],
    ["doc", "eq", text('{"a":1}')],
    ["raw", "eq", { kind: "bytes", value: Buffer.from([0, 255]) }],
    ["german", "eq", text("GRÜN")],
    ["german", "ne", text("𝒳")],
    ["german", "starts_with", text("Grü")],
    ["fixed", "contains", text("_")],
  ])("%s %s its own value", async (field, operator, ...values) => {
    expect(await idsOf(compare(field, operator, ...values))).toEqual(["1"]);
  });

  test("a date of zeros is not null, where a server takes it for null", async () => {
    expect(await idsOf(compare("held", "is_null"))).toEqual([]);
    expect(await idsOf({ kind: "not", operand: compare("held", "is_null") })).toEqual(["1", "2"]);
  });

  test.each<[string, Operator, Operand[], RegExp]>([
    ["spot", "eq", [text("\\x00")], /point.*can't be compared/],
    ["doc", "lt", [text("1")], /json.*no order/],
    ["tags", "gt", [text("x")], /set.*no order/],
    ["small", "starts_with", [integer("1")], /no text/],
  ])("%s %s is refused with its reason", async (field, operator, operands, reason) => {
    await expect(compiled(compare(field, operator, ...operands))).rejects.toThrow(reason);
  });

  test.each<[string, Operand, RegExp]>([
    ["small", integer("32768"), /-32768 to 32767; an integer was given/],
    ["big", integer("-1"), /0 to 18446744073709551615/],
    ["price", text("NaN"), /single precision/],
    ["exact", text("Infinity"), /at most 65 digits, 30 of them behind the point/],
    ["exact", text("1e65"), /at most 65 digits/],
    ["exact", text("1e-31"), /30 of them behind the point/],
    ["y", integer("2156"), /0 to 2155/],
    ["day", text("infinity"), /such as `2026-11-22`/],
    ["day", text("0044-03-15 BC"), /such as `2026-11-22`/],
    ["day", text("2026-02-30"), /such as `2026-11-22`/],
    ["day", text("10000-01-01"), /such as `2026-11-22`/],
    ["at", text("2026-11-22 13:45:00"), /with its offset/],
    ["at", text("9999-12-31 23:59:59-01"), /with its offset/],
    ["clock", text("839:00:00"), /838 hours at most/],
    ["clock", text("13:60:00"), /838 hours at most/],
    ["bits", text("10000"), /4 zeros and ones/],
    ["mood", text("okay"), /one of its 2 labels; .* Did you mean `ok`/],
    ["doc", text("{a:1}"), /JSON document/],
  ])("%s refuses what does not fit it before anything is sent", async (field, operand, reason) => {
    const failure = await compiled(compare(field, "eq", operand)).catch((error) => error);
    expect(failure).toBeInstanceOf(Failure);
    expect(failure.fields).toMatchObject([
      { field: "query.filter.compare.values[0]", description: expect.stringMatching(reason) },
    ]);
  });
});

/** An index of which a part is read, as MariaDB says it and MySQL before 9, and as MySQL 9 does. */
function served(index: string): RegExp {
  const named = `"access_type": "(?:range|ref)",[^}]*"key": "${index}"`;
  return new RegExp(`${named}|"index_name": "${index}",[^}]*"index_access_type": "index_(?:range_scan|lookup)"`);
}

describe("an index serves", () => {
  test.each<[string, Operator, Operand]>([
    ["price", "eq", text("0.1")],
    ["mood", "eq", text("ok")],
    ["day", "lt", text("2026-01-01")],
    ["at", "ge", text("2026-11-22T15:15:00+01:30")],
    ["german", "eq", text("GRÜN")],
    ["fixed", "starts_with", text("a_b")],
    ["raw", "gt", text("\\x00")],
    ["day", "is_null", text("")],
  ])("a comparison: %s %s", async (field, operator, value) => {
    const select = await compiled(compare(field, operator, ...(operator === "is_null" ? [] : [value])));
    expect(await planOf(select)).toMatch(served(field));
  });

  test.each([false, true])("the next page, descending: %s", async (descending) => {
    const resource = await source.resource("pair");
    const query = queryOf(resource, { fields: ["v"], orderBy: [{ field: "a", descending }] });
    const compile = (continuation?: string) =>
      compileSelect({ dialect: source.dialect, resource, query, page: { size: 10, continuation } });
    const next = compile(nextContinuation(compile(), 10, ["7", descending ? "2" : "48", "9"]));
    const plan = await planOf(next);
    expect(plan).toMatch(served("PRIMARY"));
    expect(plan).not.toMatch(/"filesort": \{|"using_filesort": true|"access_type": "sort"/);
  });
});

test("long texts that differ at their end only are pages in their order", async () => {
  const resource = await source.resource("story");
  const query = queryOf(resource, { orderBy: [{ field: "tale", descending: false }] });
  const ids: unknown[] = [];
  for (let continuation: string | undefined; ids.length < 4; ) {
    const page = compileSelect({ dialect: source.dialect, resource, query, page: { size: 1, continuation } });
    const [row, more] = await source.run(page.text, page.parameters);
    ids.push(row?.[0]);
    if (more === undefined) break;
    continuation = nextContinuation(page, 1, row ?? []);
  }
  expect(ids).toEqual(["3", "2", "1"]);
});

test("every placeholder has its parameter, in the order of the text", async () => {
  const resource = await source.resource("pair");
  const orderBy = [
    { field: "v", descending: true },
    { field: "b", descending: false },
  ];
  const query = queryOf(resource, { fields: ["v"], filter: compare("b", "starts_with", text("12")), orderBy });
  const page = { size: 10, continuation: JSON.stringify([10, ["77", "127", "27"]]) };
  const { text: sql, parameters } = compileSelect({ dialect: source.dialect, resource, query, page });
  expect(sql.split("?")).toHaveLength(parameters.length + 1);
  expect(parameters.slice(0, 5)).toEqual(["1%", "12", "77", "77", "127"]);
});
