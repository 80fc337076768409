/** What a query gives is what a filter takes. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { and, field, not, type ResourceQuery } from "../../src/client/index.ts";
import { type Source, serviceWithSource, type TextRow } from "./source.ts";
import { columns, tortureTable } from "./torture.ts";

const comparable = columns.filter((column) => column.comparable);

let source: Source;
let rows: readonly TextRow[];

beforeAll(async () => {
  source = await serviceWithSource(`${tortureTable()};
    ALTER TABLE torture ADD COLUMN large text;
    UPDATE torture SET large = repeat('🦉' || n, 100000)`);
  rows = await source.run(
    `SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 1; SELECT * FROM torture ORDER BY n`,
  );
});

afterAll(() => source.stop());

async function selected(condition: Pick<ResourceQuery, "filter" | "where">): Promise<unknown[]> {
  const query = { resource: "torture", fields: ["n"], orderBy: ["n"], ...condition };
  const { rows } = await source.client.query(source.connectorId, query);
  return rows.map((row) => row.n);
}

test.each(comparable)(
  "$name: EQ with the text of a value selects its row, and NE every other",
  async ({ name, values }) => {
    const at = columns.findIndex((column) => column.name === name) + 1;
    const filtered = values.map(async (_, n) => {
      const text = rows[n]?.[at] as string;
      const others = [...values.keys()].filter((other) => other !== n);
      expect([text, await selected({ filter: field(name).eq(text) })]).toEqual([text, [n]]);
      expect([text, await selected({ filter: field(name).ne(text) })]).toEqual([text, others]);
    });
    await Promise.all(filtered);
  },
);

test.each(comparable)("$name: IN with the texts of all values selects their rows", async ({ name, values }) => {
  const at = columns.findIndex((column) => column.name === name) + 1;
  const texts = [...values.keys()].map((n) => rows[n]?.[at] as string);
  expect(await selected({ filter: field(name).in(texts) })).toEqual([...values.keys()]);
  expect(await selected({ where: { [name]: texts } })).toEqual([...values.keys()]);
});

test("a text of some hundred kilobytes is found by itself", async () => {
  const large = rows[3]?.at(-1) as string;
  expect(large.length).toBeGreaterThan(200_000);
  expect(await selected({ filter: field("large").eq(large) })).toEqual([3]);
});

test("null is found by IS_NULL, and by no comparison", async () => {
  const last = rows.length - 1;
  expect(await selected({ filter: and(...columns.map(({ name }) => field(name).isNull())) })).toEqual([last]);
  const first = columns[0]?.name as string;
  expect(await selected({ filter: not(field(first).eq("t")) })).toEqual([1]);
});

describe("JavaScript's own values", () => {
  test.each([
    ["bool", true, 0],
    ["int8", -9223372036854775808n, 0],
    ["int8", 9007199254740993n, 3],
    ["xid8", 18446744073709551615n, 1],
    ["float8", 5e-324, 1],
    ["float8", Number.NaN, 2],
    ["float8", -Infinity, 4],
    ["float4", 0.1, 7],
    ["bytea", Uint8Array.of(0x5c, 0x78), 3],
    ["int2", -32768, 0],
  ] as const)("%s = %s selects its row", async (name, value, n) => {
    expect(await selected({ filter: field(name).eq(value) })).toEqual([n]);
    expect(await selected({ where: { [name]: value } })).toEqual([n]);
  });
});
