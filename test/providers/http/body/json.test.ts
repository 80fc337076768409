/** Rows of JSON and NDJSON, judged by JSON.parse. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rowReader } from "../../../../src/providers/http/body/rows.ts";
import { scaled, seeded } from "../../../torture/scale.ts";
import { every, failureOf, field, json, outcome, pieces, rowsOf } from "./reading.ts";

const runs = { ...seeded, numRuns: scaled({ test: 60, torture: 30_000 }) };

const fields = [
  field("a", "other"),
  field("b", "json"),
  field("c", "other", "/b/c"),
  field("first", "other", "/l/0"),
  field("é", "other"),
];

const name = fc.oneof(fc.constantFrom("a", "b", "c", "l", "é", 'q"\\', "__proto__"), fc.string({ unit: "binary" }));
const value = fc.jsonValue({ stringUnit: "binary", maxDepth: 3 });
const row = fc.dictionary(name, fc.oneof(value, fc.dictionary(name, value), fc.array(value)), { maxKeys: 6 });
const cuts = fc.array(fc.nat(2_000), { maxLength: 30 });

/** As JSON.stringify writes it, with white space or without, and its characters escaped or not. */
const text = (documents: fc.Arbitrary<unknown>) =>
  fc.tuple(documents, fc.constantFrom("", " ", "\t"), fc.boolean()).map(([document, indent, isEscaped]) => {
    const plain = JSON.stringify(document, null, indent);
    const unit = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    return isEscaped ? plain.replace(/[^\0-~]/g, unit) : plain;
  });

/** What is at each field's path, by way of JSON.parse. */
function expected(document: string): (string | null)[][] {
  const parsed: unknown = JSON.parse(document);
  return (Array.isArray(parsed) ? parsed : [parsed]).map((each) =>
    fields.map(({ path, type }) => {
      const found = path
        .slice(1)
        .split("/")
        .reduce(
          (at: unknown, key) => (at instanceof Object && Object.hasOwn(at, key) ? at[key as never] : undefined),
          each,
        );
      if (found === undefined || found === null) return null;
      if (typeof found === "object" || type === "json") return JSON.stringify(found);
      return String(found).toWellFormed();
    }),
  );
}

/** A nested value as JSON.stringify would write it: white space and escapes are the source's. */
const normal = (rows: readonly (readonly (string | null)[])[]) =>
  rows.map((cells) =>
    cells.map((cell, i) => (cell !== null && (i === 1 || /^[[{]/.test(cell)) ? reparsed(cell) : cell)),
  );

function reparsed(cell: string): string {
  try {
    return JSON.stringify(JSON.parse(cell));
  } catch {
    return cell;
  }
}

describe("any rows, cut anywhere, give what JSON.parse gives", () => {
  test("as the document, and within one", async () => {
    await fc.assert(
      fc.asyncProperty(text(fc.array(row)), cuts, async (document, at) => {
        const want = normal(expected(document));
        expect(normal(await rowsOf({ format: json(""), fields }, document, at))).toEqual(want);
        const within = `{"x":${document},"data":{"n/m":${document}},"y":[${document}]}`;
        expect(normal(await rowsOf({ format: json("/data/n~1m"), fields }, within, at))).toEqual(want);
      }),
      runs,
    );
  });

  test("as lines", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row), fc.constantFrom("\n", "\r\n", "\n\n \n"), cuts, async (rows, end, at) => {
        const lines = rows.map((each) => JSON.stringify(each)).join(end);
        const want = normal(expected(`[${rows.map((each) => JSON.stringify(each)).join()}]`));
        expect(normal(await rowsOf({ format: { kind: "ndjson" }, fields }, lines, at))).toEqual(want);
      }),
      runs,
    );
  });
});

test("what JSON.parse refuses ends in a failure, and what it takes in none", async () => {
  const damage = fc.tuple(
    fc.nat(200),
    fc.nat(3),
    fc.constantFrom("", '"', "{", "}", "[", "]", ",", ":", "\\", "0", "-", "e", ".", "t", " ", "\n", "\0"),
  );
  await fc.assert(
    fc.asyncProperty(
      text(fc.array(row, { maxLength: 3 })),
      damage,
      cuts,
      async (document, [place, size, added], at) => {
        const from = place % (document.length + 1);
        // A half of a pair would become another character on its way.
        const damaged = (document.slice(0, from) + added + document.slice(from + size)).toWellFormed();
        const isJson = isParsed(damaged);
        const plain = await outcome({ format: json(""), fields }, pieces(damaged, at));
        expect(plain.failure === undefined).toBe(isJson);
        const skipped = await outcome({ format: json("/data"), fields }, pieces(`{"x":${damaged},"data":[]}`, at));
        expect(skipped.failure === undefined).toBe(isParsed(`{"x":${damaged},"data":[]}`));
      },
    ),
    runs,
  );
});

function isParsed(document: string): boolean {
  try {
    JSON.parse(document);
    return true;
  } catch {
    return false;
  }
}

test("any bytes at all end in rows or in a failure, whatever their format is said to be", async () => {
  const formats = [json(""), json("/a"), { kind: "ndjson" }, { kind: "json_api" }] as const;
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), cuts, async (bytes, at) => {
      for (const format of formats) await outcome({ format, fields }, pieces(bytes, at));
    }),
    runs,
  );
});

test("numbers keep their digits", async () => {
  const digits = [
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "0.10",
    "1e400",
    "-1.5E-3",
    "12345678901234567890.123456789",
  ];
  const fields = [field("row", "other", ""), field("json", "json", "")];
  expect(await rowsOf({ format: json(""), fields }, `[${digits.join()}]`)).toEqual(digits.map((text) => [text, text]));
});

test("of a name that stands twice the last counts, and nothing of what was in the first", async () => {
  const body = '[{"a":1,"b":{"c":1,"d":2},"b":{"d":3},"a":null}]';
  expect(await rowsOf({ format: json(""), fields }, body)).toEqual([[null, '{"d":3}', null, null, null]]);
});

test("keys in another order, missing, new and escaped ones are found in every row", async () => {
  const body = '[{"a":1,"x":0,"é":2},{"\\u00e9":3,"a":4},{"y":[],"\\u0061":5},{"a":6,"x":0,"é":7},{}]';
  expect(
    await rowsOf({ format: json(""), fields: [field("a", "int64"), field("é", "int64")] }, body, every(3, body)),
  ).toEqual([
    ...[
      ["1", "2"],
      ["4", "3"],
      ["5", null],
      ["6", "7"],
      [null, null],
    ],
  ]);
});

test("among more keys than can be remembered the wanted ones are found, each time", async () => {
  const many = (from: number) => Array.from({ length: 3_000 }, (_, i) => `"k${from + i}":[]`).join();
  const body = `[{${many(0)},"a":1,${many(3_000)},"\\u0062":2},{${many(6_000)},"b":3,"a":4}]`;
  const fields = [field("a", "int64"), field("b", "int64")];
  expect(await rowsOf({ format: json(""), fields }, body, every(1_000, body))).toEqual([
    ["1", "2"],
    ["4", "3"],
  ]);
});

describe("where the rows are", () => {
  const one = { fields: [field("id", "int64")] };
  const rows = async (body: string, path = "/data", absent?: "none") =>
    rowsOf({ format: json(path, absent), ...one }, body, every(2, body));

  test("a single object is the only row", async () => {
    expect(await rows('{"data":{"id":7},"x":1}')).toEqual([["7"]]);
    expect(await rows('{"id":7}', "")).toEqual([["7"]]);
  });

  test("arrays and scalars are rows, too", async () => {
    const fields = [field("id", "string", "/0"), field("all", "json", "")];
    expect(await rowsOf({ format: json(""), fields }, '[["a",1],["b"],[],"c"]')).toEqual([
      ...[
        ["a", '["a",1]'],
        ["b", '["b"]'],
        [null, "[]"],
        [null, '"c"'],
      ],
    ]);
  });

  test("there are none where they are null or an empty list", async () => {
    expect(await rows('{"data":null}')).toEqual([]);
    expect(await rows('{"data":[]}')).toEqual([]);
  });

  const elsewhere = ['{"total":0}', '{"items":[]}', '{"a":{"b":0}}', '{"a":null}', "{}", "[]"];

  test.each(elsewhere)("they are not where they should be, and the declaration is wrong: %s", async (body) => {
    const failure = await failureOf({ format: json("/a/items"), ...one }, body);
    expect(failure).toMatchObject({ kind: "configuration_rejected", final: true, metadata: { path: "/a/items" } });
    expect(failure?.remedy).toContain("absent");
  });

  test.each(elsewhere)("there are none where a source leaves out what is empty: %s", async (body) => {
    expect(await rows(body, "/a/items", "none")).toEqual([]);
  });

  test.each(["7", '"no rows"', "true"])(
    "what can't hold rows is no answer of such a source either: %s",
    async (body) => {
      const failure = await failureOf({ format: json("/a", "none"), ...one }, body);
      expect(failure).toMatchObject({ kind: "configuration_rejected", metadata: { path: "/a" } });
    },
  );

  test("JSON:API has them at data", async () => {
    const body =
      '{"data":[{"type":"t","id":"1","attributes":{"title":"x"},"relationships":{"by":{"data":{"id":"9"}}}}],"links":{"next":"/p2"}}';
    const fields = [
      field("id", "string"),
      field("title", "string", "/attributes/title"),
      field("by", "int64", "/relationships/by/data/id"),
    ];
    const read = await outcome({ format: { kind: "json_api" }, fields, beside: ["/links/next"] }, pieces(body));
    expect(read.rows).toEqual([["1", "x", "9"]]);
    expect(read.value("/links/next")).toBe("/p2");
  });
});

test("values beside the rows are told wherever they stand, and those of the last row", async () => {
  const body =
    '{"paging":{"next":{"after":"a\\u00e9\\"b"},"x":[{}]},"data":[{"id":1},{"id":"z","n":{"m":2.50}}],"has_more":true,"n":null,"l":[5,{"k":6}],"o":{}}';
  const beside = ["/paging/next/after", "/has_more", "/n", "/l/1/k", "/o", "/gone"];
  for (const size of [1, 5, 1_000]) {
    const expected = { format: json("/data"), fields: [field("id", "other")], beside, last: ["/n/m", "/id", "/gone"] };
    const read = await outcome(expected, pieces(body, every(size, body)));
    expect(read.failure).toBeUndefined();
    expect(beside.map(read.value)).toEqual(['aé"b', "true", undefined, "6", undefined, undefined]);
    expect(expected.last.map(read.last)).toEqual(["2.50", "z", undefined]);
  }
});

describe("what is wrong with a body is said", () => {
  const one = { format: json("/data"), fields: [field("id", "int64")] };

  test.each([
    ["an error page", "<html></html>"],
    ["a trailing comma", '{"data":[{"id":1},]}'],
    ["something behind its end", '{"data":[]} x'],
    ["two documents", '{"data":[]}{"data":[]}'],
    ["its rows twice", '{"data":[],"data":[]}'],
    ["a raw line end in a text", '{"data":[{"id":"1\n"}]}'],
    ["a number with a zero in front", '{"data":[{"id":01}]}'],
    ["UTF-16", Buffer.from('{"data":[]}', "utf16le")],
    ["bytes that are no characters", Buffer.from('{"data":["\xff"]}', "latin1")],
    ["a surrogate as if it were a character", Buffer.from('{"data":["\xed\xa0\x80"]}', "latin1")],
    ["10⁵ nested arrays as a row", `{"data":[${"[".repeat(100_000)}`],
    ["10⁵ nested objects beside the rows", `{"x":${'{"a":'.repeat(100_000)}`],
  ])("%s", async (_, body) => {
    expect(await failureOf(one, body)).toMatchObject({ kind: "upstream_unavailable", final: true, where: "upstream" });
  });

  test.each([
    "",
    "  ",
    "[",
    '{"data":[',
    '{"data":[{"id":1}',
    '{"data":[{"id":1}]',
    '{"da',
    '{"data":[{"id":1}],"x":tr',
    '{"data":12',
  ])("it ends in the middle: %s", async (body) => {
    expect(await failureOf(one, body)).toMatchObject({ kind: "upstream_lost", final: false });
  });

  test("it ends in the middle of a character", async () => {
    expect(await failureOf(one, Buffer.from('{"x":"é').subarray(0, -1))).toMatchObject({ kind: "upstream_lost" });
  });

  test("the rows before come first, and are counted", async () => {
    const { rows, failure } = await outcome(one, pieces('{"data":[{"id":1},{"id":2},{"id":"x"},{"id":4}]}'));
    expect(rows).toEqual([["1"], ["2"]]);
    expect(failure).toMatchObject({ kind: "configuration_rejected", metadata: { rows_before: "2", field: "id" } });
  });
});

test("a byte order mark is no part of the document, however it comes", async () => {
  const body = '\ufeff[{"id":1}]';
  for (const size of [1, 2, 3, 100]) {
    expect(await rowsOf({ format: json(""), fields: [field("id", "int64")] }, body, every(size, body))).toEqual([
      ["1"],
    ]);
  }
});

test.each(["a", "/a~2", "/a".repeat(33)])("%s is no pointer", (pointer) => {
  const expected = { resource: "things", format: json(""), fields: [field("a", "string", pointer)] };
  expect(() => rowReader(expected)).toThrow(expect.objectContaining({ kind: "configuration_rejected" }));
});
