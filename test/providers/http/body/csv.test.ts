/** Rows of CSV, judged by csv-parse. */
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RowFormat } from "../../../../src/providers/http/body/format.ts";
import { rowReader } from "../../../../src/providers/http/body/rows.ts";
import { scaled, seeded } from "../../../torture/scale.ts";
import { every, failureOf, field, outcome, pieces, rowsOf } from "./reading.ts";

const runs = { ...seeded, numRuns: scaled({ test: 200, torture: 30_000 }) };

const csv = (header: boolean, delimiter = ","): RowFormat => ({ kind: "csv", delimiter, header });

/** What is special, and some that is not. */
const cell = fc.string({ unit: fc.constantFrom('"', ",", ";", "\n", "\r", "a", "é", "😀", " ", "1") });
const cuts = fc.array(fc.nat(300), { maxLength: 20 });

const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

test("any texts, written as CSV and cut anywhere, come back, as csv-parse reads them", async () => {
  const table = fc
    .integer({ min: 1, max: 5 })
    .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1 }));
  await fc.assert(
    fc.asyncProperty(
      table,
      fc.constantFrom(",", ";", "\t"),
      fc.constantFrom("\n", "\r\n"),
      cuts,
      async (rows, delimiter, end, at) => {
        const isPlain = (text: string) => text !== "" && !/["\r\n]/.test(text) && !text.includes(delimiter);
        const body = rows
          .map((cells) => cells.map((text) => (isPlain(text) ? text : quoted(text))).join(delimiter))
          .join(end);
        const fields = rows[0]?.map((_, i) => field(`f${i}`, "string", `/${i}`)) ?? [];
        const read = await rowsOf({ format: csv(false, delimiter), fields }, body, at);
        expect(read).toEqual(rows);
        expect(read).toEqual(parse(body, { delimiter, record_delimiter: ["\r\n", "\n"] }));
      },
    ),
    runs,
  );
});

test("any text at all is read as csv-parse reads it, or refused where it refuses", async () => {
  await fc.assert(
    fc.asyncProperty(cell, cuts, async (body, at) => {
      let judged: readonly (readonly string[])[] | undefined;
      try {
        judged = parse(body, { skip_empty_lines: true, record_delimiter: ["\r\n", "\n", "\r"] });
      } catch {}
      const fields = judged?.[0]?.map((_, i) => field(`f${i}`, "string", `/${i}`)) ?? [field("f0", "string", "/0")];
      const { rows, failure } = await outcome({ format: csv(false), fields }, pieces(body, at));
      expect(failure === undefined).toBe(judged !== undefined);
      // What is empty and has no quotes is null here.
      if (judged !== undefined) expect(rows.map((cells) => cells.map((text) => text ?? ""))).toEqual(judged);
    }),
    runs,
  );
});

test("columns are found by their names, whatever their order, and typed", async () => {
  const body =
    '\ufeffname,"the ""id""",when,price,name\r\nAnn,1,2026-11-22T13:45:00Z,1.50,x\r\n\r\n"","",,,\n"2","-3","","0.10",y\r';
  const fields = [
    field("id", "int64", '/the "id"'),
    field("name", "string"),
    field("when", "timestamp_tz"),
    field("price", "decimal"),
  ];
  for (const size of [1, 4, 1_000]) {
    const read = await outcome(
      { format: csv(true), fields, last: ["/price", "/name"] },
      pieces(body, every(size, body)),
    );
    expect(read.failure).toBeUndefined();
    expect(read.rows).toEqual([
      ["1", "Ann", "2026-11-22 13:45:00+00", "1.50"],
      [null, "", null, null],
      ["-3", "2", null, "0.10"],
    ]);
    expect([read.last("/price"), read.last("/name")]).toEqual(["0.10", "2"]);
  }
});

test("a record can be read whole, as an object of texts", async () => {
  const fields = [field("row", "json", "")];
  expect(await rowsOf({ format: csv(true), fields }, 'a,b\n1,\n"",x\n')).toEqual([
    ['{"a":"1","b":null}'],
    ['{"a":"","b":"x"}'],
  ]);
});

describe("what is wrong is said", () => {
  const one = { format: csv(true), fields: [field("id", "int64")] };

  test.each([
    ["a record with fewer cells", "id,b\n1\n"],
    ["a record with more cells", "id,b\n1,2,3\n"],
    ["a quote within a cell", 'id,b\n1,x"y\n'],
    ["something behind a quoted cell", 'id,b\n"1"x,2\n'],
    ["what is not UTF-8", Buffer.from("id\n\xe9\n", "latin1")],
    ["too many columns", `id${",".repeat(20_000)}`],
  ])("%s", async (_, body) => {
    expect(await failureOf(one, body)).toMatchObject({ kind: "upstream_unavailable", final: true });
  });

  test("a quoted cell has no end", async () => {
    expect(await failureOf(one, 'id\n"1\n2')).toMatchObject({ kind: "upstream_lost" });
  });

  test("a column is missing", async () => {
    const failure = await failureOf(one, "ident,b\n1,2\n");
    expect(failure).toMatchObject({ kind: "configuration_rejected", metadata: { field: "id", path: "/id" } });
  });

  test("a value is none of its type", async () => {
    const failure = await failureOf(one, "id\n1\nsecret\n");
    expect(failure).toMatchObject({ kind: "configuration_rejected", metadata: { rows_before: "1" } });
    expect(failure.message).not.toContain("secret");
  });
});

test.each([
  ["a delimiter of two characters", csv(true, ",,"), "/a"],
  ["a delimiter that is a quote", csv(true, '"'), "/a"],
  ["a path into a column", csv(true), "/a/b"],
  ["no path", csv(true), "a"],
] as const)("%s is no way to read CSV", (_, format, path) => {
  expect(() => rowReader({ resource: "things", format, fields: [field("a", "string", path)] })).toThrow(
    expect.objectContaining({ kind: "configuration_rejected", final: true }),
  );
});
