/** Fields out of samples. */
import { expect, test } from "vitest";
import type { RowFormat } from "../../../../src/providers/http/body/format.ts";
import { inferFields } from "../../../../src/providers/http/body/infer/fields.ts";
import { json, outcome, pieces } from "./reading.ts";

const inferred = async (format: RowFormat, body: string) =>
  (await inferFields({ resource: "things", format }, pieces(body))).map(({ name, type, path }) => [name, type, path]);

test("a field has the narrowest type that holds all its values", async () => {
  const rows = [
    '{"id":1,"u":18446744073709551615,"d":1.5,"long":1.23456789012345678,"huge":1e400,"t":"2026-01-01T00:00:00Z","l":"2026-01-01T00:00:00"}',
    '{"id":-9223372036854775808,"u":1,"d":2,"day":"2026-01-01","mixed":1,"n":null,"o":{"a":1},"a/b~":[1],"ok":true}',
    '{"mixed":"x","day":"2026-01-02","uuid":"6f9619ff-8b86-d011-b42d-00cf4fc964ff","text":"2026","__proto__":false,"either":[1]}',
    '{"either":1,"zip":"01234","day":null}',
  ];
  const body = `[${rows.join()}]`;
  const fields = await inferred(json(""), body);
  expect(fields.map(([name, type]) => `${name} ${type}`)).toEqual([
    ...[
      "id int64",
      "u uint64",
      "d double",
      "long decimal",
      "huge decimal",
      "t timestamp_tz",
      "l timestamp",
      "day date",
    ],
    ...["mixed string", "n json", "o json", "a/b~ json", "ok bool", "uuid uuid", "text string", "__proto__ bool"],
    ...["either json", "zip string"],
  ]);
  expect(fields.find(([name]) => name === "a/b~")?.[2]).toBe("/a~1b~0");
});

test("the rows they were inferred from can be read with them", async () => {
  const body =
    '{"data":[{"id":1,"attributes":{"a":1.50,"when":"2026-01-01T00:00:00+02:00"}},{"id":"x","attributes":{"a":7}}]}';
  const format = { kind: "json_api" } as const;
  const fields = await inferFields({ resource: "things", format }, pieces(body));
  expect(fields.map(({ name, nativeType }) => [name, nativeType])).toEqual([
    ["id", "integer | string"],
    ["a", "integer | number"],
    ["when", "string"],
  ]);
  const { rows, failure } = await outcome({ format, fields }, pieces(body));
  expect([rows, failure]).toEqual([
    [
      ["1", "1.5", "2025-12-31 22:00:00+00"],
      ["x", "7", null],
    ],
    undefined,
  ]);
});

test("rows that are no objects have one field", async () => {
  expect(await inferred(json(""), "[1,2.5,null]")).toEqual([["value", "double", ""]]);
  expect(await inferred({ kind: "ndjson" }, "[1]\n[2]")).toEqual([["value", "json", ""]]);
  expect(await inferred(json(""), "[]")).toEqual([]);
});

test("columns of CSV are numbers and booleans by their looks, unless zeros in front say otherwise", async () => {
  const body = "id,zip,price,ok,when,name,none\n1,01234,1.5,true,2026-01-01,,\n-2,12345,3,false,2026-01-02,x,\n";
  expect(
    (await inferred({ kind: "csv", delimiter: ",", header: true }, body)).map(([name, type]) => `${name} ${type}`),
  ).toEqual([...["id int64", "zip string", "price double", "ok bool", "when date", "name string", "none json"]]);
});

test("no more of the body is taken than is looked at", async () => {
  let isEnded = false;
  async function* endless() {
    try {
      yield Buffer.from('[{"id":1}');
      for (;;) yield Buffer.from(',{"id":2}'.repeat(1_000));
    } finally {
      isEnded = true;
    }
  }
  const fields = await inferFields({ resource: "things", format: json(""), maxRows: 10 }, endless());
  expect([fields.map(({ name }) => name), isEnded]).toEqual([["id"], true]);
});

test("nothing is inferred from XML, and that is said", async () => {
  const format = { kind: "xml", rows: "/a/b" } as const;
  await expect(inferred(format, "<a/>")).rejects.toMatchObject({ kind: "unsupported" });
});
